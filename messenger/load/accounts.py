"""Accounts for load: given out so that no two processes and no two people share one.

With several processes the master has them all, and workers take from it what they need: how many that is only turns
out as users come, for Locust deals out users and not accounts, and a worker may come late.
"""

from __future__ import annotations

import itertools
import secrets
from collections import deque
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoAnswer
from pathlib import Path
from typing import Any, Callable, Deque, Dict, Final, Iterable, List, Optional, Set

from messenger.chat.accounts import parse_credentials
from messenger.errors import ConfigError, MessengerError
from messenger.load.people import Account

ANSWER_SECONDS: Final = 30.0
"""How long a worker waits for accounts."""

Wish = Dict[str, Any]
"""What a worker sends to its master, and gets back: made of numbers and texts."""


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


class FarPool:
    """The master's pool, seen from a worker. Works with threads and, unchanged, under gevent."""

    def __init__(self, send: Callable[[Wish], None]) -> None:
        """`send` sends to the master, whose answer comes to `take_answer`."""
        self._send = send
        self._name = secrets.token_hex(8)
        self._numbers = itertools.count(1)
        self._asked: Dict[int, Future[List[Account]]] = {}

    def take(self, count: int) -> List[Account]:
        """Ask for so many; raises `TooFewAccounts`."""
        number, answer = next(self._numbers), Future[List[Account]]()
        self._asked[number] = answer
        try:
            self._send({"pool": self._name, "number": number, "count": count})
            accounts = answer.result(ANSWER_SECONDS)
        except NoAnswer:
            raise TooFewAccounts("the master did not answer") from None
        finally:
            del self._asked[number]
        if len(accounts) < count:
            raise TooFewAccounts(f"{count} more accounts are needed, and fewer are left")
        return accounts

    def take_answer(self, answer: Wish) -> None:
        """Take what the master has answered."""
        accounts = [Account(*pair) for pair in answer["accounts"]]
        asked = self._asked.get(answer["number"]) if answer["pool"] == self._name else None
        if asked is not None:
            asked.set_result(accounts)
        else:
            self.give_back(accounts)  # who asked was stopped meanwhile

    def give_back(self, accounts: Iterable[Account]) -> None:
        """See `Pool`."""
        back = [list(account) for account in accounts]
        if back:
            self._send({"pool": self._name, "back": back})


class Lender:
    """The master's side: what it has for the workers of one run."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self._pool = Pool(accounts)
        self._borrowers: Set[str] = set()

    def answer(self, wish: Wish) -> Optional[Wish]:
        """Carry out what a worker wishes, and return what to answer, if anything."""
        if "back" in wish:
            if wish["pool"] in self._borrowers:  # of a run before, they are in this pool already
                self._pool.give_back(Account(*pair) for pair in wish["back"])
            return None
        self._borrowers.add(wish["pool"])
        try:
            accounts = self._pool.take(wish["count"])
        except TooFewAccounts:
            accounts = []
        return {"pool": wish["pool"], "number": wish["number"], "accounts": [list(account) for account in accounts]}


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
