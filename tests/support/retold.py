"""What a client's recording tells of things that happen."""

from __future__ import annotations

from typing import Any, List

from messenger.protocol.messages import Welcome
from messenger.scenario.parser import parse
from messenger.scenario.retelling import Retelling

TIME = "01 Jun 2022 21:30:04"
PASSWORD = "comp9331"
WELCOME = Welcome(1, "Yoda", TIME)


def told(*happened: Any, options: str = "") -> List[str]:
    """Return what is told of typed lines (text), events, and an exit status (a number), after Yoda's login."""
    retelling = Retelling("what happened", options)
    retelling.answered("Yoda", PASSWORD)
    for one in happened:
        if isinstance(one, int):
            retelling.ended(one)
        else:
            (retelling.typed if isinstance(one, str) else retelling.shown)(one)
    retelling.is_revised = True
    lines = retelling.take()
    parse("\n".join(lines), "recorded.scenario")
    return lines[1:]
