"""A scenario as load, pure: its actors become roles that many people play at the same time on one server.

Every run has accounts of its own in the place of the actors' names, in what is typed and in what is expected, and a
suffix at the names of groups. What makes no sense with many runs on one server is left out, or the file is refused.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Callable, Dict, Final, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from messenger.errors import ConfigError
from messenger.scenario.model import (
    SERVER,
    AnyStep,
    BadAttempts,
    Control,
    Ends,
    FileCheck,
    LogIn,
    Make,
    Miss,
    Scenario,
    See,
    ServerSetup,
    SimpleStep,
    Start,
    Together,
    Type,
)
from messenger.scenario.pattern import Pattern

_GROUP: Final = re.compile(r"/creategroup +([A-Za-z0-9]+)")
_PASSWORD: Final = re.compile(r"\$\{password:([^}]+)\}")
_ABSENT: Final = re.compile(r"([A-Za-z0-9.-]+) is not online")
_LONGEST: Final = 32
"""Characters of a group's name."""
_SUFFIX: Final = "8 digits"
_LOGIN_REFUSED: Final = 4
"""The status of a client that was not let in."""
_WORD: Final = r"(?<![A-Za-z0-9._-])(?:{})(?![A-Za-z0-9-])"


class Adapted(NamedTuple):
    """A scenario that may be played many times at once."""

    scenario: Scenario
    users: Tuple[str, ...]
    """The user names in it, to be replaced."""
    groups: Tuple[str, ...]
    """The group names in it, which get a suffix."""
    left_out: Tuple[str, ...]
    """The steps that are left out, as they are written."""

    def cast(self, accounts: Mapping[str, str], suffix: str) -> Scenario:
        """Return the scenario with these accounts in the place of users, and the suffix behind groups."""
        names = {**accounts, **{group: group + suffix for group in self.groups}}
        words = sorted(names, key=len, reverse=True)
        found = re.compile(_WORD.format("|".join(map(re.escape, words)))) if words else None

        def rename(text: str) -> str:
            return found.sub(lambda match: names[match[0]], text) if found else text

        return replace(self.scenario, steps=[_rename(step, rename, accounts) for step in self.scenario.steps])


def adapt(scenario: Scenario) -> Adapted:
    """Make a scenario fit for load; raises `ConfigError` with the reason if it cannot be."""
    left_out: List[str] = []
    steps = [kept for kept in (_keep(step, left_out) for step in scenario.steps) if kept is not None]
    if scenario.accounts or scenario.server.options or scenario.server.is_controlled:
        raise ConfigError(f"{scenario.path} cannot be load: it needs a server of its own")
    if scenario.only == "terminal":
        raise ConfigError(f"{scenario.path} cannot be load: it is only for terminals, {scenario.only_reason}")
    flat = _flat(steps)
    for step in flat:
        reason = _refusal(step)
        if reason:
            raise ConfigError(f"{step.place}: cannot be load: {reason}")
    for step in _never_made_good(flat):
        raise ConfigError(f"{step.place}: cannot be load: failed logins that no good one follows add up to a block")
    if scenario.server.is_own:
        left_out.insert(0, f"@server attempts={scenario.server.attempts}")
    lines = [line for step in flat for line in _lines(step)]
    clients = [client.user for step in flat if isinstance(step, Start) for client in step.clients]
    named = [
        name for line in lines for name in _PASSWORD.findall(line)
    ]  # whoever logs in by hand may have another name
    users = tuple(dict.fromkeys([*clients, *named]))
    groups = tuple(dict.fromkeys(found[1] for line in lines for found in [_GROUP.match(line)] if found))
    for step in flat:
        reason = _stranger(step, users) or _too_long(step)
        if reason:
            raise ConfigError(f"{step.place}: cannot be load: {reason}")
    return Adapted(replace(scenario, steps=steps, server=ServerSetup()), users, groups, tuple(left_out))


def _refusal(step: SimpleStep) -> str:
    """Return why a step cannot be load; nothing if it can."""
    if isinstance(step, Control):
        return step.text
    if isinstance(step, BadAttempts):
        return "it needs a server of its own"
    if isinstance(step, LogIn) and not step.is_let_in:
        return "a block lasts longer than the play, and the next one needs its account"
    if isinstance(step, See) and "blocked" in step.pattern.text:
        return "how many failures block is the server's affair, and a block lasts longer than the play"
    if isinstance(step, See) and "no other active user" in step.pattern.text:
        return "somebody else is always online"
    return ""


def _stranger(step: SimpleStep, users: Sequence[str]) -> str:
    absent = _ABSENT.findall(step.pattern.text) if isinstance(step, See) else []
    strangers = [name for name in absent if name not in users]
    return f"{strangers[0]} is no actor, and no account of the load is called so" if strangers else ""


def _too_long(step: SimpleStep) -> str:
    names = [found[1] for line in _lines(step) for found in [_GROUP.match(line)] if found]
    long = [name for name in names if _LONGEST - len(_SUFFIX) < len(name) <= _LONGEST]
    return f"the name of the group {long[0]} leaves no room for what tells the plays apart" if long else ""


def _never_made_good(steps: Sequence[SimpleStep]) -> List[SimpleStep]:
    """Return the first failed login of each client that is let in at no later time: only that resets their count."""
    failed: Dict[str, SimpleStep] = {}
    is_second = {step.actor for step in steps if isinstance(step, See) and "logged in already" in step.pattern.text}
    for step in steps:
        if isinstance(step, Ends) and step.status == _LOGIN_REFUSED and step.actor not in is_second:
            failed.setdefault(step.actor, step)
        if isinstance(step, See) and "wrong user name or password" in step.pattern.text:
            failed.setdefault(step.actor, step)
        elif isinstance(step, See) and "Welcome" in step.pattern.text:
            failed.pop(step.actor, None)
    return [*failed.values()]


def _lines(step: SimpleStep) -> Sequence[str]:
    """Return what is typed in a step, now or by a script that it writes."""
    if isinstance(step, Type):
        return (step.line,)
    if isinstance(step, LogIn):
        return (step.password,)
    return step.lines or () if isinstance(step, Make) else ()


def _flat(steps: Sequence[AnyStep]) -> List[SimpleStep]:
    return [one for step in steps for one in (step.steps if isinstance(step, Together) else (step,))]


def _keep(step: AnyStep, left_out: List[str]) -> Optional[AnyStep]:
    if isinstance(step, Together):
        kept = tuple(one for one in step.steps if _keep(one, left_out) is not None)
        return replace(step, steps=kept) if kept else None
    is_about_files = isinstance(step, FileCheck) and not _is_of_client(step)
    is_about_server = isinstance(step, (See, Miss, Ends)) and step.actor == SERVER
    if is_about_files or is_about_server:
        left_out.append(step.text)
        return None
    return step


def _is_of_client(step: FileCheck) -> bool:
    """Whether the file stands in a client's folder: the server's are those of everybody."""
    return "/" in step.path


def _rename(step: AnyStep, rename: Callable[[str], str], accounts: Mapping[str, str]) -> AnyStep:
    new: Dict[str, Any] = {}
    if isinstance(step, Together):
        new["steps"] = tuple(_rename(one, rename, accounts) for one in step.steps)
    elif isinstance(step, Start):
        new["clients"] = tuple(
            replace(client, user=accounts[client.user], options=tuple(map(rename, client.options)))
            for client in step.clients
        )
    elif isinstance(step, Type):
        new["line"] = rename(step.line)
    elif isinstance(step, LogIn):
        new["password"] = rename(step.password)
    elif isinstance(step, Make):
        new["lines"] = None if step.lines is None else tuple(map(rename, step.lines))
        new["path"] = _renamed_path(step.path, rename)
    elif isinstance(step, (See, Miss)):
        new["pattern"] = Pattern(rename(step.pattern.text))
    elif isinstance(step, FileCheck):
        new.update(path=_renamed_path(step.path, rename), other=_renamed_path(step.other, rename))
    return replace(step, **new) if new else step


def _renamed_path(path: str, rename: Callable[[str], str]) -> str:
    """Folders keep the actors' names; what a file is called has its sender's."""
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{rename(name)}"
