"""What was sent to addresses that have not proved themselves: else a peer could aim us at third parties.

There is one account for all transfers with one user, so that many offers are no way around its bounds; and one for
each user, as otherwise anybody could name somebody else's address and use up what that one needs.

A hundred transfers may begin at once with the same peer. One of them asks at an address, the others wait for what it
hears: an address that has proved itself in one transfer has done so for all.
"""

from __future__ import annotations

from typing import Dict, Final, Hashable, List, Optional, Protocol

UNPROVED_MAX: Final = 10
"""Datagrams to such an address, in the life of a transfer and within `UNPROVED_SECONDS` of all together."""

ADDRESSES_MAX: Final = 64
"""Such addresses, likewise."""

UNPROVED_SECONDS: Final = 10.0
"""Seconds after the first datagram to an address after which it may be tried anew: a path may have been opened."""

PROVED_SECONDS: Final = 60.0
"""Seconds for which an address that has proved itself needs no other proof: it may become somebody else's."""


class Asker(Protocol):
    """A transfer."""

    def wake(self) -> None:
        """An address that another one asked at has proved itself, or that one asks no longer."""


class _Account:
    """One address."""

    def __init__(self, until: float) -> None:
        self.until = until
        self.count = 0
        self.is_proved = False
        self.askers: Dict[type, Asker] = {}
        """One for each direction of a file: they ask for different things."""
        self.waiting: List[Asker] = []


class Unproved:
    """The account of one user. Times are in seconds."""

    def __init__(self) -> None:
        self._accounts: Dict[Hashable, _Account] = {}

    def may_tell(self, now: float, address: Hashable, asker: Optional[Asker] = None) -> bool:
        """Tell whether one more datagram may go to this address, and count it.

        What nobody there has asked for names its `asker`: while one asks, no other of the same direction does.
        """
        account = self._accounts.get(address)
        if account is None or now >= account.until:
            account = self._open(now, address)
            if account is None:
                return False
        if account.is_proved:
            return True
        if asker is not None and account.askers.get(type(asker), asker) is not asker:
            account.waiting.append(asker)
            return False
        if account.count >= UNPROVED_MAX:
            return False
        account.count += 1
        if asker is not None:
            account.askers[type(asker)] = asker
        return True

    def is_proved(self, now: float, address: Hashable) -> bool:
        """Whether this address has proved itself, and not long ago."""
        account = self._accounts.get(address)
        return account is not None and account.is_proved and now < account.until

    def prove(self, now: float, address: Hashable) -> None:
        """Somebody has sent back from this address what was sent there."""
        account = self._accounts.setdefault(address, _Account(0.0))
        account.is_proved, account.until = True, now + PROVED_SECONDS
        _wake(account)

    def leave(self, asker: Asker) -> None:
        """A transfer asks no more: it knows its path, or has ended."""
        for account in self._accounts.values():
            if account.askers.get(type(asker)) is asker:
                del account.askers[type(asker)]
                _wake(account)

    def is_settled(self, now: float) -> bool:
        """Tell whether there is nothing in the account that matters any more."""
        return all(now >= account.until for account in self._accounts.values())

    def _open(self, now: float, address: Hashable) -> Optional[_Account]:
        for other in [key for key, account in self._accounts.items() if now >= account.until]:
            _wake(self._accounts.pop(other))
        if sum(not account.is_proved for account in self._accounts.values()) >= ADDRESSES_MAX:
            return None
        account = self._accounts[address] = _Account(now + UNPROVED_SECONDS)
        return account


def _wake(account: _Account) -> None:
    waiting, account.waiting = account.waiting, []
    for asker in waiting:
        asker.wake()
