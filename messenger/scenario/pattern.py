"""What an actor is expected to see: text with `{kinds}`, captures and `${values}`, or a /regular expression/."""

from __future__ import annotations

import re
from typing import Callable, Dict, Final, List, Mapping, Optional

from messenger.errors import MessengerError

KINDS: Final[Dict[str, str]] = {
    "time": r"\d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2}",
    "port": r"\d{1,5}",
    "number": r"\d+",
    "address": r"[0-9a-fA-F.:]+",
    "word": r"\S+",
    "text": r".*",
}
"""What stands for what: regular expressions of a part of a line."""

_PLACEHOLDER: Final = re.compile(r"\{(?:([a-z_]+):)?([a-z]+)\}")
_VALUE: Final = re.compile(r"\$\{([^{}]*)\}")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class BadPattern(MessengerError, ValueError):
    """An expectation that cannot be understood."""


class Unknown(MessengerError, KeyError):
    """A `${value}` that nothing has set."""

    def __str__(self) -> str:
        return str(self.args[0])


class Pattern:
    """An expectation, as it is written. It is met by a line in which it occurs."""

    def __init__(self, text: str) -> None:
        """Raises `BadPattern`."""
        self.text = text
        self._is_regex = len(text) > 2 and text[0] == text[-1] == "/"
        if not text.strip():
            raise BadPattern("what is to be seen is missing")
        self.compile(lambda name: "x", whole=False)

    def compile(self, value_of: Callable[[str], str], whole: bool) -> re.Pattern[str]:
        """Return the regular expression, once values are known; with `whole`, of a whole line."""
        if self._is_regex:
            source = substitute(self.text[1:-1], lambda name: re.escape(value_of(name)))
        else:
            source = "".join(_translate(part, value_of) for part in _split(self.text))
        try:
            return re.compile(rf"\A(?:{source})\Z" if whole else source)
        except re.error as error:
            raise BadPattern(f"{self.text} is not a regular expression: {error}") from None

    def match(self, line: str, values: Mapping[str, str], whole: bool = False) -> Optional[Dict[str, str]]:
        """Return what is captured if the line fulfils it; None if not. Raises `Unknown`."""
        found = self.compile(lambda name: look_up(name, values), whole).search(line)
        return None if found is None else {name: text for name, text in found.groupdict().items() if text is not None}

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)


def substitute(text: str, value_of: Callable[[str], str]) -> str:
    """Put values in the place of `${names}`."""
    return _VALUE.sub(lambda found: value_of(found[1]), text)


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put these values in the place of `${names}`; raises `Unknown`."""
    return substitute(text, lambda name: look_up(name, values))


def look_up(name: str, values: Mapping[str, str]) -> str:
    """Return a value; raises `Unknown`."""
    try:
        return values[name]
    except KeyError:
        raise Unknown(f"${{{name}}} is not known here; known are {', '.join(sorted(values))}") from None


def _split(text: str) -> List[str]:
    parts, end = [], 0
    for found in re.finditer(rf"{_VALUE.pattern}|{_PLACEHOLDER.pattern}", text):
        parts += [text[end : found.start()], found[0]]
        end = found.end()
    return [*parts, text[end:]]


def _translate(part: str, value_of: Callable[[str], str]) -> str:
    value = _VALUE.fullmatch(part)
    if value:
        return re.escape(value_of(value[1]))
    placeholder = _PLACEHOLDER.fullmatch(part)
    if not placeholder:
        return re.escape(part)
    name, kind = placeholder.groups()
    if kind not in KINDS:
        raise BadPattern(f"there is no kind {part}; there are {', '.join(f'{{{known}}}' for known in KINDS)}")
    return f"(?P<{name}>{KINDS[kind]})" if name else f"(?:{KINDS[kind]})"
