"""Which of the lines that were seen is most like the one that was expected: for people, and for `--update`."""

from __future__ import annotations

import difflib
from typing import Final, Mapping, Sequence

from messenger.scenario.pattern import PLACEHOLDER, VALUE, is_regex

LIKE: Final = 0.4
"""How like it a line has to be to be told, of 1."""

_LINES_MAX: Final = 300
_CHARACTERS_MAX: Final = 300


def expected(text: str, values: Mapping[str, str]) -> str:
    """Return what was expected with the values that are known and no secrets."""
    return VALUE.sub(lambda found: found[0] if is_secret(found[1]) else values.get(found[1], found[0]), text)


def compared(wanted: str, near: str) -> str:
    """Return what was expected above what comes nearest to it."""
    return f"    expected  {wanted}" + (f"\n    nearest   {near}" if near else "")


def hint(text: str, wanted: str, near: str, is_next: bool = False) -> str:
    """Return why a line is not what was expected, though it reads the same; nothing if it does not.

    `text` is the expectation as it is written, `wanted` as it is shown.
    """
    kind = PLACEHOLDER.search(text)
    if wanted != near:
        return ""
    if kind is not None and not is_regex(text):
        return f"    they differ, as {kind[0]} stands for what differs: as text it is written /\\{kind[0][:-1]}\\}}/"
    return "    it stands before the line that was seen last, and << looks behind that" if is_next else ""


def is_secret(name: str) -> bool:
    """Tell whether a value of this name is never shown."""
    return name.startswith("password:")


def nearest(text: str, lines: Sequence[str], like: float = LIKE) -> str:
    """Return the line that is most like `text`, the newest of equals; nothing if none is."""
    best, best_line = like, ""
    matcher = difflib.SequenceMatcher(autojunk=False)
    matcher.set_seq2(text[:_CHARACTERS_MAX])
    for line in lines[-_LINES_MAX:]:
        matcher.set_seq1(line[:_CHARACTERS_MAX])
        score = max(matcher.ratio(), _held(matcher, len(line), len(text)))
        if score >= best:
            best, best_line = score, line
    return best_line


def _held(matcher: difflib.SequenceMatcher[str], line: int, text: int) -> float:
    """How much of the text stands in the line in one piece: an expectation may be a small part of a line."""
    size = matcher.find_longest_match(0, min(line, _CHARACTERS_MAX), 0, min(text, _CHARACTERS_MAX)).size
    return 0.9 * size / max(text, 1)
