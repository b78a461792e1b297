"""The server of this package with a fault: `spoilt_server.py FAULT PORT ATTEMPTS`.

FAULT is `takes-along` (when somebody leaves who never logged in, the one who has been online longest leaves, too) or
`waits` (until all that it tells is shown, before it goes on).
"""

from __future__ import annotations

import os
import sys
from typing import List

from messenger.chat.commands import leave
from messenger.chat.effects import Effects
from messenger.chat.rules import Rules
from messenger.chat.state import Moment, Session
from messenger.cli.serving import serve
from messenger.server.console import Console, Told, line_of

disconnected = Rules.disconnected


def take_along(self: Rules, session: Session, moment: Moment, out: Effects) -> None:
    """Take a session off every list, and somebody else with a stranger."""
    if not session.name and self.state.online:
        leave(self.state, next(iter(self.state.online.values())), "lost", moment, out)
    disconnected(self, session, moment, out)


def tell_at_once(self: Console, moment: str, lines: List[Told]) -> None:
    """Show these lines, however long it takes."""
    for line in lines:
        os.write(1, line_of(moment, line).encode() + b"\n")


fault, *arguments = sys.argv[1:]
if fault == "takes-along":
    Rules.disconnected = take_along  # type: ignore[method-assign]  # that is the fault
elif fault == "waits":
    Console.tell = tell_at_once  # type: ignore[method-assign]  # that is the fault
serve(arguments)
