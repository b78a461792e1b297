"""What a play is given, and how its steps are carried out: as work that takes its time, and may fail."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Final, Iterator, Mapping, Optional, Tuple, Union

from messenger.errors import MessengerError
from messenger.scenario.dialect import OWN, Dialect
from messenger.scenario.model import Step
from messenger.scenario.timeline import Entry

START_SECONDS: Final = 20.0
"""How long a program may take until it shows something."""

Work = Iterator[None]
"""Something that takes its time: it yields as long as it waits, and whoever runs it takes in meanwhile what programs
show."""


class StepFailed(MessengerError):
    """What a step asks for did not come true; `nearest` is the line most like what was expected, if any is."""

    def __init__(self, step: Step, message: str, nearest: str = "") -> None:
        super().__init__(f"{step.place}: {step.text}\n  {message}")
        self.step = step
        self.message = message
        self.nearest = nearest


Failing = Callable[[float], Union[str, StepFailed]]
"""Tells how something failed that was waited for so many seconds."""


class Cancelled(BaseException):
    """The play is to end at once, for nobody waits for its result; like `KeyboardInterrupt`, it is no error."""


@dataclass(frozen=True)
class Setting:
    """What a play is given."""

    folder: Path
    """An empty folder: the server's files stand in it, and each client's in a folder of its own."""
    accounts: Mapping[str, str]
    """User names and passwords."""
    server: Optional[Tuple[str, int]] = None
    """A server that runs already; None: one of its own."""
    timeout_factor: float = 1.0
    dialect: Dialect = OWN
    udp_ports: Mapping[str, int] = field(default_factory=dict)
    """The actors' UDP ports, as far as the driver chooses them; others are found in the server's log."""
    on_entry: Callable[[Entry], None] = lambda entry: None
    is_cancelled: Callable[[], bool] = lambda: False
    """Asked all the time; if it is, the play ends its programs and raises `Cancelled`."""
