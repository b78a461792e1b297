"""How the congestion controllers behave, on a simulated bottleneck.

    python3 -m loadtest.congestion [--seeds 3] [--seconds 60] [--machines] [--rows alone,paths,…] [CONTROLLER …]

Rows (`--rows` takes a part of them):

    alone    what one flow gets of the link, by the loss and by the queue that fits, and what queue stands meanwhile
    paths    the same on other paths, with jitter, and with losses in bursts
    rivals   its share beside plain CUBIC that starts with it, joins later, or was there before, and the mean queue
    own      the first one's share of two of its own

The link carries 100 Mbit/s at 20 ms round trip unless the row says otherwise; queues are given in multiples of
bandwidth x delay (250 KB), losses are random and in both directions. Each figure is the mean over the seeds in %
(headers leave 97.7), with the least and the greatest in brackets, and the mean queue. Two seconds of warming up do not
count. The flows are the compact model of `loadtest.bulk`; with `--machines` they are the transfer's own sender and
receiver, and it takes three times as long.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from statistics import mean
from typing import Any, Callable, Final, List, NamedTuple, Sequence, Tuple

from loadtest import bulk, machines
from loadtest.link import NO_BURSTS, Bursts, Conditions, Network, Path
from messenger.transfer.controllers import CONTROLLERS

ACK_JITTER: Final = 0.0002
"""Mean seconds by which the way back varies: machines and switches do not answer at once."""

WARM_UP: Final = 2.0
"""Seconds after the last start that do not count."""

QUEUES: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Multiples of bandwidth x delay."""

LOSSES: Final = (0.0, 0.001, 0.01, 0.05)

Pair = Callable[[Any], Tuple[Any, Any]]
"""Makes the two ends of a flow from the class of its controller."""


@dataclass(frozen=True)
class Link:
    """A bottleneck; times in seconds."""

    queue: float = 1.0
    """Multiples of bandwidth x delay."""
    loss: float = 0.0
    """Share of packets lost in each direction."""
    rate: float = 12_500_000.0
    """Bytes a second."""
    delay: float = 0.010
    """In each direction."""
    jitter: float = ACK_JITTER
    bursts: Bursts = NO_BURSTS
    changes: Sequence[Tuple[float, float]] = ()
    blackholes: Sequence[Tuple[float, float]] = ()

    @property
    def path(self) -> Path:
        """The same for the simulator."""
        forward = Conditions(loss=self.loss, bursts=self.bursts, blackholes=self.blackholes)
        backward = Conditions(loss=self.loss, jitter=self.jitter)
        return Path(self.rate, self.delay, self.queue * self.rate * 2 * self.delay, self.changes, forward, backward)


class Outcome(NamedTuple):
    """What one run showed."""

    goodput: List[float]
    """Of each flow, in % of the link."""
    queue: float
    """Mean, ms."""

    @property
    def share(self) -> float:
        """What the first flow got of all that was carried, in %."""
        return 100 * self.goodput[0] / max(sum(self.goodput), 1e-9)


class Scene(NamedTuple):
    """Flows on a link: the names of their controllers, and when they start."""

    link: Link
    names: Sequence[str]
    starts: Sequence[float] = (0.0, 0.0)

    def play(self, seconds: float, seed: int = 1, pair: Pair = bulk.pair) -> Outcome:
        """Run for so many seconds after the last start."""
        network = Network(self.link.path, seed)
        receivers = []
        # Another seed is also another moment to join: at another point of the rival's sawtooth.
        moments = [start * (1 + 0.037 * seed) + 0.0013 * i * seed for i, start in enumerate(self.starts)]
        for name, moment in zip(self.names, moments):
            sender, receiver = pair(CONTROLLERS[name])
            receivers.append(receiver)
            network.add(sender, receiver, moment)
        begin = max(moments) + WARM_UP
        network.run(begin)
        network.queued.clear()
        before = [receiver.delivered for receiver in receivers]
        network.run(begin + seconds)
        goodput = [(end.delivered - start) / seconds * 100 for end, start in zip(receivers, before)]
        return Outcome([each / self.link.rate for each in goodput], 1000 * mean(network.queued))


PATHS: Final = (
    ("100 Mbit/s, 100 ms, 1 % loss", Link(loss=0.01, delay=0.05)),
    ("300 Mbit/s, 10 ms, 1 % loss", Link(loss=0.01, delay=0.005, rate=37.5e6)),
    ("20 Mbit/s, 100 ms, 1 % loss", Link(loss=0.01, delay=0.05, rate=2.5e6)),
    ("10 Mbit/s, 40 ms, 5 % loss", Link(loss=0.05, delay=0.02, rate=1.25e6)),
    ("jitter of 1 ms", Link(jitter=0.001)),
    ("jitter of 1 ms, 1 % loss", Link(loss=0.01, jitter=0.001)),
    ("jitter of 3 ms", Link(jitter=0.003)),
    ("jitter of 3 ms, 1 % loss", Link(loss=0.01, jitter=0.003)),
    ("bursts of 2 in 300", Link(bursts=Bursts(300, 2))),
    ("bursts of 10 in 300", Link(bursts=Bursts(300, 10))),
    ("bursts of 20 in 2000", Link(bursts=Bursts(2000, 20))),
    ("30 instead of 100 Mbit/s for 10 s", Link(changes=((5.0, 3.75e6), (15.0, 12.5e6)))),
)
"""What else there is. The change takes 7 s of the whole link away: of 60 s that is 11 %."""

RIVALRY: Final = (("same start", (0.0, 0.0)), ("rival joins", (0.0, 4.0)), ("rival late", (0.0, 12.3)),
                  ("we join", (8.0, 0.0)))  # fmt: skip
"""Starts of ours and of CUBIC, s."""


class Table:
    """Prints the rows of one controller."""

    def __init__(self, name: str, seconds: float, seeds: int, pair: Pair) -> None:
        self._name = name
        self._seconds = seconds
        self._seeds = range(1, seeds + 1)
        self._pair = pair

    def alone(self) -> None:
        """One flow, by loss and queue."""
        for loss in LOSSES:
            self._row(f"alone, {loss:.1%} loss", [Scene(Link(queue, loss), [self._name], [0.0]) for queue in QUEUES])

    def paths(self) -> None:
        """One flow on other paths."""
        for title, link in PATHS:
            self._row(title, [Scene(link, [self._name], [0.0])])

    def rivals(self) -> None:
        """Beside CUBIC."""
        for title, starts in RIVALRY:
            self._row(f"{title}, share", [Scene(Link(queue), [self._name, "cubic"], starts) for queue in QUEUES])

    def own(self) -> None:
        """Two of a kind."""
        for title, second in (("same start", 0.0), ("second later", 4.0)):
            scenes = [Scene(Link(queue), [self._name] * 2, (0.0, second)) for queue in QUEUES]
            self._row(f"own pair, {title}, share", scenes)

    def _row(self, title: str, scenes: Sequence[Scene]) -> None:
        print(f"{title:38}", end="", flush=True)
        for scene in scenes:
            outcomes = [scene.play(self._seconds, seed, self._pair) for seed in self._seeds]
            shares = [outcome.share if len(scene.names) > 1 else outcome.goodput[0] for outcome in outcomes]
            queue = mean(outcome.queue for outcome in outcomes)
            print(f" {mean(shares):5.1f} ({min(shares):.0f}-{max(shares):.0f}) {queue:4.1f} ms", end="", flush=True)
        print()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python3 -m loadtest.congestion", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("controllers", metavar="CONTROLLER", nargs="*", help=f"of {', '.join(CONTROLLERS)}")
    parser.add_argument("--seeds", type=int, default=3, help="runs for each figure")
    parser.add_argument("--seconds", type=float, default=60.0, help="simulated, for each run")
    parser.add_argument("--machines", action="store_true", help="the transfer's own sender and receiver")
    parser.add_argument("--rows", default="alone,paths,rivals,own", help="which ones, with commas between")
    options = parser.parse_args()
    unknown = set(options.controllers) - set(CONTROLLERS)
    if unknown:
        parser.error(f"no controller {', '.join(sorted(unknown))}; there are {', '.join(CONTROLLERS)}")
    for name in options.controllers or CONTROLLERS:
        print(f"\n{name}: queues of {', '.join(f'{queue:g}' for queue in QUEUES)} x bandwidth x delay")
        table = Table(name, options.seconds, options.seeds, machines.pair if options.machines else bulk.pair)
        for row in options.rows.split(","):
            {"alone": table.alone, "paths": table.paths, "rivals": table.rivals, "own": table.own}[row]()


if __name__ == "__main__":
    main()
