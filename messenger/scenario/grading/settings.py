"""Small files of `key = value` lines: dialects and marks."""

from __future__ import annotations

from typing import List, NamedTuple

from messenger.errors import ConfigError


class Setting(NamedTuple):
    """One line."""

    place: str
    """FILE:LINE."""
    key: str
    value: str


def parse_settings(text: str, path: str) -> List[Setting]:
    """Read the lines of a file.

    Empty lines and lines that begin with `#` say nothing. A value may stand in quotes, "double" or 'single', to begin
    or end with blanks; nothing in it is an escape. Raises `ConfigError` with file and line.
    """
    settings: List[Setting] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        place = f"{path}:{number}"
        if not key or not equals:
            raise ConfigError(f"{place}: expected KEY = VALUE")
        if any(setting.key == key for setting in settings):
            raise ConfigError(f"{place}: {key} is there already")
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        settings.append(Setting(place, key, value))
    return settings
