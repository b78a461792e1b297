"""The program with files that are sent at RATE bytes a second: `RATE=100000 python -m tests.cli.slow chat …`.

With HURRY, it tells of progress so many times as often as usual.
"""

from __future__ import annotations

import os

from messenger.cli import main
from messenger.client import chat
from messenger.client.files import PROGRESS_SECONDS
from messenger.peer import exchange
from messenger.transfer.congestion import Ack
from messenger.transfer.controllers import CONTROLLERS
from messenger.transfer.rtt import RoundTrip


class Steady:
    """A congestion controller that looks at nothing."""

    def __init__(self, segment: int, round_trip: RoundTrip) -> None:
        self.segment = segment
        self.window = 1 << 20

    def pacing_rate(self) -> float:
        return float(os.environ.get("RATE", "1000000"))

    def on_loss(self, now: float, lost: int, is_new_event: bool) -> None:
        pass

    def on_ack(self, ack: Ack) -> None:
        pass

    def on_timeout(self, now: float) -> None:
        pass


if __name__ == "__main__":
    CONTROLLERS["patient"] = Steady
    hurry = float(os.environ.get("HURRY", "1"))
    vars(chat)["PROGRESS_SECONDS"] = PROGRESS_SECONDS / hurry
    vars(exchange)["PROGRESS_SECONDS"] = exchange.PROGRESS_SECONDS / hurry
    main(prog_name="messenger")
