"""Accounts for load: given out so that no two processes and no two people share one."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Deque, Iterable, List, Sequence

from messenger.chat.accounts import parse_credentials
from messenger.errors import ConfigError, MessengerError
from messenger.load.people import Account


class TooFewAccounts(MessengerError):
    """Somebody is to log in, and there is no account left."""


class Pool:
    """Accounts that nobody uses."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self._free: Deque[Account] = deque(accounts)

    def take(self, count: int) -> List[Account]:
        """Give out so many; raises `TooFewAccounts`."""
        if count > len(self._free):
            raise TooFewAccounts(f"{count} more accounts are needed, and {len(self._free)} are left")
        return [self._free.popleft() for _ in range(count)]

    def give_back(self, accounts: Iterable[Account]) -> None:
        """Take back what is not used any more; the one that was used last is given out last."""
        self._free.extend(accounts)


def read_accounts(path: Path, needed: int) -> List[Account]:
    """Read a credentials file that has at least so many accounts; raises `ConfigError`."""
    try:
        accounts = [Account(*pair) for pair in parse_credentials(path.read_bytes()).items()]
    except OSError as error:
        raise ConfigError(f"cannot read the credentials file {path.name}: {error.strerror}") from None
    if needed > len(accounts):
        raise ConfigError(
            f"{needed} accounts are needed, and {path.name} has {len(accounts)}: "
            f"'messenger credentials generate {needed}' makes such a file"
        )
    return accounts


def slices(accounts: Sequence[Account], workers: int) -> List[List[Account]]:
    """Divide accounts among so many workers."""
    return [list(accounts[worker::workers]) for worker in range(workers)]
