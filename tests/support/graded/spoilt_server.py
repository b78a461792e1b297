"""The server of this package with a fault: `spoilt_server.py FAULT PORT ATTEMPTS`.

FAULT is `takes-along` (when somebody leaves who never logged in, the one who has been online longest leaves, too).
"""

from __future__ import annotations

import sys

from messenger.chat.commands import leave
from messenger.chat.effects import Effects
from messenger.chat.rules import Rules
from messenger.chat.state import Moment, Session
from messenger.cli.serving import serve

disconnected = Rules.disconnected


def take_along(self: Rules, session: Session, moment: Moment, out: Effects) -> None:
    """Take a session off every list, and somebody else with a stranger."""
    if not session.name and self.state.online:
        leave(self.state, next(iter(self.state.online.values())), "lost", moment, out)
    disconnected(self, session, moment, out)


fault, *arguments = sys.argv[1:]
if fault == "takes-along":
    Rules.disconnected = take_along  # type: ignore[method-assign]  # that is the fault
serve(arguments)
