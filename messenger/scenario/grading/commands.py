"""The commands that start a program: read once, filled in for every start."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Final, List, Mapping, Sequence, Tuple

from messenger.errors import ConfigError

SERVER_NAMES: Final = ("port", "attempts")
CLIENT_NAMES: Final = ("host", "port", "udp_port")

_NAME: Final = re.compile(r"\{([^{}]*)\}")

Command = Tuple[str, ...]
"""Words, in which {names} stand for what differs from start to start."""


def read_command(text: str, option: str, names: Sequence[str], folder: Path) -> Command:
    """Read a command as a shell does; what it names in `folder` is found from any other folder, too.

    Raises `ConfigError` if it lacks one of the `names`, has another one, or there is no such program.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"{option}: {text!r} cannot be read: {error}") from None
    if not words:
        raise ConfigError(f"{option} needs a command")
    found = [name for word in words for name in _NAME.findall(word)]
    for name in names:
        if name not in found:
            raise ConfigError(f"{option}: {{{name}}} is missing in {text!r}")
    for name in found:
        if name not in names:
            known = ", ".join(f"{{{one}}}" for one in names)
            raise ConfigError(f"{option}: there is no {{{name}}}; there are {known}")
    absolute = [_absolute(word, folder) for word in words]
    if shutil.which(absolute[0]) is None:
        raise ConfigError(f"{option}: there is no program {words[0]}")
    return tuple(absolute)


def fill_command(command: Command, values: Mapping[str, str]) -> List[str]:
    """Return the words of one start."""
    return [_NAME.sub(lambda found: values[found[1]], word) for word in command]


def _absolute(word: str, folder: Path) -> str:
    return str(folder / word) if not word.startswith(("-", "/")) and (folder / word).exists() else word
