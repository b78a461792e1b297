"""The offers of files that nobody has answered yet: when one side goes offline, the other need not wait for it."""

from __future__ import annotations

from typing import Dict, Final, List, Tuple

OFFERS_MAX: Final = 256
"""Offers of one user that are remembered: as many as a client receives at one time. Of more nobody is told."""

Key = Tuple[str, str]
"""A user and a transfer's id, which that user's client has chosen or was given."""


class Offers:
    """Who waits for whom. Users are in no more offers than they, and all who are online, have made."""

    def __init__(self) -> None:
        self._made: Dict[str, Dict[Key, None]] = {}
        """Who offered to whom and what, the oldest first."""
        self._got: Dict[str, Dict[Key, None]] = {}
        """The same, by who was offered it."""

    def add(self, sender: str, recipient: str, transfer: str) -> None:
        """An offer was passed on."""
        made = self._made.setdefault(sender, {})
        if len(made) < OFFERS_MAX:
            made[recipient, transfer] = None
            self._got.setdefault(recipient, {})[sender, transfer] = None

    def settle(self, user: str, other: str, transfer: str) -> None:
        """One of the two has answered it, or said how it ended."""
        for sender, recipient in ((user, other), (other, user)):
            _remove(self._made, sender, (recipient, transfer))
            _remove(self._got, recipient, (sender, transfer))

    def end(self, user: str) -> List[Key]:
        """Forget the offers of and to somebody who has gone; returns who waits for an answer, or was to give one."""
        waiting = list(self._made.pop(user, ()))
        for other, transfer in waiting:
            _remove(self._got, other, (user, transfer))
        for other, transfer in self._got.pop(user, ()):
            _remove(self._made, other, (user, transfer))
            waiting.append((other, transfer))
        return waiting


def _remove(offers: Dict[str, Dict[Key, None]], user: str, key: Key) -> None:
    keys = offers.get(user)
    if keys is not None:
        keys.pop(key, None)
        if not keys:
            del offers[user]
