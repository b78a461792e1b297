"""A transfer on a real bottleneck: how much of it is used, and how it is shared with the kernel's TCP CUBIC.

    python3 -m loadtest.sharing [--seconds 40] [--runs 1] [--congestion-control NAME]…

The network is that of `loadtest.bottleneck`: 100 Mbit/s, 20 ms, a queue of so many products of rate and delay (BDP).
Alone, the link loses a share of the packets at random in each direction. Beside TCP, both begin at once, or one joins
4 s after the other; counted are the bytes that arrive in the second half of the time. Goodput of 95 % of the rate is
what headers leave. The queue is looked at every 50 ms. With `--congestion-control tcp` TCP takes our place,
which shows what CUBIC makes of such a link, and how evenly two of its flows share it so soon. `stolen` is what the host
has taken of this machine's time meanwhile: with a tenth of it, the emulated link carries less, and losses look as if
they came from a queue.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean
from typing import Callable, Final, List, NamedTuple, Optional, Sequence

from loadtest.bottleneck import RECEIVER_ADDRESS, SENDER_ADDRESS, Bottleneck, Unavailable
from loadtest.stolen import Stolen

MEGABITS: Final = 100
DELAY: Final = 0.02
BDP: Final = int(MEGABITS * 1e6 / 8 * DELAY)
RATE: Final = MEGABITS * 1e6 / 8
LOOK_SECONDS: Final = 0.05
JOIN_SECONDS: Final = 4.0

_TCP: Final = """
import os, socket, sys, time
if sys.argv[1] == "receive":
    server = socket.create_server((sys.argv[2], int(sys.argv[4])))
    print("ready", flush=True)
    connection, _ = server.accept()
    total, shown = 0, time.monotonic()
    while True:
        data = connection.recv(1 << 16)
        if not data:
            break
        total += len(data)
        if time.monotonic() - shown > 0.1:
            shown = time.monotonic()
            with open(sys.argv[3] + ".new", "w") as file:
                file.write(str(total))
            os.replace(sys.argv[3] + ".new", sys.argv[3])
else:
    sock = socket.socket()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
    sock.connect((sys.argv[2], int(sys.argv[4])))
    end = time.monotonic() + float(sys.argv[3])
    while time.monotonic() < end:
        sock.sendall(bytes(1 << 16))
"""


class Seen(NamedTuple):
    """What was measured in the second half: bytes a second of either, and the mean queue in seconds."""

    ours: float
    theirs: float
    queue: float


class Flow(NamedTuple):
    """Two programs, and what has arrived so far, in bytes."""

    receiver: List[str]
    sender: List[str]
    received: Callable[[], int]


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Measure as the command line says; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python3 -m loadtest.sharing", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=40.0, help="length of each measurement (default 40)")
    parser.add_argument("--runs", type=int, default=1, help="measurements of each kind (default 1)")
    parser.add_argument("--congestion-control", action="append", default=[], metavar="NAME")
    options = parser.parse_args(arguments)
    try:
        for name in options.congestion_control or ["patient"]:
            print(f"congestion control {name}")
            for loss in (0.0, 0.01, 0.05):
                for queue in (0.25, 1.0, 4.0) if not loss else (1.0,):
                    stolen = Stolen()
                    seen = [measure(name, queue, loss, None, options.seconds) for _ in range(options.runs)]
                    used = mean(one.ours for one in seen) / RATE
                    standing = mean(one.queue for one in seen) * 1000
                    print(
                        f"  alone, queue {queue:g} BDP, {loss:.0%} loss: {used:.0%} used, {standing:.1f} ms of queue"
                        f" ({stolen.share():.0%} stolen)",
                        flush=True,
                    )
            for queue in (0.25, 1.0, 4.0):
                for title, joins in (("together", 0.0), ("TCP joins", JOIN_SECONDS), ("we join", -JOIN_SECONDS)):
                    stolen = Stolen()
                    seen = [measure(name, queue, 0.0, joins, options.seconds) for _ in range(options.runs)]
                    shares = ", ".join(f"{one.ours / (one.ours + one.theirs):.0%}" for one in seen)
                    used = mean(one.ours + one.theirs for one in seen) / RATE
                    print(
                        f"  beside TCP CUBIC, queue {queue:g} BDP, {title}: {shares} ours, {used:.0%} used"
                        f" ({stolen.share():.0%} stolen)",
                        flush=True,
                    )
    except Unavailable as error:
        print(f"cannot measure: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


def measure(name: str, queue: float, loss: float, tcp_after: Optional[float], seconds: float) -> Seen:
    """Run one transfer for so long; with `tcp_after`, TCP beside it, so many seconds later (negative: earlier)."""
    with (
        tempfile.TemporaryDirectory(prefix="sharing-") as text,
        Bottleneck(MEGABITS, DELAY, int(queue * BDP), loss) as network,
    ):
        folder = Path(text)
        (folder / "received").mkdir()
        (folder / "credentials.txt").write_text("sender benchmark\nreceiver benchmark\n", encoding="utf-8")
        with (folder / "file0").open("wb") as file:
            file.truncate(int(RATE * (seconds + 2 * JOIN_SECONDS)) * 2)  # longer than it can take
        programs: List[subprocess.Popen[str]] = []
        try:
            ours, theirs = _flow(name, folder, seconds, 9473), _flow("tcp", folder, seconds, 9474)
            _start(programs, network.receiver, ours.receiver)
            if tcp_after is not None:
                _start(programs, network.receiver, theirs.receiver)
            starts = [(max(0.0, -(tcp_after or 0.0)), ours.sender)]
            if tcp_after is not None:
                starts.append((max(0.0, tcp_after), theirs.sender))
            began = time.monotonic()
            for delay, command in sorted(starts):
                time.sleep(max(0.0, began + delay - time.monotonic()))
                _start(programs, network.sender, command, wait=False)
            time.sleep(seconds / 2)
            return _watch(network, seconds / 2, ours.received, theirs.received)
        finally:
            for program in reversed(programs):
                program.kill()
                program.wait()


def _flow(name: str, folder: Path, seconds: float, port: int) -> Flow:
    if name == "tcp":
        counter = folder / f"tcp{port}"
        sink = [sys.executable, "-c", _TCP, "receive", RECEIVER_ADDRESS, str(counter), str(port)]
        source = [sys.executable, "-c", _TCP, "send", RECEIVER_ADDRESS, str(seconds + 2 * JOIN_SECONDS), str(port)]
        return Flow(sink, source, lambda: _received_by_tcp(counter))
    return Flow([*_end("receiver", name, folder), "--serve"], _end("sender", name, folder), lambda: _received(folder))


def _watch(network: Bottleneck, seconds: float, ours: Callable[[], int], theirs: Callable[[], int]) -> Seen:
    before, began = (ours(), theirs()), time.monotonic()
    backlogs = []
    while time.monotonic() < began + seconds:
        backlogs.append(network.queue_statistics()["backlog"])
        time.sleep(LOOK_SECONDS)
    elapsed = time.monotonic() - began
    return Seen((ours() - before[0]) / elapsed, (theirs() - before[1]) / elapsed, mean(backlogs) / RATE)


def _received(folder: Path) -> int:
    return sum(part.stat().st_blocks * 512 for part in (folder / "received").glob("*.part"))


def _received_by_tcp(counter: Path) -> int:
    try:
        return int(counter.read_text(encoding="ascii") or 0)
    except FileNotFoundError:
        return 0


def _end(role: str, name: str, folder: Path) -> List[str]:
    own = SENDER_ADDRESS if role == "sender" else RECEIVER_ADDRESS
    return [
        sys.executable, "-m", "loadtest.transfer_end", "file", role, "--folder", str(folder),
        "--host", RECEIVER_ADDRESS, "--own", own, "--congestion-control", name,
    ]  # fmt: skip


def _start(programs: List[subprocess.Popen[str]], space: str, command: List[str], wait: bool = True) -> None:
    """Start a program and add it to those that run, before it is waited for."""
    program = subprocess.Popen(
        ["ip", "netns", "exec", space, *command],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        cwd=Path(__file__).parent.parent, start_new_session=True,  # Ctrl-C is for the benchmark, which ends them
    )  # fmt: skip
    programs.append(program)
    assert program.stdout is not None
    if wait and program.stdout.readline() != "ready\n":
        raise Unavailable(f"{command[2]} did not start")


if __name__ == "__main__":
    sys.exit(main())
