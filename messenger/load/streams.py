"""Delivery accounting, pure: every message carries its stream and number, so each one's fate is known.

A stream is one sender's messages to one recipient. In the end each message that was sent is exactly one of

    delivered     the recipient has seen it (once or more: the further times are counted as duplicates)
    lost          the server acknowledged it, and the recipient never saw it
    refused       the server answered that it did not take it, or there was no connection to send it over
    unfinished    nobody knows: neither an answer nor the recipient has told of it when the run ended, or the server
                  acknowledged it, and the recipient had not yet read everything that waited for it

What a recipient sees with another text than was sent is `corrupted`, and not delivered; what somebody sees whom it was
not sent to is `misdelivered`.
"""

from __future__ import annotations

import random
import re
import string
from dataclasses import dataclass, fields
from typing import Dict, Final, Optional, Set, Tuple

_TEXT: Final = re.compile(r"([0-9a-z]+)\.(\d+)\.(\d+)(?: |\Z)")

_PLACES: Final = 5003
_PADDING: Final = "".join(random.Random(1).choices(string.ascii_letters, k=_PLACES)) * 2  # noqa: S311 - no secret
"""What texts are filled up with, each from another place on, so that a part of another one is noticed."""


@dataclass
class Fates:
    """How many messages met which fate; may be added up over streams and workers."""

    sent: int = 0
    acked: int = 0
    delivered: int = 0
    lost: int = 0
    refused: int = 0
    unfinished: int = 0
    duplicated: int = 0
    """Further copies of delivered messages."""
    reordered: int = 0
    """Delivered after a later one of its stream."""
    corrupted: int = 0
    """Seen with another text than was sent."""
    misdelivered: int = 0
    """Seen by somebody to whom it was not sent."""

    def add(self, other: Fates) -> None:
        """Add what another one counted."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))

    def as_dict(self) -> Dict[str, int]:
        """Return the counts by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def text_of(run: str, stream: int, number: int, size: int = 0) -> str:
    """Return the text of a message, filled up to `size` characters: always the same, so that it can be compared."""
    head = f"{run}.{stream}.{number}"
    room = size - len(head) - 1
    if room <= 0:
        return head
    start = (7 * stream + number) * 1009 % _PLACES
    end = start + room
    return f"{head} {_PADDING[start:end]}"


def read_text(text: str) -> Optional[Tuple[str, int, int]]:
    """Return run, stream and number of a text that `text_of` made; None for any other."""
    found = _TEXT.match(text)
    return None if found is None else (found[1], int(found[2]), int(found[3]))


class Stream:
    """The messages of one sender to one recipient, from number 1 on."""

    def __init__(self) -> None:
        self._sent = 0
        self._refused = 0
        self._missing: Set[int] = set()
        """Sent and not delivered."""
        self._acked: Set[int] = set()
        """Of those, acknowledged."""
        self._acks = 0
        self._duplicated = 0
        self._reordered = 0
        self._highest = 0
        self.is_behind = False
        """Whether more may wait for the recipient than it has read: what is missing need not be lost."""

    def send(self) -> int:
        """A message is about to be sent: return its number."""
        self._sent += 1
        self._missing.add(self._sent)
        return self._sent

    def ack(self, number: int) -> None:
        """The server has acknowledged it."""
        self._acks += 1
        if number in self._missing:
            self._acked.add(number)

    def refuse(self, number: int) -> None:
        """The server has not taken it."""
        self._refused += 1
        self._missing.discard(number)

    def deliver(self, number: int) -> bool:
        """The recipient has seen it; False if not for the first time."""
        if number not in self._missing:
            self._duplicated += 1
            return False
        self._missing.remove(number)
        self._acked.discard(number)
        if number < self._highest:
            self._reordered += 1
        self._highest = max(self._highest, number)
        return True

    @property
    def is_settled(self) -> bool:
        """Whether the fate of every message is known for good."""
        return not self._missing

    def fates(self) -> Fates:
        """Return the counts, as if the run ended now."""
        lost = 0 if self.is_behind else len(self._acked)
        return Fates(
            sent=self._sent,
            acked=self._acks,
            delivered=self._sent - self._refused - len(self._missing),
            lost=lost,
            refused=self._refused,
            unfinished=len(self._missing) - lost,
            duplicated=self._duplicated,
            reordered=self._reordered,
        )
