"""Somebody who looks on at a conversation, such as a recording of it."""

from __future__ import annotations

from typing import Callable

from messenger.client.render import Shown


class Witness:
    """Is told what is typed and shown, and how it ends. Any thread may call; no call raises, or waits for anybody."""

    def __init__(self) -> None:
        self.complain: Callable[[str], None] = lambda message: None
        """Tells a person what went wrong with the looking on, which goes on without."""

    def answered(self, username: str, password: str) -> None:
        """The questions of the login were answered so."""

    def typed(self, line: str) -> None:
        """A command was typed, and comes next."""

    def shown(self, event: Shown) -> None:
        """Something was shown."""

    def ended(self, status: int) -> None:
        """The conversation has ended with this exit status."""
