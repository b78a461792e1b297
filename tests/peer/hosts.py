"""A client without sockets, threads and time, for one transfer in it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Callable, Dict, Hashable, Iterator, List, Tuple, Type

from messenger.peer.exchange import Exchange
from messenger.peer.sealed import Buffers
from messenger.peer.unconfirmed import Unconfirmed
from messenger.transfer.turns import Turns
from messenger.transfer.unproved import Unproved


class StillEngine:
    """Does nothing by itself: the test says which time it is and when a step is made."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.steps: List[Iterator[object]] = []
        self.port = SimpleNamespace(number=14000, allowance=1 << 20, address=lambda host, number: (host, number))
        self.is_own_thread = False
        self.buffers = Buffers()

    def now(self) -> float:
        return self.time

    def call(self, function: Callable[[], None]) -> bool:
        function()
        return True

    def step_through(self, steps: Iterator[object], runner: object) -> None:
        self.steps.append(steps)

    def count_stranger(self) -> None:
        pass

    def schedule(self, runner: object) -> None:
        pass

    def add(self, connection: int, runner: object) -> None:
        pass

    def remove(self, connection: int) -> None:
        pass


class StillHost:
    """What a transfer needs of its client; remembers what it was told to say."""

    def __init__(self) -> None:
        self.engine: Any = StillEngine()
        self.id = "0" * 32
        self.username = "Yoda"
        self.shortest: Dict[Hashable, float] = {}
        self.unconfirmed = Unconfirmed()
        self.said: List[Tuple[str, Dict[str, Any]]] = []
        """Requests to the server, by the name of their kind."""
        self.told: List[Any] = []
        """Events."""

    def signal(self, kind: Type[Any], on_refused: Callable[[str, str], None], **fields: Any) -> None:
        self.said.append((kind.__name__, fields))

    def emit(self, event: Any) -> None:
        self.told.append(event)

    def addresses(self) -> List[str]:
        return []

    def fits(self, free: int) -> bool:
        return True

    def unproved(self, user: str) -> Unproved:
        return Unproved()

    def turns(self, user: str) -> Turns:
        return Turns()

    def share(self) -> None:
        pass

    def forget(self, exchange: Exchange) -> None:
        pass
