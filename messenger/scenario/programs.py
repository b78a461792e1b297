"""What the player needs of programs, whatever drives them: a stage, and on it programs that are typed to and seen."""

from __future__ import annotations

from pathlib import Path
from typing import List, Mapping, NamedTuple, Optional, Protocol

from messenger.errors import MessengerError
from messenger.scenario.dialect import Dialect
from messenger.scenario.model import Client, ServerSetup
from messenger.scenario.seen import Seen


class CannotPlay(MessengerError):
    """A driver cannot do what a step asks for, or a program could not be started."""


class Program(Protocol):
    """A client or the server, from its start to its end."""

    @property
    def seen(self) -> Seen:
        """What it has shown."""

    @property
    def status(self) -> Optional[int]:
        """Its exit status once it has ended (killed by a signal: 128 and its number), None before."""

    @property
    def is_ready(self) -> bool:
        """Whether it may be typed to."""

    def type(self, line: str) -> None:
        """Type a line and Enter."""

    def press(self, keys: str) -> None:
        """Type without Enter."""

    def control(self, what: str) -> None:
        """Kill, stop, pause, slow, hold, resume or interrupt it, or end its input (`messenger.scenario.model.Control`).

        A server of which the dialect knows what its console tells is asked for it by `tell`.
        """


class Driver(Protocol):
    """Starts programs in one folder and takes in what they show. Used by one thread."""

    name: str

    def start_server(self, folder: Path, setup: ServerSetup, port: int) -> Program:
        """Start a server that keeps its files in `folder`, whose `credentials.txt` is there already."""

    def start_client(self, client: Client, folder: Path, host: str, port: int) -> Program:
        """Start a client."""

    def pump(self, seconds: float) -> None:
        """Take in what programs show; wait for it so long at most."""

    def close(self) -> None:
        """End every program that still runs."""


class Guests(NamedTuple):
    """Programs of somebody else, in the place of those of this package."""

    driver: Driver
    dialect: Dialect
    udp_ports: Mapping[str, int]
    """Those of its clients by the names of actors, as they are started."""


def shown(lines: List[str], most: int = 12) -> str:
    """Return the last lines of somebody for a message."""
    kept = lines[-most:]
    more = [f"… {len(lines) - most} more before"] if len(lines) > most else []
    return "\n".join("    " + line for line in [*more, *kept]) or "    (nothing)"
