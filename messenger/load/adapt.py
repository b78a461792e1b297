"""A scenario as load, pure: its actors become roles that many people play at the same time on one server.

Every run has accounts of its own in the place of the actors' names, in what is typed and in what is expected, and a
suffix at the names of groups. What makes no sense with many runs on one server is left out, or the file is refused.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Callable, Final, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from messenger.errors import ConfigError
from messenger.scenario.model import (
    SERVER,
    AnyStep,
    Client,
    Control,
    Ends,
    FileCheck,
    Miss,
    Scenario,
    See,
    ServerSetup,
    Start,
    Together,
    Type,
)
from messenger.scenario.pattern import Pattern

_GROUP: Final = re.compile(r"/creategroup +([A-Za-z0-9]+)")
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
        if isinstance(step, Control):
            raise ConfigError(f"{step.place}: cannot be load: {step.text}")
        if isinstance(step, See) and "no other active user" in step.pattern.text:
            raise ConfigError(f"{step.place}: cannot be load: somebody else is always online")
    if scenario.server.is_own:
        left_out.insert(0, f"@server attempts={scenario.server.attempts}")
    users = tuple(dict.fromkeys(client.user for step in flat if isinstance(step, Start) for client in step.clients))
    lines = [step.line for step in flat if isinstance(step, Type)]
    groups = tuple(dict.fromkeys(found[1] for line in lines for found in [_GROUP.match(line)] if found))
    return Adapted(replace(scenario, steps=steps, server=ServerSetup()), users, groups, tuple(left_out))


def _flat(steps: Sequence[AnyStep]) -> List[AnyStep]:
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
    if isinstance(step, Together):
        return replace(step, steps=tuple(_rename(one, rename, accounts) for one in step.steps))  # type: ignore[misc]
    if isinstance(step, Start):
        clients: Tuple[Client, ...] = tuple(
            replace(client, user=accounts[client.user], options=tuple(map(rename, client.options)))
            for client in step.clients
        )
        return replace(step, clients=clients)
    if isinstance(step, Type):
        return replace(step, line=rename(step.line))
    if isinstance(step, (See, Miss)):
        return replace(step, pattern=Pattern(rename(step.pattern.text)))
    if isinstance(step, FileCheck):
        # Folders keep the actors' names; what a file is called has its sender's.
        folder, _, name = step.path.rpartition("/")
        return replace(step, path=f"{folder}/{rename(name)}")
    return step
