"""One transfer on a virtual clock: both endpoints, real keys, and between them a path with any weather.

Nothing sleeps and everything random comes from one seed. Times are seconds since the start of the world, whose clock
itself begins somewhere else. Addresses are small numbers. Batches become datagrams here, as in `messenger.peer.udp`,
each with a fate of its own; what arrives at one moment arrives as runs of segments, as the kernel hands it over.
"""

from __future__ import annotations

import functools
import heapq
import random
from math import inf
from typing import Any, Callable, Dict, Final, List, NamedTuple, Optional, Sequence, Set, Tuple, Union

from messenger.transfer.claims import Claims, missing
from messenger.transfer.congestion import Cubic
from messenger.transfer.datagram import CONTROL, Control, encode
from messenger.transfer.endpoint import Endpoint, State
from messenger.transfer.flights import Batch
from messenger.transfer.geometry import SEGMENT_SIZES, Geometry
from messenger.transfer.incoming import Incoming
from messenger.transfer.outgoing import MakeController, Outgoing
from tests.transfer.files import Memory, secrets_for
from tests.transfer.packets import damaged, datagrams_of, runs_of

BEGINNING: Final = 5000.0
"""What the clock shows when the world begins: endpoints must not care."""

SENDER, RECEIVER, ELSEWHERE, STRANGER = 1, 2, 3, 4
"""Addresses."""

ROOM: Final = 1_000_000
"""Bytes that the receiver's socket has room for, unless told otherwise."""

SENDER_CHALLENGE, RECEIVER_CHALLENGE = b"sender's", b"receivrs"

_STEPS_MAX: Final = 10_000


class Weather(NamedTuple):
    """What one direction does to datagrams. Shares are between 0 and 1."""

    delay: float = 0.01
    jitter: float = 0.0
    """Most that is added to the delay of what leaves together."""
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    """Share of datagrams that come up to 50 ms late."""
    corrupt: float = 0.0
    """Share of datagrams of which one byte is changed, wherever it stands."""
    burst: float = 0.0
    """Chance of a datagram to be the first of a burst of losses, which ends with a chance of a quarter (Gilbert)."""
    outages: Sequence[Tuple[float, float]] = ()
    """From when to when nothing passes."""
    limits: Sequence[Tuple[float, int]] = ()
    """From when on only datagrams up to which size pass."""


CLEAR: Final = Weather()


class Sent(NamedTuple):
    """A datagram, as somebody on the path sees it when it leaves."""

    at: float
    source: int
    target: int
    data: bytes


class Outcome(NamedTuple):
    """How a transfer ended: `done`, or the code of the failure, or `stuck`, on either side."""

    sender: str
    receiver: str
    is_right: bool
    """Whether the receiver holds exactly what was sent."""


DELIVERED: Final = Outcome("done", "done", True)


class World:
    """A sender, a receiver, and the weather between them."""

    def __init__(
        self,
        content: bytes,
        forward: Weather = CLEAR,
        backward: Weather = CLEAR,
        seed: int = 0,
        *,
        addresses: Sequence[int] = (RECEIVER,),
        make_controller: MakeController = Cubic,
        kind_max: int = 3,
        room: int = ROOM,
        claims: Optional[Claims] = None,
        are_claims_right: bool = False,
        kept: bytes = b"",
        salt: int = 0,
        finish_seconds: float = 0.0,
        walls: Sequence[int] = (),
    ) -> None:
        """`claims` and `kept` are what an earlier attempt has left, `finish_seconds` is how slow the disk is, `walls`
        are the sides behind a firewall that lets in only what comes from where they have sent to."""
        self.now = BEGINNING
        self.captured: List[Sent] = []
        """All that was sent, whether it arrived or not."""
        self.watch: Callable[[Sent], None] = lambda sent: None
        """Called with all that is sent."""
        self.random = random.Random(seed)
        self.geometry = Geometry(len(content))
        self.secrets = secrets = secrets_for(len(content), salt)
        self.memory = Memory(content, self.geometry, secrets, kept)
        runs = claims.runs() if claims is not None else []
        self.sender = Outgoing(
            self.now, _Wire(self, SENDER), secrets, SENDER_CHALLENGE, self.geometry, addresses, self.memory,
            make_controller, kind_max,
        )  # fmt: skip
        self.receiver = Incoming(
            self.now, _Wire(self, RECEIVER), secrets, RECEIVER_CHALLENGE, self.geometry, self.memory.store, room, runs,
            [SENDER],
        )  # fmt: skip
        sent_runs = runs if are_claims_right else []
        self.sender.begin(self.now, missing(sent_runs, self.geometry), are_claims_right)
        self.homes: Dict[int, int] = {SENDER: SENDER, RECEIVER: RECEIVER}
        """Where each side is now, and whence it sends."""
        self.doors: Dict[int, int] = {}
        """More addresses of sides, at which they only receive."""
        self._walls = walls
        self._opened: Set[Tuple[int, int]] = set()
        self.strangers = 0
        """Datagrams that belonged to no transfer, or were not authentic."""
        self._weather = {SENDER: forward, RECEIVER: backward}
        self._is_bad = {SENDER: False, RECEIVER: False}
        self._finish_seconds = finish_seconds
        self._is_finishing = False
        self._events: List[Tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._due = {SENDER: self.now, RECEIVER: self.now}

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return self.now - BEGINNING

    def side(self, home: int) -> Endpoint:
        """Return the endpoint of a side."""
        return self.sender if home == SENDER else self.receiver

    def at(self, seconds: float, event: Callable[..., None], *arguments: Any) -> None:
        """Have something called at a time."""
        self._count += 1
        call: Callable[[], None] = functools.partial(event, *arguments)
        heapq.heappush(self._events, (BEGINNING + seconds, self._count, call))

    def move(self, home: int, address: int) -> None:
        """Give a side another address; nobody is at the old one."""
        self.homes[home] = address

    def run(self, until: float = 200.0) -> Outcome:
        """Let time pass until both sides have ended, or this time has come."""
        steps = 0
        while not (self.sender.has_ended and self.receiver.has_ended):
            when = min(self._events[0][0] if self._events else inf, *self._due.values())
            if when > BEGINNING + until:
                self.now = max(self.now, BEGINNING + until)
                break
            steps = steps + 1 if when <= self.now else 0
            assert steps < _STEPS_MAX, "the clock stands still"
            self.now = max(self.now, when)
            if self._events and self._events[0][0] <= self.now:
                heapq.heappop(self._events)[2]()
            for home, due in self._due.items():
                if due <= self.now:
                    self._poll(home)
        return self.outcome()

    def settle(self) -> None:
        """Let all arrive that is on its way, and what that brings about."""
        while self._events:
            self.now = max(self.now, self._events[0][0])
            heapq.heappop(self._events)[2]()

    def outcome(self) -> Outcome:
        """Return how it ended."""
        memory = self.memory
        return Outcome(_end(self.sender), _end(self.receiver), memory.received == memory.content)

    def post(self, home: int, target: int, datagrams: List[bytes]) -> None:
        """Send datagrams of a side, all at one moment."""
        source = self.homes[home]
        self._opened.add((home, target))
        for data in datagrams:
            sent = Sent(self.now - BEGINNING, source, target, data)
            self.captured.append(sent)
            self.watch(sent)
        weather = self._weather[home]
        together = self.seconds + weather.delay + (self.random.random() * weather.jitter if weather.jitter else 0.0)
        if weather[2:] != CLEAR[2:]:
            datagrams = self._weathered(home, weather, target, datagrams, together)
        if datagrams:
            self.at(together, self.arrive, source, target, datagrams)

    def pretend(self, home: int, message: Union[Control, bytes], source: int = 0) -> None:
        """Have a side's peer hear what this side has not said, sealed with this side's keys."""
        data = message if isinstance(message, bytes) else encode(message)
        datagram = self.side(home)._sealer.seal(data)
        target = self.homes[RECEIVER if home == SENDER else SENDER]
        self.arrive(source or self.homes[home], target, [datagram])

    def arrive(self, source: int, target: int, datagrams: Sequence[bytes]) -> None:
        """Hand datagrams to whoever is at an address now."""
        for home, address in self.homes.items():
            if home in self._walls and (home, source) not in self._opened:
                continue
            if target == address or self.doors.get(target) == home:
                self._take(home, source, datagrams)
                self._poll(home)

    def _weathered(
        self, home: int, weather: Weather, target: int, datagrams: List[bytes], together: float
    ) -> List[bytes]:
        """Return what arrives in one go; what is late or doubled comes on its own."""
        seconds, chance = self.seconds, self.random.random
        if any(start <= seconds < end for start, end in weather.outages):
            return []
        size_max = min([size for start, size in weather.limits if seconds >= start], default=1 << 16)
        source = self.homes[home]
        passed = []
        for data in datagrams:
            if weather.burst:
                self._is_bad[home] = chance() >= 0.25 if self._is_bad[home] else chance() < weather.burst
            if self._is_bad[home] or len(data) > size_max or (weather.loss and chance() < weather.loss):
                continue
            if weather.corrupt and chance() < weather.corrupt:
                data = damaged(data, self.random)
            for share, is_kept in ((weather.duplicate, True), (weather.reorder, False)):
                if share and chance() < share:
                    self.at(together + 0.05 * chance(), self.arrive, source, target, [data])
                    if not is_kept:
                        break
            else:
                passed.append(data)
        return passed

    def _take(self, home: int, source: int, datagrams: Sequence[bytes]) -> None:
        endpoint = self.side(home)
        own = self.secrets.sender_id if home == SENDER else self.secrets.receiver_id
        if endpoint.is_forgotten(self.now):
            return
        controls = [data for data in datagrams if data[0] == CONTROL]
        for data in controls:
            if int.from_bytes(data[3:8], "little") == own:
                self.strangers += not endpoint.on_control(self.now, source, data)
            else:
                self.strangers += 1
        for run in runs_of([data for data in datagrams if data[0] != CONTROL]):
            if run.connection != own:
                self.strangers += 1
            elif endpoint is self.receiver and run.kind < len(SEGMENT_SIZES):
                _, kind, chunk, batch, first, count, payload = run
                self.receiver.on_segments(self.now, kind, chunk, batch, first, count, payload)

    def _poll(self, home: int) -> None:
        endpoint = self.side(home)
        if endpoint.is_forgotten(self.now):
            self._due[home] = inf
            return
        endpoint.poll(self.now)
        if endpoint is self.receiver and endpoint.state is State.FINISHING:
            if not self._finish_seconds:
                self.receiver.finished(self.now)
            elif not self._is_finishing:
                self._is_finishing = True
                self.at(self.seconds + self._finish_seconds, self._finish)
        self._due[home] = endpoint.deadline()

    def _finish(self) -> None:
        self.receiver.finished(self.now)
        self._poll(RECEIVER)


class _Wire:
    """Sends the datagrams of one side into the world."""

    def __init__(self, world: World, home: int) -> None:
        self._world = world
        self._home = home

    def control(self, address: Any, datagram: bytes) -> None:
        """Send one datagram."""
        self._world.post(self._home, address, [datagram])

    def batch(self, address: Any, batch: Batch) -> None:
        """Send the segments of a batch."""
        self._world.post(self._home, address, datagrams_of(batch, self._world.secrets.receiver_id))


def _end(endpoint: Endpoint) -> str:
    if endpoint.failure is not None:
        return endpoint.failure.code
    return "done" if endpoint.state is State.DONE else "stuck"
