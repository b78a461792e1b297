"""How programs word what the player has to know of them: their questions, and the answers that it waits for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from messenger import wording
from messenger.scenario.pattern import Pattern


@dataclass(frozen=True)
class Dialect:
    """The wording of one implementation."""

    username: str
    """How the question for the user name begins."""
    password: str
    ready: Pattern
    """What the server tells when it can be connected to; a group `server_port` names its port."""
    welcome: Pattern
    """What a client shows once it is logged in."""
    barrier: str
    """A command that goes to the server and back and leaves no trace."""
    answer: Pattern
    """What that is answered."""
    refused: Optional[Pattern] = None
    """What a client shows that is not let in, if it may neither end then nor ask again."""

    console: Optional[Pattern] = None
    """What the server's console tells when it is asked, after everything else; None: it cannot be asked."""

    @property
    def questions(self) -> Tuple[str, str]:
        """Both questions of the login."""
        return self.username, self.password


OWN = Dialect(
    username=wording.ASK_USERNAME.rstrip(),
    password=wording.ASK_PASSWORD.rstrip(),
    ready=Pattern("/ready on .* port (?P<server_port>[0-9]+)/"),
    welcome=Pattern('/^(Welcome to the messenger, .*|.*"type":"welcome".*)$/'),
    barrier="/ping",
    console=Pattern("/^" + wording.NOW_ONLINE.format("[0-9]+") + "$/"),
    answer=Pattern("/^(" + wording.PONG + '|.*"type":"pong".*)$/'),
)
"""That of this package."""
