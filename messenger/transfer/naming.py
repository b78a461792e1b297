"""Names: the one that a file is offered under, and those that it may be stored under."""

from __future__ import annotations

import re
from typing import Final, Iterator

from messenger.protocol.text import clean

NAME_MAX: Final = 255
"""Bytes of a file name on every usual file system (NAME_MAX of POSIX systems)."""

EXTENSION_MAX: Final = 32
"""Bytes behind the last dot that still count as an extension, and are kept when a name is cut."""

NAMES_MAX: Final = 10_000
"""Numbers that are tried behind a name that exists."""

_DRIVE: Final = re.compile(r"^[A-Za-z]:")


def base_name(path: str) -> str:
    """Return the last part of a path of any system, with nothing in it that could be more than a name.

    Prefixed with the sender's name and `_`, as all are, it is neither a device name, nor hidden, nor `..`.
    """
    name = _DRIVE.sub("", re.split(r"[/\\]", path)[-1])
    return clean(name) or "file"


def stored_names(sender: str, name: str, room: int = 0) -> Iterator[str]:
    """Yield `SENDER_NAME`, then `SENDER_NAME (1)` and so on, with the extension behind it.

    Each has at most `NAME_MAX` bytes less `room`: of a longer one the end of the stem is left out.
    """
    stem, extension = _split(base_name(name))  # without the sender, whose name may have dots
    stem = f"{sender}_{stem}"
    for number in range(NAMES_MAX):
        ending = f" ({number}){extension}" if number else extension
        yield _cut(stem, NAME_MAX - room - len(ending.encode())) + ending


def _split(name: str) -> tuple[str, str]:
    stem, dot, extension = name.rpartition(".")
    if not stem or not extension or len(extension.encode()) > EXTENSION_MAX:
        return name, ""
    return stem, dot + extension


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode("utf-8", "ignore")
