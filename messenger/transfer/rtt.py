"""Round trip times: what the path takes when it is empty, and how much queue stands on it now."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import Deque, Final, Tuple

BASE_SECONDS: Final = 30.0
"""Seconds for which the smallest sample stands for the empty path: long enough to see the queue empty once, short
enough to forget a route that has changed (the BBR draft's ten seconds need an active probe)."""

BASE_GRAIN: Final = 0.1
"""Seconds of samples that become one entry of the base window, so that it holds 300 entries at any rate of samples."""

RECENT_SECONDS: Final = 0.004
"""Least seconds of which the smallest sample counts as recent: four batches of 1 ms."""

RECENT_SAMPLES: Final = 4
"""Least samples that count as recent: after a machine has stood still for a moment the next few are late, and tell of
the machine and not of the path."""

STANDING_ROUNDS: Final = 3
"""Round trips of which the smallest sample tells the standing queue: a radio link's jitter spares one of them."""

JITTER_MOST: Final = 0.25
"""Most that one round counts as jitter, in base round trips: what is more is a queue that grows fast."""

GRANULARITY: Final = 0.001
"""Seconds below which timers and variations mean nothing (kGranularity of RFC 9002, section 6.1.2)."""

ACK_DELAY: Final = 0.010
"""Seconds by which an acknowledgement may be late: 1 ms of the receiver's timer and two or three time slices on a busy
machine. RFC 9000 assumes 25 ms; a probe sent in vain costs little here, an idle fast path costs more."""

EXPECTED: Final = 0.1
"""Seconds that a round trip is expected to take while nothing is known of it, the first window is paced over it: a long
path; one round trip later the rate is right, and a short path has lost nothing but that round trip."""

FIRST_TIMEOUT: Final = 0.3
"""Seconds until the first probe while no round trip is known: above nearly every path on earth; RFC 9002 would wait
three times 333 ms."""


class RoundTrip:
    """Statistics over round trip samples; all times in seconds. A sample belongs to one transmission (RFC 9002, 5.1).

    Meaningless, and zero, before `has_sample`: `smoothed`, `variation` (RFC 9002, section 5.3), `latest` and `base`,
    the smallest of the last 30 s. `standing` is the smallest of the last three round trips, `jitter` by how much the
    recent minimum is above it on average. `expected` is what the first sample is expected to be.
    """

    __slots__ = (
        "_bases", "_count", "_least", "_recent", "_round_end", "_rounds", "base", "expected", "has_sample", "jitter",
        "latest", "smoothed", "standing", "variation",
    )  # fmt: skip

    def __init__(self) -> None:
        self.has_sample = False
        self.expected = EXPECTED
        self.smoothed = 0.0
        self.variation = 0.0
        self.latest = 0.0
        self.base = 0.0
        self.standing = 0.0
        self.jitter = 0.0
        self._count = 0
        self._least = inf  # the smallest sample of this round
        self._round_end = 0.0
        self._rounds: Deque[float] = deque(maxlen=STANDING_ROUNDS)
        # Both hold samples that rise, with time (and number): what is later and smaller has removed what was before.
        self._bases: Deque[Tuple[float, float]] = deque()
        self._recent: Deque[Tuple[float, int, float]] = deque()

    def update(self, now: float, sample: float) -> None:
        """Take in one sample."""
        self.latest = sample
        if self.has_sample:
            self.variation += (abs(self.smoothed - sample) - self.variation) / 4
            self.smoothed += (sample - self.smoothed) / 8
        else:
            self.has_sample = True
            self.smoothed = sample
            self.variation = sample / 2
        recent = self._recent
        while recent and recent[-1][2] >= sample:
            recent.pop()
        self._count += 1
        recent.append((now, self._count, sample))
        self._update_base(now, sample)
        self._least = min(self._least, sample)
        self.standing = min(self.standing, sample)
        if now >= self._round_end:
            self._end_round(now)

    def recent(self, now: float) -> float:
        """The smallest sample of the last half round trip, at least of 4 ms and 4 samples: free of the jitter of
        batches and of acknowledgements (the standing round trip of Copa, NSDI 2018)."""
        recent = self._recent
        if not recent:
            return 0.0
        since, number = now - max(self.smoothed / 2, RECENT_SECONDS), self._count - RECENT_SAMPLES
        while len(recent) > 1 and recent[0][0] < since and recent[0][1] <= number:
            recent.popleft()
        return recent[0][2]

    def queue(self, now: float) -> float:
        """Seconds of queue that stand on the path: the recent minimum above the base."""
        return max(self.recent(now) - self.base, 0.0)

    @property
    def probe_timeout(self) -> float:
        """Seconds without an acknowledgement after which to probe (PTO of RFC 9002, section 6.2.1)."""
        if not self.has_sample:
            return FIRST_TIMEOUT
        return self.smoothed + max(4 * self.variation, GRANULARITY) + ACK_DELAY

    def _end_round(self, now: float) -> None:
        self._rounds.append(self._least)
        self.standing = min(self._rounds)
        excess = min(max(self.recent(now) - self.standing, 0.0), JITTER_MOST * self.base)
        self.jitter += (excess - self.jitter) / 16
        self._least = inf
        self._round_end = now + self.smoothed

    def _update_base(self, now: float, sample: float) -> None:
        bases = self._bases
        grain_start = now - BASE_GRAIN
        if bases and sample >= bases[-1][1] and bases[-1][0] > grain_start:
            return
        while bases and bases[-1][1] >= sample:
            bases.pop()
        bases.append((now, sample))
        while bases[0][0] < now - BASE_SECONDS:
            bases.popleft()
        self.base = bases[0][1]
