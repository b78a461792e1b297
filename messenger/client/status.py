"""How the programs end: exit statuses, and the line on stderr that says why."""

from __future__ import annotations

import enum

from messenger.client.screen import Output
from messenger.protocol.text import clean


class Status(enum.IntEnum):
    """Exit statuses of `messenger chat` and `messenger push`."""

    OK = 0
    FAILED = 1
    """A command was refused, a file not delivered or a `/wait` not met (not at a terminal: a person has seen it)."""
    USAGE = 2
    NO_CONNECTION = 3
    """Could not connect, or lost the connection."""
    LOGIN_REFUSED = 4
    """Login refused or blocked, or the input ended in the middle of it."""
    INTERRUPTED = 130


def complain_on_stderr(message: str) -> None:
    """Tell a person something that does not belong to the conversation, most often why the program ends."""
    lines = [clean(line) for line in message.split("\n")]
    Output(2).write(("messenger: " if len(lines) == 1 else "") + "\n".join(lines) + "\n")
