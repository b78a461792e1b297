"""The login of a client's recording, pure. It is told when its outcome is known: until then, what was typed as a name
may be a password at the wrong place, and stays a secret."""

from __future__ import annotations

from typing import Callable, Final, List

from messenger import wording
from messenger.config import ATTEMPTS_MAX
from messenger.protocol.messages import Error
from messenger.protocol.text import USER_NAME
from messenger.scenario.recording import NOBODY, WRONG, Party, Pen, free_name, refusal, starts, welcome

GUEST: Final = "Guest"
"""The program of somebody of whom nobody knows whether there is such a user."""

_USUAL_ATTEMPTS: Final = 3


class Entering:
    """Tries to log in. The name of somebody who never comes in is not told."""

    def __init__(self, pen: Pen, options: str, set_attempts: Callable[[int], None]) -> None:
        """`set_attempts` is called if the play needs a server with so many."""
        self._pen = pen
        self._options = options
        self._set_attempts = set_attempts
        self._username = self._password = ""
        self._failures = 0
        self._is_refused = False

    def answered(self, username: str, password: str) -> None:
        """The login's questions are answered so."""
        self._username, self._password = username, password

    def fails(self, error: Error) -> List[str]:
        """An attempt is refused."""
        if error.code == "already_online" and USER_NAME.fullmatch(self._username):
            self._pen.guard(self._username, self._password)
        else:
            self._pen.guard_wrong(self._password)
        if error.code == "login_failed":
            self._failures += 1
            return []
        self._is_refused = True
        if error.code == "blocked":
            told = self._pen.sees(GUEST, refusal(error))
            return [*self._as_guest(is_last=True), f"{GUEST} > {WRONG}", told, f"@ends {GUEST} 4"]
        if error.code == "already_online":
            return self._twice(error)
        return [self._pen.remark("the login was refused")]

    def lets_in(self, user: str) -> Party:
        """The last attempt is right, for this user."""
        self._pen.guard(user, self._password)
        return Party(free_name(user, ()), user)

    def told(self, me: Party) -> List[str]:
        """All attempts up to the one that is right."""
        tries = self._tries()
        if not tries:
            return [starts("@actor", me, self._options)]
        return [
            starts("@client", me, self._options),
            f"{me.program} > {me.user}",
            *_wrong(me.program, tries),
            f"{me.program} > ${{password:{me.user}}}",
            f"{me.program} < {welcome(me.user)}",
        ]

    def ended(self) -> List[str]:
        """Nobody tries any more."""
        return [] if self._is_refused or not self._failures else self._as_guest(is_last=False)

    def _as_guest(self, is_last: bool) -> List[str]:
        return [f"@client {GUEST}", f"{GUEST} > {NOBODY}", *_wrong(GUEST, self._tries(is_last))]

    def _twice(self, error: Error) -> List[str]:
        user, tries = self._username, self._tries()
        first = Party(free_name(user, ()), user)
        second = free_name(user, [user, first.program])
        return [
            starts("@actor", first),
            f"@client {second}",
            f"{second} > {user}",
            *_wrong(second, tries),
            f"{second} > ${{password:{user}}}",
            self._pen.sees(second, refusal(error)),
            f"@ends {second} 4",
        ]

    def _tries(self, is_last: bool = False) -> int:
        """Return how many wrong passwords can be told, and see to a server that stands them, and no more if so."""
        tries = min(self._failures, ATTEMPTS_MAX - 1)
        attempts = tries + 1
        if attempts > _USUAL_ATTEMPTS or (is_last and attempts < _USUAL_ATTEMPTS):
            self._set_attempts(attempts)
        return tries


def _wrong(program: str, tries: int) -> List[str]:
    refused = wording.ERROR.format(message=wording.REFUSALS["login_failed"])
    return [f"{program} > {WRONG}", f"{program} < {refused}"] * tries
