"""A virtual network on a virtual clock: pairs of endpoints that share a bottleneck, and what paths do to packets.

Sender i talks to receiver i. Towards the receivers all share a bottleneck with a tail-drop queue; back there is no
bottleneck. Each direction has its own `Conditions`. Packets are opaque: an object and its UDP payload in bytes, to
which 28 bytes of IP and UDP header are added. Everything random comes from one seed, and no real time passes:

    network = Network(Path(rate=12.5e6, delay=0.01, queue=250_000), seed=1)
    network.add(sender, receiver)
    network.run(until=10)

What leaves together and is on the wire within a millisecond arrives together, as one event: a thousand events a second
and flow, not ten thousand. Each packet of it is still queued, dropped, doubled or damaged on its own.
"""

from __future__ import annotations

import heapq
import random
from bisect import bisect_right
from dataclasses import dataclass, field
from math import inf, log
from typing import Any, Final, Iterable, List, NamedTuple, Protocol, Sequence, Tuple

HEADER: Final = 28
"""Bytes of IPv4 and UDP header that each packet has on the wire."""

GRAIN: Final = 0.001
"""Seconds within which packets that were sent together arrive together."""

SAMPLE_SECONDS: Final = 0.005
"""Seconds between two samples of the queue."""

Packets = List[Tuple[Any, int]]
"""Packets and the bytes of UDP payload of each."""


class Endpoint(Protocol):
    """A machine without sockets and clock. After every call the network asks `poll` and then `deadline`."""

    def receive(self, now: float, packets: Sequence[Any]) -> None:
        """Take what arrived together, in order."""

    def poll(self, now: float) -> Packets:
        """Give what is to be sent now."""

    def deadline(self, now: float) -> float:
        """When to call `poll` if nothing arrives before; infinity for never."""


class Bursts(NamedTuple):
    """Loss in bursts, after Gilbert: by chance the path turns bad, loses everything, and turns good again."""

    every: float
    """Packets between two bursts, on average."""
    length: float
    """Packets in a burst, on average."""


NO_BURSTS: Final = Bursts(inf, 1.0)


@dataclass(frozen=True)
class Conditions:
    """What happens to packets of one direction; shares are between 0 and 1, times in seconds."""

    loss: float = 0.0
    bursts: Bursts = NO_BURSTS
    duplicate: float = 0.0
    reorder: float = 0.0
    reorder_delay: float = 0.005
    """The most by which a packet is late that is reordered or a duplicate."""
    corrupt: float = 0.0
    """One byte is changed if the packet is `bytes`; any other packet is lost, as with a wrong UDP checksum."""
    jitter: float = 0.0
    """Mean of an exponential delay of what arrives together; the order is kept, as on a radio link."""
    blackholes: Sequence[Tuple[float, float]] = ()
    """Times from and to which everything that is sent is lost."""

    @property
    def is_clean(self) -> bool:
        """Whether no packet is treated on its own."""
        return not (self.loss or self.duplicate or self.reorder or self.corrupt) and self.bursts.every == inf


@dataclass(frozen=True)
class Path:
    """A bottleneck and what is around it."""

    rate: float
    """Bytes a second on the wire."""
    delay: float
    """Seconds in each direction."""
    queue: float
    """Bytes on the wire that wait at most; what does not fit is dropped."""
    changes: Sequence[Tuple[float, float]] = ()
    """Time and new rate, in order."""
    forward: Conditions = field(default_factory=Conditions)
    backward: Conditions = field(default_factory=Conditions)


class Network:
    """Runs pairs of endpoints. Times are seconds since the start of the network."""

    def __init__(self, path: Path, seed: int = 0) -> None:
        self.now = 0.0
        self.queued: List[float] = []
        """The queue in seconds, sampled every 5 ms; clear it to start anew."""
        self.dropped = 0
        """Packets that the full queue has dropped."""
        self._path = path
        self._bottleneck = _Bottleneck(path)
        self._random = random.Random(seed)  # noqa: S311 a simulation has to be repeatable
        self._lines: List[_Line] = []
        self._endpoints: List[Endpoint] = []
        self._wakes: List[float] = []  # of each endpoint: its earliest wake-up in the heap
        self._events: List[Tuple[float, int, int, List[Any]]] = []  # time, number, endpoint, packets (none: wake up)
        self._count = 0
        self._next_sample = 0.0

    def add(self, sender: Endpoint, receiver: Endpoint, start: float = 0.0, delay: float = 0.0) -> None:
        """Connect a pair that begins at a time, with an extra delay in each direction."""
        for endpoint, conditions in ((sender, self._path.forward), (receiver, self._path.backward)):
            self._lines.append(_Line(conditions, self._path.delay + delay, self._random))
            self._endpoints.append(endpoint)
            self._wakes.append(start)
            self._push(start, len(self._endpoints) - 1, [])

    def run(self, until: float) -> None:
        """Let all happen before that time."""
        events = self._events
        while events and events[0][0] < until:
            now, _, index, packets = heapq.heappop(events)
            if now >= self._next_sample:
                self._sample(now)
            self.now = now
            if packets:
                self._endpoints[index].receive(now, packets)
            elif now > self._wakes[index]:
                continue  # an earlier one has taken its place
            if now >= self._wakes[index]:
                self._wakes[index] = inf
            self._serve(now, index)
        self.now = until

    def _serve(self, now: float, index: int) -> None:
        endpoint = self._endpoints[index]
        packets = endpoint.poll(now)
        if packets:
            self._send(now, index, packets)
        # Never at once again: an endpoint with a deadline that has passed would stop the clock.
        deadline = max(endpoint.deadline(now), now + 1e-6)
        if deadline < self._wakes[index]:
            self._wakes[index] = deadline
            self._push(deadline, index, [])

    def _send(self, now: float, index: int, packets: Packets) -> None:
        line = self._lines[index]
        if line.is_closed(now):
            return
        if index % 2:
            groups: Iterable[Tuple[float, List[Any]]] = [(now, [packet for packet, _ in packets])]
        else:
            groups, dropped = self._bottleneck.pass_on(now, packets)
            self.dropped += dropped
        for left, group in groups:
            for arrival, arrived in line.carry(left, group):
                self._push(arrival, index ^ 1, arrived)

    def _push(self, when: float, index: int, packets: List[Any]) -> None:
        self._count += 1
        heapq.heappush(self._events, (when, self._count, index, packets))

    def _sample(self, now: float) -> None:
        while self._next_sample <= now:
            self.queued.append(self._bottleneck.waiting(self._next_sample))
            self._next_sample += SAMPLE_SECONDS


class _Bottleneck:
    """A queue that works off bytes at a rate that may change; the place of a packet in it tells when it has left."""

    def __init__(self, path: Path) -> None:
        self._limit = path.queue
        self._from = [0.0]  # since when each rate is in force
        self._done = [0.0]  # bytes that could have been sent until then
        self._rates = [path.rate]
        for when, rate in path.changes:
            self._done.append(self._capacity(when))
            self._from.append(when)
            self._rates.append(rate)
        self._end = 0.0  # capacity that is used up when the last packet has left

    def pass_on(self, now: float, packets: Packets) -> Tuple[List[Tuple[float, List[Any]]], int]:
        """Return groups of packets with the time at which the last of each has left, and how many were dropped."""
        capacity = self._capacity(now)
        end = max(self._end, capacity)
        allowed = capacity + self._limit
        groups: List[Tuple[float, List[Any]]] = []
        group: List[Any] = []
        dropped = 0
        grain = GRAIN * self._rates[bisect_right(self._from, now) - 1]
        group_end = end + grain
        for packet, size in packets:
            after = end + size + HEADER
            # One packet is on the wire, not in the queue.
            if after > allowed and end > capacity:
                dropped += 1
                continue
            if after > group_end and group:
                groups.append((self._time(end), group))
                group = []
                group_end = end + grain
            end = after
            group.append(packet)
        if group:
            groups.append((self._time(end), group))
        self._end = end
        return groups, dropped

    def waiting(self, now: float) -> float:
        """Seconds that a packet would wait."""
        return max(self._time(self._end) - now, 0.0)

    def _capacity(self, now: float) -> float:
        i = bisect_right(self._from, now) - 1
        return self._done[i] + (now - self._from[i]) * self._rates[i]

    def _time(self, capacity: float) -> float:
        i = bisect_right(self._done, capacity) - 1
        return self._from[i] + (capacity - self._done[i]) / self._rates[i]


class _Line:
    """One direction of one pair behind the bottleneck."""

    def __init__(self, conditions: Conditions, delay: float, source: random.Random) -> None:
        self._conditions = conditions
        self._delay = delay
        self._random = source
        self._is_clean = conditions.is_clean
        self._last = 0.0  # the latest arrival
        self._until_burst = self._draw(conditions.bursts.every)
        self._burst = 0.0

    def is_closed(self, now: float) -> bool:
        """Whether a blackhole swallows what is sent now."""
        return any(start <= now < end for start, end in self._conditions.blackholes)

    def carry(self, left: float, packets: List[Any]) -> List[Tuple[float, List[Any]]]:
        """Return what arrives and when, of packets that left the bottleneck together."""
        arrival = left + self._delay
        if self._conditions.jitter:
            arrival += self._random.expovariate(1 / self._conditions.jitter)
        arrival = self._last = max(arrival, self._last)
        if self._is_clean:
            return [(arrival, packets)]
        arrived: List[Any] = []
        late: List[Tuple[float, List[Any]]] = []
        for packet in packets:
            self._treat(packet, arrival, arrived, late)
        if arrived:
            late.append((arrival, arrived))
        return late

    def _treat(self, packet: Any, arrival: float, arrived: List[Any], late: List[Tuple[float, List[Any]]]) -> None:
        conditions, chance = self._conditions, self._random.random
        if (conditions.loss and chance() < conditions.loss) or self._is_in_burst():
            return
        if conditions.corrupt and chance() < conditions.corrupt:
            if not isinstance(packet, bytes) or not packet:
                return
            packet = self._damage(packet)
        if conditions.reorder and chance() < conditions.reorder:
            late.append((arrival + chance() * conditions.reorder_delay, [packet]))
        else:
            arrived.append(packet)
        if conditions.duplicate and chance() < conditions.duplicate:
            late.append((arrival + chance() * conditions.reorder_delay, [packet]))

    def _is_in_burst(self) -> bool:
        if self._until_burst > 0:
            self._until_burst -= 1
            if self._until_burst <= 0:
                self._burst = self._draw(self._conditions.bursts.length)
            return False
        self._burst -= 1
        if self._burst <= 0:
            self._until_burst = self._draw(self._conditions.bursts.every)
        return True

    def _draw(self, mean: float) -> float:
        """Draw a number of packets, at least one, from a geometric distribution."""
        if mean in (inf, 1):
            return mean
        return 1 + int(log(1 - self._random.random()) / log(1 - 1 / mean))

    def _damage(self, packet: bytes) -> bytes:
        damaged = bytearray(packet)
        damaged[self._random.randrange(len(damaged))] ^= self._random.randrange(1, 256)
        return bytes(damaged)
