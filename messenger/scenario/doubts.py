"""What is doubtful in a scenario that can be read, pure: steps that fail whatever happens, and steps that look like
something that they are not."""

from __future__ import annotations

import re
from typing import Dict, Final, Iterator, List, NamedTuple, Optional, Set

from messenger.scenario.model import (
    SERVER,
    Answered,
    BadAttempts,
    Control,
    Ends,
    FileCheck,
    LogIn,
    Make,
    Miss,
    Place,
    Scenario,
    See,
    SimpleStep,
    Sleep,
    Start,
    Together,
    Type,
    simple_steps,
)
from messenger.scenario.pattern import PLACEHOLDER, VALUE, Pattern


class Doubt(NamedTuple):
    """Something that is wrong or seems to be."""

    place: Place
    message: str
    is_wrong: bool = False
    """Whether it fails for certain."""

    def __str__(self) -> str:
        return f"{self.place}: {'' if self.is_wrong else 'warning: '}{self.message}"


_SLEEP: Final = (
    "@sleep is too long or too short: wait for what is shown, with <, or for a file, with @file; where time itself has "
    "to pass, say '@tags slow'"
)
_ALWAYS_KNOWN: Final = ("run", "port")
_CHECKS: Final = (See, Miss, Answered, Ends, FileCheck, LogIn, BadAttempts)
_REGEX: Final = re.compile(r"\.[*+?]|(?<!\\)\\[dwsSDWb](?!\w)|\[[^\]]*\w-\w[^\]]*\]|\(\?")
_ONCE: Final = re.compile(r"@(timeout|tags|only|marks)(?= |\Z)")
_NO_STEP: Final = re.compile(r"\s*\Z|#|@(?:server|account|timeout|tags|only|marks)(?= |\Z)")


def doubts(scenario: Scenario, text: str) -> List[Doubt]:
    """Return all that is doubtful in a scenario that was read from this text, in the order of its lines."""
    steps = list(simple_steps(scenario.steps))
    found = [*_of_file(scenario, text), *_of_times(scenario, text), *_of_blocks(scenario)]
    found += [*_of_values(scenario, steps), *_Programs(scenario).follow(steps)]
    for step in steps:
        found += [Doubt(step.place, message) for message in _of_step(step)]
        if isinstance(step, Sleep) and "slow" not in scenario.tags:
            found.append(Doubt(step.place, _SLEEP))
    return sorted(found, key=lambda doubt: doubt.place.line)


def _of_file(scenario: Scenario, text: str) -> Iterator[Doubt]:
    first = Place(scenario.path, 1)
    if not scenario.claim:
        yield Doubt(first, "it claims nothing: begin with a comment that says what the file proves")
    if not any(isinstance(step, _CHECKS) for step in simple_steps(scenario.steps)):
        yield Doubt(first, "it proves nothing: no step expects anything; <, !, @file or @ends do")


def _of_times(scenario: Scenario, text: str) -> Iterator[Doubt]:
    """Lines that count for the whole file, wherever they stand."""
    has_steps, seen = False, set()
    for number, line in enumerate(text.split("\n"), 1):
        found = _ONCE.match(line)
        place = Place(scenario.path, number)
        if found and found[1] in seen:
            yield Doubt(place, f"@{found[1]} stands there twice, and only this one counts")
        elif found and has_steps and found[1] == "timeout":
            yield Doubt(place, "@timeout counts for the steps above, too: put it first; <30 is for one step")
        if found:
            seen.add(found[1])
        has_steps = has_steps or _NO_STEP.match(line) is None


def _of_blocks(scenario: Scenario) -> Iterator[Doubt]:
    for step in scenario.steps:
        if isinstance(step, Together) and len({_actor(one) for one in step.steps}) < 2:
            yield Doubt(step.place, "nothing happens at the same time here: the steps are those of one actor, or none")


def _of_values(scenario: Scenario, steps: List[SimpleStep]) -> Iterator[Doubt]:
    """`${names}` that nothing keeps before they are used, and those that are kept and never used."""
    kept: Dict[str, Place] = {}
    used: Set[str] = set()
    actors: Set[str] = set()
    for step in steps:
        if isinstance(step, Start):
            actors.update(client.name for client in step.clients)
        for text in _filled(step):
            for name in VALUE.findall(text):
                used.add(name)
                of, _, whose = name.partition(":")
                known = whose in actors if of == "udp" else of == "password" or name in kept or name in _ALWAYS_KNOWN
                if not known:
                    yield Doubt(step.place, f"nothing before this line keeps ${{{name}}}", is_wrong=True)
        pattern = _pattern(step)
        if pattern is not None and not isinstance(step, Miss):
            kept.update(dict.fromkeys(pattern.captures, step.place))
        elif pattern is not None and pattern.captures:
            yield Doubt(step.place, "what is not seen keeps nothing: leave the name out", is_wrong=False)
    for name, place in kept.items():
        if name not in used:
            yield Doubt(place, f"{name} is kept, and ${{{name}}} is used nowhere")


def _of_step(step: SimpleStep) -> Iterator[str]:
    if isinstance(step, FileCheck) and step.what == "same" and step.path == step.other:
        yield "a file is always the same as itself"
    pattern = _pattern(step)
    if pattern is None or pattern.is_regex:
        return
    text = pattern.text
    shown = PLACEHOLDER.sub("", VALUE.sub("", text))
    if _REGEX.search(shown):
        yield f"{_REGEX.findall(shown)[0]} is text here: a regular expression stands between / and /"
    if text != text.rstrip():
        yield "the text ends with a blank, which has to be seen, too"
    if re.search(r"\s# ", text):
        yield "from # on it is text, too: a comment has a line of its own"
    if len(text) > 1 and text[0] == text[-1] == '"' and not isinstance(step, FileCheck):
        yield "the quotes are part of the text"


class _Programs:
    """Follows what is done to programs: who has ended, who stands still, who has typed half a line."""

    def __init__(self, scenario: Scenario) -> None:
        self._is_for_terminals = scenario.only == "terminal"
        self._running: Dict[str, bool] = {SERVER: True}
        """False of those that have ended for certain."""
        self._leaving: Set[str] = set()
        """Those that may have ended."""
        self._paused: Set[str] = set()
        self._slowed: Set[str] = set()
        self._half_typed: Set[str] = set()

    def follow(self, steps: List[SimpleStep]) -> Iterator[Doubt]:
        """Yield what is doubtful in steps, one after the other."""
        for step in steps:
            if isinstance(step, Start):
                yield from self._start(step)
            elif isinstance(step, Type):
                yield from self._type(step)
            elif isinstance(step, See):
                yield from self._see(step)
            elif isinstance(step, Miss):
                yield from self._miss(step)
            elif isinstance(step, Control):
                yield from self._control(step)
            elif isinstance(step, Ends):
                self._running[step.actor] = False

    def _start(self, step: Start) -> Iterator[Doubt]:
        for client in step.clients:
            if self._running.get(client.name):
                yield Doubt(step.place, f"{client.name} may still run: say @ends {client.name} before")
            if client.screen == "editor" and not self._is_for_terminals:
                yield _only_terminals(step.place, "the full interface needs one")
            self._begin(client.name)

    def _begin(self, name: str) -> None:
        self._running[name] = True
        for names in (self._paused, self._slowed, self._half_typed):
            names.discard(name)

    def _type(self, step: Type) -> Iterator[Doubt]:
        yield from self._ended(step.place, step.actor)
        if not step.enter and not self._is_for_terminals and step.actor not in self._half_typed:
            yield _only_terminals(step.place, "only there is a line that is not entered")
        (self._half_typed.discard if step.enter else self._half_typed.add)(step.actor)

    def _ended(self, place: Place, name: str) -> Iterator[Doubt]:
        if self._running.get(name) is False:
            yield Doubt(place, f"{name} has ended: start it again before", is_wrong=True)

    def _see(self, step: See) -> Iterator[Doubt]:
        if step.actor in self._paused:
            yield Doubt(step.place, f"{step.actor} stands still since @pause: only what it showed before can be seen")

    def _miss(self, step: Miss) -> Iterator[Doubt]:
        if step.actor in self._paused:
            message = f"{step.actor} stands still since @pause, and nobody can know what it will see: @resume it"
            yield Doubt(step.place, message, is_wrong=True)
        elif step.actor in self._half_typed and self._running.get(step.actor):
            message = f"{step.actor} has typed half a line: what it has seen is known when that is entered"
            yield Doubt(step.place, message, is_wrong=True)

    def _control(self, step: Control) -> Iterator[Doubt]:
        name, what = step.actor, step.what
        if what == "start":
            if self._running.get(SERVER):
                message = "the server runs: @kill server, or @stop server and @ends server, come before"
                yield Doubt(step.place, message, is_wrong=SERVER not in self._leaving)
            self._begin(SERVER)
            self._leaving.discard(SERVER)
            return
        if what != "garbage":
            yield from self._ended(step.place, name)
        if what in ("pause", "slow", "resume") and name != SERVER and not self._is_for_terminals:
            yield _only_terminals(step.place, f"the library cannot {what} a client")
        if what == "resume" and name not in self._paused | self._slowed:
            yield Doubt(step.place, f"{name} does not stand still: no @pause before")
        if what == "kill":
            self._running[name] = False
        if what == "stop":
            self._leaving.add(name)
        for names, words in ((self._paused, ("pause",)), (self._slowed, ("slow", "hold"))):
            (names.add if what in words else names.discard)(name)


def _only_terminals(place: Place, why: str) -> Doubt:
    return Doubt(place, f"this can be played in terminals alone ({why}): say '@only terminal: WHY'")


def _actor(step: SimpleStep) -> str:
    return step.clients[0].name if isinstance(step, Start) else getattr(step, "actor", "")


def _pattern(step: SimpleStep) -> Optional[Pattern]:
    return step.pattern if isinstance(step, (See, Miss, FileCheck)) else None


def _filled(step: SimpleStep) -> List[str]:
    """Return the texts of a step in which `${names}` count."""
    if isinstance(step, Type):
        return [step.line]
    if isinstance(step, LogIn):
        return [step.password]
    if isinstance(step, Make):
        return list(step.lines or ())
    pattern = _pattern(step)
    return [pattern.text] if pattern is not None else []
