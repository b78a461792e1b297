"""`messenger replay --update`: an expectation whose words are wrong becomes what was seen instead."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Final, Mapping, NamedTuple, Optional, Sequence

from messenger.errors import ConfigError
from messenger.scenario.hiding import HIDDEN
from messenger.scenario.model import FileCheck, See
from messenger.scenario.near import nearest
from messenger.scenario.parser import check
from messenger.scenario.pattern import KINDS, PLACEHOLDER, VALUE, BadPattern, Pattern, Unknown
from messenger.scenario.setting import StepFailed

LIKE: Final = 0.6
"""How like the expectation the line has to be that takes its place, of 1."""

_TIME: Final = re.compile(KINDS["time"])
_PORT: Final = re.compile(
    r"""(\bport |"(?:udp_)?port": ?|(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f:]*::[0-9a-f:]*)(?:, |; |:))(\d{1,5})\b"""
)
_KEPT_KINDS: Final = ("time", "port")


class Change(NamedTuple):
    """A line of a file, counted from 1, that becomes another."""

    line: int
    old: str
    new: str


def mended(text: str, failure: StepFailed, values: Mapping[str, str]) -> Optional[Change]:
    """Return how a scenario has to change for a step not to fail again; None if more is wrong than some words.

    What the expectation keeps for later steps, and what it takes from earlier ones, has to be there still.
    """
    step, seen = failure.step, failure.nearest
    is_file = isinstance(step, FileCheck)
    pattern = step.pattern if isinstance(step, (See, FileCheck)) else None
    if pattern is None or pattern.is_regex or not seen or HIDDEN in step.text + seen:
        return None
    if not nearest(_bare(pattern.text, values), [_bare(_general(seen), values)], LIKE):
        return None
    new = _with_values(pattern.text, seen, values)
    new = None if new is None else _with_captures(pattern.text, _general(new))
    if new is None or not _fits(new, pattern, seen, values, is_file):
        return None
    lines = text.split("\n")
    number = step.place.line
    old_line = lines[number - 1]
    start = old_line.rfind(pattern.text)
    change = Change(number, old_line, old_line[:start] + new + old_line[start + len(pattern.text) :])
    return change if start > 0 and not check(changed(text, [change]), step.place.file)[1] else None


def changed(text: str, changes: Sequence[Change]) -> str:
    """Return the text with these lines in the place of the old ones."""
    lines = text.split("\n")
    for change in changes:
        lines[change.line - 1] = change.new
    return "\n".join(lines)


def rewrite(path: Path, text: str, changes: Sequence[Change]) -> None:
    """Change a file that was read as this text; raises `ConfigError` if it is another one by now, and `OSError`."""
    data = path.read_bytes()
    if data.decode("utf-8-sig", "replace") != text:
        raise ConfigError(f"{path} has been changed meanwhile: play it again")
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    path.write_bytes(mark + changed(text, changes).encode())


def _general(seen: str) -> str:
    """Put kinds in the place of what differs in every play."""
    return _PORT.sub(r"\1{port}", _TIME.sub("{time}", seen))


def _bare(text: str, values: Mapping[str, str]) -> str:
    """Return an expectation without names, to be compared."""
    return PLACEHOLDER.sub(r"{\2}", VALUE.sub(lambda found: _general(values.get(found[1], found[0])), text))


def _with_values(old: str, seen: str, values: Mapping[str, str]) -> Optional[str]:
    """Put `${names}` where their values are seen; None if one that was expected is not there."""
    for found in VALUE.finditer(old):
        value = values.get(found[1], "")
        if not value or value not in seen:
            return None
        seen = seen.replace(value, found[0], 1)
    run = values.get("run")
    return seen.replace(run, "${run}") if run else seen


def _with_captures(old: str, new: str) -> Optional[str]:
    """Give parts their names again; None if there is no part for one, or a kind whose place cannot be known."""
    for found in PLACEHOLDER.finditer(VALUE.sub("", old)):
        name, kind = found.groups()
        if kind not in _KEPT_KINDS or (name and f"{{{kind}}}" not in new):
            return None
        if name:
            new = new.replace(f"{{{kind}}}", found[0], 1)
    return new


def _fits(new: str, old: Pattern, seen: str, values: Mapping[str, str], whole: bool) -> bool:
    """Whether the new expectation is met by what was seen, keeps the same, and is not read as something else."""
    try:
        pattern = Pattern(new)
        return (
            not pattern.is_regex
            and new != old.text
            and set(pattern.captures) == set(old.captures)
            and pattern.match(seen, values, whole) is not None
        )
    except (BadPattern, Unknown):
        return False
