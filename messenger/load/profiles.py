"""Profiles: small files that say what a load run is. `NAME.ini`, with one section:

    [load]
    title = Logins, as many as come
    people = 200            how many there are
    rate = 50               messages a second of all together (open model); without: closed model, see think
    duration = 30           seconds, from the first user to the last message
    ramp = 5                seconds in which people come
    mix = messages=80, groups=20
    expect = lost == 0      thresholds, one a line
             delivery.p99 < 50ms
    faults = 10 restart-server
             20 kill-clients 10%
    find-max = 1.5          raise the rate by this factor, in runs of `duration`, until a threshold breaks
    stages = 0:100 30:500 60:100     seconds and people, in the place of people, duration and ramp; between two
                                     stages the number changes evenly, and the rate is that of the largest

and think, text-bytes, file-size, group-size, drain, which are the options of the locustfile.
"""

from __future__ import annotations

import configparser
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, Dict, Final, List, Optional, Tuple

from messenger.errors import ConfigError
from messenger.load.faults import check_fault, seconds_of
from messenger.load.plan import Plan, parse_mix, parse_sizes
from messenger.load.thresholds import Threshold, parse_threshold

FAULTS: Final = ("restart-server", "kill-server", "pause-server", "kill-clients", "pause-receivers", "udp")
"""What can go wrong on purpose, see `messenger.load.faults`."""


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong on purpose."""

    at: float
    """Seconds after the first user."""
    what: str
    """One of `FAULTS`."""
    how: str = ""

    @property
    def text(self) -> str:
        """What goes wrong, in words."""
        return f"{self.what} {self.how}".strip()


@dataclass(frozen=True)
class Profile:
    """One run; raises `ConfigError` when built with an impossible value."""

    name: str
    title: str = ""
    people: int = 100
    rate: float = 0.0
    """Messages a second of all together; 0: closed model."""
    duration: float = 20.0
    ramp: float = 3.0
    stages: Tuple[Tuple[float, int], ...] = ()
    plan: Plan = Plan()  # noqa: RUF009 - frozen
    expect: Tuple[Threshold, ...] = ()
    faults: Tuple[Fault, ...] = ()
    find_max: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.people <= 1_000_000:
            raise ConfigError(f"people must be from 1 to a million, not {self.people}")
        for name, value in (("duration", self.duration), ("rate", self.rate), ("ramp", self.ramp)):
            if not 0 <= value < 1e7 or (name == "duration" and value < 1):
                raise ConfigError(f"{name} cannot be {value:g}")
        if self.duration % 1 and not self.stages:
            raise ConfigError(f"duration must be whole seconds, not {self.duration:g}")  # Locust's are
        if self.find_max and not (1 < self.find_max <= 10 and self.rate):
            raise ConfigError("find-max must be a factor above 1, and needs a rate to begin with")

    @property
    def users(self) -> Dict[str, int]:
        """How many Locust users of each role there are."""
        return self.plan.users(self.people)

    @property
    def accounts(self) -> int:
        """How many accounts they need at most."""
        if self.stages:
            return max(self.plan.most_people_of(people) for _, people in self.stages)
        return self.plan.people(self.users)

    @property
    def length(self) -> float:
        """Seconds from the first user to the last message."""
        return self.stages[-1][0] if self.stages else self.duration

    @property
    def rate_of_each(self) -> float:
        """Messages a second of each user who sends."""
        senders = sum(count for role, count in self.users.items() if role in _SENDERS)
        return self.rate / senders if senders else 0.0


_SENDERS: Final = ("messages", "groups", "reconnects", "slow-readers")
_PLAN: Final[Dict[str, Callable[[str], Any]]] = {
    "mix": parse_mix,
    "think": float,
    "text-bytes": int,
    "file-size": parse_sizes,
    "group-size": int,
    "drain": float,
}
_OWN: Final[Dict[str, Callable[[str], Any]]] = {
    "title": str,
    "people": int,
    "rate": float,
    "duration": float,
    "ramp": float,
    "find-max": float,
}


def read_profile(path: Path) -> Profile:
    """Read a profile; raises `ConfigError` that names the file and the entry."""
    parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=("#",))
    try:
        parser.read_string(path.read_text(encoding="utf-8"), str(path))
        entries = dict(parser["load"])
    except OSError as error:
        raise ConfigError(f"cannot read the profile {path}: {error.strerror}") from None
    except (configparser.Error, KeyError, UnicodeDecodeError):
        raise ConfigError(f"{path} is no profile: it has no section [load] with lines NAME = VALUE") from None
    return change(Profile(path.stem), entries, str(path))


def change(profile: Profile, entries: Dict[str, str], where: str) -> Profile:
    """Return the profile with some entries in the place of its own; raises `ConfigError`.

    The stages that a profile has already are stretched to another duration and another greatest number of people.
    With stages, people are those of the largest, and the duration is that of all.
    """
    own: Dict[str, Any] = {}
    plan: Dict[str, Any] = {}
    for name, text in entries.items():
        try:
            if name in _PLAN:
                plan[_FIELDS.get(name, name.replace("-", "_"))] = _PLAN[name](text)
            elif name in _OWN:
                own[name.replace("-", "_")] = _OWN[name](text)
            elif name == "expect":
                own["expect"] = tuple(parse_threshold(line) for line in _lines(text))
            elif name == "faults":
                own["faults"] = tuple(parse_fault(line) for line in _lines(text))
            elif name == "stages":
                own["stages"] = parse_stages(text)
            else:
                raise ConfigError(f"there is no entry {name}")
        except ValueError as error:
            said = str(error) if isinstance(error, ConfigError) else f"{name} cannot be {text!r}"
            raise ConfigError(f"{where}: {said}") from None
    if profile.stages and "stages" not in own:
        own["stages"] = _stretch(profile.stages, own.get("duration"), own.get("people"))
    if own.get("stages"):
        own["people"] = max(people for _, people in own["stages"])
        own["duration"] = own["stages"][-1][0]
    try:
        return replace(profile, plan=replace(profile.plan, **plan), **own)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def _stretch(
    stages: Tuple[Tuple[float, int], ...], duration: Optional[float], people: Optional[int]
) -> Tuple[Tuple[float, int], ...]:
    slower = duration / stages[-1][0] if duration else 1.0
    larger = people / max(count for _, count in stages) if people else 1.0
    return tuple((at * slower, round(count * larger)) for at, count in stages)


def parse_stages(text: str) -> Tuple[Tuple[float, int], ...]:
    """Read `0:100 30:500`: seconds and people; raises `ConfigError`."""
    try:
        stages = tuple((float(at), int(people)) for at, _, people in (part.partition(":") for part in text.split()))
    except ValueError:
        stages = ()
    if (
        len(stages) < 2
        or any(people < 0 for _, people in stages)
        or not any(people for _, people in stages)
        or any(one[0] >= two[0] for one, two in zip(stages, stages[1:]))
    ):
        raise ConfigError(f"stages must be two or more SECONDS:PEOPLE, later and later, with somebody, not {text!r}")
    return stages


def _lines(text: str) -> List[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def parse_fault(line: str) -> Fault:
    """Read `10 restart-server`; raises `ConfigError`."""
    at, _, rest = line.partition(" ")
    what, _, how = rest.strip().partition(" ")
    try:
        seconds = seconds_of(at)
    except ConfigError:
        what = ""
    if what not in FAULTS:
        raise ConfigError(f"a fault is SECONDS WHAT, with WHAT one of {', '.join(FAULTS)}, not {line!r}")
    check_fault(what, how)
    return Fault(seconds, what, how.strip())


_FIELDS: Final = {"file-size": "file_bytes"}
