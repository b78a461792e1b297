"""The options that a load run adds to Locust's, and what they ask for."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Dict, List, Sequence

from messenger.errors import ConfigError
from messenger.load.adapt import Adapted, adapt
from messenger.load.faults import SERVER_FAULTS
from messenger.load.plan import ROLES, SCENARIO, Plan, parse_mix, parse_sizes
from messenger.load.profiles import Fault, Profile, parse_fault, parse_stages
from messenger.load.thresholds import parse_threshold
from messenger.scenario.parser import BadScenario, parse


def add_options(parser: Any) -> None:
    """Add them to Locust's parser."""
    group = parser.add_argument_group("messenger", "what the users of the messenger do")
    defaults = Plan()
    options: Sequence[Any] = (
        ("--mix", str, "", f"who does what: ROLE=SHARE,… of people, in the place of names of classes (messages, if "
         f"neither is given); roles, which are tags, too: {', '.join(ROLES)}"),
        ("--people", int, 0, "how many people there are, in the place of --users: a user is often several people"),
        ("--scenario", str, "", "play this scenario file, in the place of --mix"),
        ("--message-rate", float, defaults.rate, "messages a second of each sender, whatever becomes of those before; "
         "0: each waits for the acknowledgement, and then thinks"),
        ("--think", float, defaults.think, "seconds between two actions, on average"),
        ("--text-bytes", int, defaults.text_bytes, "length of a message"),
        ("--file-size", str, "5MB", "size of files: SIZE, or LEAST-MOST"),
        ("--group-size", int, defaults.group_size, "members of a group"),
        ("--drain", float, defaults.drain, "seconds in which answers and deliveries are waited for at the end"),
        ("--credentials", str, "credentials.txt", "accounts, a line each: NAME PASSWORD"),
        ("--stages", str, "", "SECONDS:PEOPLE …, in the place of --people and --run-time"),
        ("--load-json", str, "", "write the record of the run to this file"),
    )  # fmt: skip
    group.add_argument("--fault", action="append", metavar="'SECONDS WHAT'", help="as '20 kill-clients 10%%'")
    for name, kind, default, text in options:
        group.add_argument(name, type=kind, default=default, help=text)


def class_name(role: str) -> str:
    """Return what Locust calls the users of a role."""
    return "".join(word.capitalize() for word in role.split("-")) + "User"


def mix_of(options: Any) -> Dict[str, float]:
    """Return who does what: by `--mix`, the classes that are named, or tags; raises `ConfigError`."""
    named, tags, excluded = (getattr(options, name, None) or () for name in ("user_classes", "tags", "exclude_tags"))
    if options.mix:
        mix = parse_mix(options.mix)
    elif named:
        mix = {role: 1.0 for role in ROLES if class_name(role) in named}
    else:
        mix = dict.fromkeys(ROLES if tags or excluded else ("messages",), 1.0)
    mix = {role: share for role, share in mix.items() if (not tags or role in tags) and role not in excluded}
    if not any(mix.values()):
        raise ConfigError("nobody is left to play: look at --mix, the classes that are named, --tags, --exclude-tags")
    return mix


def plan_of(options: Any) -> Plan:
    """Read Locust's options; raises `ConfigError`."""
    adapted = read_scenario(Path(options.scenario)) if options.scenario else None
    return Plan(
        mix={SCENARIO: 1.0} if adapted is not None else mix_of(options),
        scenario=options.scenario,
        scenario_people=len(adapted.users) if adapted is not None else 1,
        rate=options.message_rate,
        think=options.think,
        text_bytes=options.text_bytes,
        file_bytes=parse_sizes(options.file_size),
        group_size=options.group_size,
        drain=options.drain,
    )


def faults_of(options: Any) -> List[Fault]:
    """Read what is to go wrong; raises `ConfigError`."""
    given = options.fault or ()
    faults = [parse_fault(line) for line in ([given] if isinstance(given, str) else given)]  # the web page has one
    end = parse_stages(options.stages)[-1][0] if options.stages else getattr(options, "run_time", None)
    for fault in faults:
        if fault.what in SERVER_FAULTS:
            raise ConfigError(f"{fault.what} is for 'messenger load', which starts the server, and not for Locust")
        look_at_time(fault, float(end or math.inf))
    return faults


def look_at_time(fault: Fault, end: float) -> None:
    """Raise `ConfigError` if the run is over before it comes to this fault."""
    if fault.at >= end:
        raise ConfigError(f"{fault.text} after {fault.at:g} s is never done: the run ends after {end:g} s")


def read_scenario(path: Path) -> Adapted:
    """Read a scenario and make it fit for load; raises `ConfigError`."""
    try:
        return adapt(parse(path.read_text(encoding="utf-8"), str(path)))
    except BadScenario as error:
        raise ConfigError(str(error)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the scenario {path}: {error}") from None


def is_scenario(name: str) -> bool:
    """Tell the file of a scenario from a profile."""
    return name.endswith(".scenario")


def scenario_profile(path: Path) -> Profile:
    """Return the profile of a scenario as load: 50 people for 20 s, and none may fail; raises `ConfigError`."""
    adapted = read_scenario(path)
    plan = Plan({SCENARIO: 1.0}, scenario=str(path), scenario_people=len(adapted.users))
    return Profile(
        path.stem,
        title=adapted.scenario.claim,
        people=50,
        plan=plan,
        expect=tuple(map(parse_threshold, ("scenario.failures == 0", "scenario.count >= 1", "plays.unfinished == 0"))),
    )
