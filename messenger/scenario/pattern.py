"""What an actor is expected to see: text with `{kinds}`, captures and `${values}`, or a /regular expression/."""

from __future__ import annotations

import re
import warnings
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

PLACEHOLDER: Final = re.compile(r"\{(?:([a-z_]+):)?([a-z]+)\}")
"""`{kind}`, or `{name:kind}`."""

VALUE: Final = re.compile(r"\$\{([^{}]*)\}")
"""`${name}`."""

READ_IN_TEXT: Final = re.compile(r"\$\{[^{}]*\}|\{(?:[a-z_]+:)?[a-z]+\}")
"""Either of them: all that stands for something else in a text that is no regular expression."""

Match = Callable[[str], Optional[Dict[str, str]]]
"""Takes a line and returns what is captured if it is as expected; None if not."""


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
        self.is_regex = is_regex(text)
        if not text.strip():
            raise BadPattern("what is to be seen is missing")
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what a later Python reads otherwise is not to be written today
            self.captures = tuple(self._compile(lambda name: "x").groupindex)
        """The names under which it keeps parts of a line."""

    def matching(self, values: Mapping[str, str], whole: bool = False) -> Match:
        """Return what matches lines with it; with `whole`, whole lines only. Raises `Unknown`."""
        compiled = self._compile(lambda name: look_up(name, values))
        find = compiled.fullmatch if whole else compiled.search

        def match(line: str) -> Optional[Dict[str, str]]:
            found = find(line)
            return found and {name: text for name, text in found.groupdict().items() if text is not None}

        return match

    def match(self, line: str, values: Mapping[str, str], whole: bool = False) -> Optional[Dict[str, str]]:
        """Match one line; see `matching`."""
        return self.matching(values, whole)(line)

    def _compile(self, value_of: Callable[[str], str]) -> re.Pattern[str]:
        if self.is_regex:
            source = substitute(self.text[1:-1], lambda name: re.escape(value_of(name)))
        else:
            source = "".join(_translate(part, value_of) for part in _split(self.text))
        try:
            return re.compile(source)
        except (re.error, OverflowError, RecursionError, Warning) as error:
            if not self.is_regex:
                raise BadPattern("a name can be kept once in a text, and one stands there twice") from None
            raise BadPattern(f"{self.text} is not a regular expression: {error}") from None

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)


def is_regex(text: str) -> bool:
    """Whether a text is a regular expression between slashes."""
    return len(text) > 2 and text[0] == text[-1] == "/"


def substitute(text: str, value_of: Callable[[str], str]) -> str:
    """Put values in the place of `${names}`."""
    return VALUE.sub(lambda found: value_of(found[1]), text)


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
    for found in READ_IN_TEXT.finditer(text):
        parts += [text[end : found.start()], found[0]]
        end = found.end()
    return [*parts, text[end:]]


def _translate(part: str, value_of: Callable[[str], str]) -> str:
    value = VALUE.fullmatch(part)
    if value:
        return re.escape(value_of(value[1]))
    placeholder = PLACEHOLDER.fullmatch(part)
    if not placeholder:
        return re.escape(part)
    name, kind = placeholder.groups()
    if kind not in KINDS:
        raise BadPattern(f"there is no kind {part}; there are {', '.join(f'{{{known}}}' for known in KINDS)}")
    return f"(?P<{name}>{KINDS[kind]})" if name else f"(?:{KINDS[kind]})"
