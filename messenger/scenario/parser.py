"""Text to scenario, pure: the grammar of the package's docstring. What is wrong is told with file, line and what was
expected."""

from __future__ import annotations

import difflib
import re
from typing import Final, List, Optional, Tuple

from messenger.scenario.directives import DIRECTIVES
from messenger.scenario.model import Miss, Scenario, See, SimpleStep, Type
from messenger.scenario.pattern import BadPattern, Pattern
from messenger.scenario.reader import BadScenario, Line, Reader, ToldAlready

__all__ = ["BadScenario", "check", "parse"]

_STEP: Final = re.compile(r"(\S+)\s+(>|<<|<|!)(\d\S*)?(?: (.*))?\Z", re.DOTALL)
_SQUEEZED: Final = re.compile(r"([A-Za-z0-9][\w.-]*) ?(<<|[<>!])(?![<>!\d]) ?(.+)\Z", re.ASCII)
"""A step that lacks a blank beside its sign."""
_WITHOUT_ENTER: Final = re.compile(r"(?:[^\\]|\\.)*\\\Z", re.DOTALL)


def parse(text: str, path: str) -> Scenario:
    """Read a scenario; raises `BadScenario` for the first line that is wrong."""
    scenario, faults = check(text, path)
    if faults:
        raise faults[0]
    return scenario


def check(text: str, path: str) -> Tuple[Scenario, List[BadScenario]]:
    """Read a scenario as far as it is one, and find all lines that are wrong, in their order."""
    reader = Reader(text, path)
    reader.scenario.claim = _claim(text)
    line = reader.go_on()
    while line is not None:
        _tried(reader, line)
        line = reader.go_on()
    try:
        reader.end()
    except BadScenario as fault:
        reader.faults.append(fault)
    return reader.scenario, sorted(reader.faults, key=lambda fault: fault.place.line)


def _claim(text: str) -> str:
    """Return the first comment."""
    claim = []
    for line in text.lstrip("\r\n").split("\n"):
        if not line.startswith("#"):
            break
        claim.append(line.lstrip("#").strip())
    return " ".join(claim).strip()


def _tried(reader: Reader, line: str) -> None:
    fault: Optional[BadScenario] = None
    try:
        if line.strip() and not line.startswith("#"):
            _read(reader, line)
        return
    except ToldAlready:
        pass
    except BadPattern as error:
        fault = reader.wrong(str(error))
    except BadScenario as error:
        fault = error
    if fault is not None:
        reader.faults.append(fault)
    while reader.next_line("|") is not None:
        pass  # they belong to the line that is wrong


def _read(reader: Reader, line: str) -> None:
    if not line.startswith("@"):
        reader.add(_step(reader, line))
        return
    word, _, rest = line[1:].partition(" ")
    directive = DIRECTIVES.get(word)
    if directive is None:
        near = difflib.get_close_matches(word, list(DIRECTIVES), 1)
        meant = (
            f": did you mean @{near[0]}?" if near else f"; there are {', '.join('@' + known for known in DIRECTIVES)}"
        )
        raise reader.wrong(f"there is no @{word}{meant}")
    directive(reader, Line(reader.place, line, word, rest.strip(" ")))


def _step(reader: Reader, line: str) -> SimpleStep:
    found = _STEP.match(line)
    if found is None:
        squeezed = _SQUEEZED.match(line)
        if squeezed is not None:
            raise reader.wrong("expected a blank before and after the sign: {} {} {}".format(*squeezed.groups()))
        under = "; a line with | belongs under @write" if line.startswith("|") else ""
        raise reader.wrong(
            "expected NAME > LINE, NAME < TEXT, NAME << TEXT or NAME ! TEXT, with blanks around the sign, "
            f"or a word with @{under}"
        )
    actor, sign, given, text = found.groups()
    reader.known(actor, server=sign != ">")
    if given is not None and not sign.startswith("<"):
        raise reader.wrong("only < and << may have seconds")
    seconds = None if given is None else reader.seconds(given, f"seconds after {sign}")
    text = text or ""
    if sign == ">":
        enter = _WITHOUT_ENTER.match(text) is None
        return Type(reader.place, line, actor, reader.unescape(text if enter else text[:-1]), enter)
    if sign == "!":
        return Miss(reader.place, line, actor, Pattern(text))
    return See(reader.place, line, actor, Pattern(text), seconds, sign == "<<")
