"""What a load run measured, in this process: to be sent on in pieces, and added up in one place."""

from __future__ import annotations

from typing import Any, Dict, Final, List, Mapping, Tuple

from messenger.load.latencies import Histogram, Sketch
from messenger.load.streams import Fates, Stream

Piece = Dict[str, Any]
"""What `Recorder.take` returns: JSON-like data, so that it may travel from workers to their master."""

LATENCY: Final = "latency"
FAILURES: Final = "failures"
AMOUNTS: Final = "amounts"

CPU: Final = "generator CPU"
"""The amount that each process tells of itself about once a second."""


class Recorder:
    """Latencies, failures and amounts by operation and second; the fates of messages by kind.

    Operations are words like `login`, `ack`, `delivery`; `at` is the time of day in seconds since 1970, the same for
    all workers and for the server's metrics.
    """

    def __init__(self) -> None:
        self._histograms: Dict[str, Histogram] = {}
        self._seconds: Dict[int, Dict[str, _Second]] = {}
        self._failures: Dict[Tuple[str, str], int] = {}
        self._streams: Dict[str, List[Stream]] = {}
        self._ended: Dict[str, Fates] = {}

    def latency(self, operation: str, seconds: float, at: float) -> None:
        """Something was done, and took so long."""
        self._histogram(operation).record(seconds)
        self._second(operation, at).sketch.record(seconds)

    def measure(self, name: str, value: float) -> None:
        """Something that is no latency has this value."""
        self._histogram(name).record_number(value)

    def failure(self, operation: str, reason: str, at: float) -> None:
        """Something was tried, and failed for this reason (an error code or a short sentence)."""
        self._failures[operation, reason] = self._failures.get((operation, reason), 0) + 1
        self._second(operation, at).failures += 1

    def amount(self, operation: str, amount: float, at: float) -> None:
        """So much more of something was there: messages sent, bytes."""
        self._second(operation, at).amount += amount

    def open_stream(self, kind: str) -> Stream:
        """Begin to account for the messages of one sender to one recipient; `kind` as in `messages`, `groups`."""
        stream = Stream()
        self._streams.setdefault(kind, []).append(stream)
        return stream

    def close_streams(self, kind: str, streams: List[Stream]) -> None:
        """These get no message any more: only their counts are kept."""
        for stream in streams:
            self.count(kind, stream.fates())
            self._streams[kind].remove(stream)

    def count(self, kind: str, fates: Fates) -> None:
        """Add counts that belong to no stream that is open."""
        self._ended.setdefault(kind, Fates()).add(fates)

    @property
    def unsettled(self) -> int:
        """Messages whose fate is not known yet."""
        return sum(
            0 if stream.is_settled else stream.fates().unfinished + stream.fates().lost
            for streams in self._streams.values()
            for stream in streams
        )

    def take(self) -> Piece:
        """Return what came since the last time (of the fates, the counts of the whole run so far)."""
        fates = {}
        for kind in {*self._streams, *self._ended}:
            total = Fates()
            total.add(self._ended.get(kind, Fates()))
            for stream in self._streams.get(kind, ()):
                total.add(stream.fates())
            fates[kind] = total.as_dict()
        piece = {
            "histograms": {operation: one.encode() for operation, one in self._histograms.items()},
            "seconds": {
                str(second): {operation: one.as_dict() for operation, one in operations.items()}
                for second, operations in self._seconds.items()
            },
            "failures": [[operation, reason, count] for (operation, reason), count in self._failures.items()],
            "fates": fates,
        }
        self._histograms, self._seconds, self._failures = {}, {}, {}
        return piece

    def _histogram(self, name: str) -> Histogram:
        found = self._histograms.get(name)
        if found is None:
            found = self._histograms[name] = Histogram()
        return found

    def _second(self, operation: str, at: float) -> _Second:
        operations = self._seconds.setdefault(int(at), {})
        found = operations.get(operation)
        if found is None:
            found = operations[operation] = _Second()
        return found


class _Second:
    """One operation in one second."""

    __slots__ = ("amount", "failures", "sketch")

    def __init__(self) -> None:
        self.sketch = Sketch()
        self.failures = 0
        self.amount = 0.0

    def as_dict(self) -> Dict[str, Any]:
        return {
            LATENCY: {str(step): count for step, count in self.sketch.counts.items()},
            FAILURES: self.failures,
            AMOUNTS: self.amount,
        }

    def add(self, other: Mapping[str, Any]) -> None:
        self.sketch.add({int(step): count for step, count in other[LATENCY].items()})
        self.failures += other[FAILURES]
        self.amount += other[AMOUNTS]


class Total:
    """Pieces of all workers, added up."""

    def __init__(self) -> None:
        self.histograms: Dict[str, Histogram] = {}
        self.seconds: Dict[int, Dict[str, _Second]] = {}
        self.failures: Dict[str, Dict[str, int]] = {}
        """Operation to reason to count."""
        self.busy: Dict[str, Dict[int, float]] = {}
        """Worker to second to what it used, in % of a core: the sum would hide one that can do no more."""
        self._fates: Dict[str, Mapping[str, Mapping[str, int]]] = {}

    def add(self, worker: str, piece: Piece) -> None:
        """Take in a piece of this worker."""
        for operation, text in piece["histograms"].items():
            self.histograms.setdefault(operation, Histogram()).add(Histogram.decode(text))
        for second, operations in piece["seconds"].items():
            if CPU in operations:
                busy = self.busy.setdefault(worker, {})
                busy[int(second)] = busy.get(int(second), 0.0) + operations[CPU][AMOUNTS]
            kept = self.seconds.setdefault(int(second), {})
            for operation, one in operations.items():
                kept.setdefault(operation, _Second()).add(one)
        for operation, reason, count in piece["failures"]:
            reasons = self.failures.setdefault(operation, {})
            reasons[reason] = reasons.get(reason, 0) + count
        self._fates[worker] = piece["fates"]

    def as_piece(self) -> Piece:
        """Return everything as one piece."""
        return {
            "histograms": {operation: one.encode() for operation, one in self.histograms.items()},
            "seconds": {
                str(second): {operation: one.as_dict() for operation, one in operations.items()}
                for second, operations in sorted(self.seconds.items())
            },
            "failures": [
                [operation, reason, count]
                for operation, reasons in self.failures.items()
                for reason, count in reasons.items()
            ],
            "fates": {kind: fates.as_dict() for kind, fates in self.fates.items()},
            "busy": {
                worker: {str(second): percent for second, percent in sorted(busy.items())}
                for worker, busy in self.busy.items()
            },
        }

    @property
    def fates(self) -> Dict[str, Fates]:
        """The fates of messages by kind."""
        found: Dict[str, Fates] = {}
        for kinds in self._fates.values():
            for kind, counts in kinds.items():
                found.setdefault(kind, Fates()).add(Fates(**counts))
        return found
