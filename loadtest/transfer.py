"""The transfer benchmark: how fast a file goes from client to client, beside TCP and, where installed, aioquic.

    python3 -m loadtest.transfer [--runs 3] [--rows tcp,file,…] [--quick] [--json FILE]

Rows (`--rows` takes a part of them):

    tcp        1 GiB by `socket.sendfile`, neither encrypted nor verified: what the machine can do at most
    file       1 GiB by `Client.send_file`, everything at its defaults
    ethernet   the same in datagrams of 1200 bytes, cut and joined by the kernel (UDP GSO and GRO)
    buffer     the same as `ethernet` with socket buffers of 208 KiB, as distributions have them
    portable   1 GiB in datagrams of 1200 bytes without the kernel's help
    many       100 files of 10 MB at once between two clients
    link       20 MB over 100 Mbit/s and 20 ms (see `loadtest.bottleneck`; needs root)
    aioquic    100 MB over one QUIC stream, where the package aioquic is installed

Method. A server, the sender and the receiver are three processes; files lie on /dev/shm where there is one. The time
runs from `send_file` to the receipt, which comes when the file has been verified and has its name; contents are
compared afterwards. Memory, three times what is needed, is touched just before, as virtual machines get theirs from a
host that takes its time. The rows take turns. CPU is that of sender and receiver together, memory the peak of the
larger of the two, in MB (a million bytes each). Nothing is pinned to a core. `stolen` is the share of the machine's
time that its host has taken meanwhile (steal of /proc/stat): of a row with much of it only the least is known. What the
link itself carries, by plain UDP, is measured just before each of its runs (see `loadtest.carried`).

Exit status: 0; 1 when a file was not delivered or not identical; 130 when it was interrupted.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Dict, Final, List, NamedTuple, Optional, Sequence, Tuple

from loadtest.bottleneck import RECEIVER_ADDRESS, SENDER_ADDRESS, Bottleneck, Unavailable
from loadtest.carried import carried
from loadtest.stolen import Stolen
from messenger.config import ServerConfig
from messenger.server.lifecycle import Server

GIB: Final = 1 << 30
STOCK_BUFFER: Final = 212_992
"""net.core.rmem_max as Linux has it unless told otherwise."""

LINK_MEGABITS: Final = 100
LINK_DELAY: Final = 0.02
LINK_QUEUE: Final = 250_000
"""One product of rate and delay."""
LINK_BURST: Final = 30_000
"""2.4 ms of its rate: a machine whose host takes its time now and then would emulate a slower link with less."""

TOUCHED: Final = 3
"""So many times as much memory is touched as will be needed, as nobody knows which of it the kernel will take;"""
TOUCHES_MAX, TOUCH_SHARE = 8, 0.7
"""so often at most, and again if it took less than this part of the time before."""

Figures = Dict[str, float]


class Row(NamedTuple):
    """One measurement: the mode of `loadtest.transfer_end` and its options."""

    key: str
    title: str
    mode: str
    size: int
    options: Tuple[str, ...] = ()
    files: int = 1


ROWS: Final = (
    Row("tcp", "TCP sendfile, 1 GiB, not encrypted", "tcp", GIB),
    Row("file", "1 GiB, defaults", "file", GIB),
    Row("ethernet", "1 GiB, datagrams of 1200 bytes", "file", GIB, ("--segment-max", "1200")),
    Row(
        "buffer",
        "1 GiB, 1200 bytes, buffers of 208 KiB",
        "file",
        GIB,
        ("--segment-max", "1200", "--socket-buffer", str(STOCK_BUFFER)),
    ),
    Row("portable", "1 GiB, 1200 bytes, no offload", "file", GIB, ("--segment-max", "1200", "--no-offload")),
    Row("many", "100 files of 10 MB at once", "file", 10_000_000, (), 100),
    Row("link", "20 MB over 100 Mbit/s, 20 ms", "file", 20_000_000),
    Row("aioquic", "aioquic, 100 MB", "quic", 100_000_000),
)


class Failed(Exception):
    """A file was not delivered or not identical."""


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run the benchmark as the command line says and return the exit status."""
    options = _parse(arguments)
    wanted = [row for row in ROWS if not options.rows or row.key in options.rows.split(",")]
    results: Dict[str, List[Figures]] = {}
    try:
        for number in range(1, options.runs + 1):
            for row in wanted:
                figures = _measure(row, options.quick)
                if figures is not None:
                    results.setdefault(row.key, []).append(figures)
                    print(f"run {number} of {options.runs}: {row.title}: {figures['rate'] / 1e6:,.0f} MB/s", flush=True)
    except Failed as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    _print_table(wanted, results)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


def measure(row: Row, size: int, network: Optional[Bottleneck] = None) -> Figures:
    """Send the row's files once and return the figures; raises `Failed`."""
    shared = Path("/dev/shm")  # noqa: S108 - memory, so that no disk is measured
    with tempfile.TemporaryDirectory(prefix="transfer-", dir=shared if shared.is_dir() else None) as name:
        folder = Path(name)
        (folder / "received").mkdir()
        for number in range(row.files):
            _write_random(folder / f"file{number}", size)
        if row.mode != "file":
            return _run_ends(row, folder, size, [], network)
        (folder / "credentials.txt").write_text("sender benchmark\nreceiver benchmark\n", encoding="utf-8")
        if network is not None:
            return _run_ends(row, folder, size, ["--serve"], network)
        config = ServerConfig(0, 3, ("127.0.0.1",), folder / "credentials.txt", folder)
        with Server(config) as server:
            return _run_ends(row, folder, size, ["--port", str(server.port)], network)


def _measure(row: Row, quick: bool) -> Optional[Figures]:
    size = row.size // 20 if quick else row.size
    if row.key == "aioquic":
        try:
            import aioquic  # noqa: F401 - only looked for here
        except ImportError:
            return None
    if row.key != "link":
        return measure(row, size)
    try:
        with Bottleneck(LINK_MEGABITS, LINK_DELAY, LINK_QUEUE, burst=LINK_BURST) as network:
            share = carried(network, LINK_MEGABITS)
            return {**measure(row, size, network), "carried": share}
    except Unavailable as error:
        print(f"{row.title}: left out, {error}")
        return None


def _run_ends(row: Row, folder: Path, size: int, extra: List[str], network: Optional[Bottleneck]) -> Figures:
    """Run the receiver and the sender, each a process of its own; neither outlives this call."""
    total = size * row.files
    with ExitStack() as stack:
        receiver = _start(row, "receiver", folder, extra, network, stack)
        sender = _start(row, "sender", folder, [*extra, "--wait"], network, stack)
        _touch_memory(folder / "touched", TOUCHED * total)
        stolen = Stolen()
        told, _ = sender.communicate("go\n")
        heard, _ = receiver.communicate("end\n")
        share = stolen.share()
    if sender.returncode or receiver.returncode:
        raise Failed(f"{row.title}: {told}{heard}")
    sent, received = json.loads(told), json.loads(heard)
    _compare(row, folder)
    return {
        "rate": total / sent["seconds"],
        "cpu": sent["cpu"] + received["cpu"],
        "cpu_per_gib": (sent["cpu"] + received["cpu"]) * GIB / total,
        "memory": max(sent["memory"], received["memory"]),
        "slowest_to_fastest": sent.get("slowest_to_fastest", 1.0),
        "repeated": sent.get("repeated", 0.0),
        "stolen": share,
    }


def _start(
    row: Row, role: str, folder: Path, extra: List[str], network: Optional[Bottleneck], stack: ExitStack
) -> subprocess.Popen[str]:
    """Start one end; `stack` ends it."""
    command = [sys.executable, "-m", "loadtest.transfer_end", row.mode, role, "--folder", str(folder)]
    command += ["--files", str(row.files), *extra, *row.options]
    if network is not None:
        space = network.sender if role == "sender" else network.receiver
        command = ["ip", "netns", "exec", space, *command]
        command += ["--host", RECEIVER_ADDRESS, "--own", SENDER_ADDRESS if role == "sender" else RECEIVER_ADDRESS]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
        start_new_session=True,  # Ctrl-C is for the benchmark, which ends them
    )
    stack.enter_context(process)
    stack.callback(process.kill)
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        raise Failed(f"{row.title}: the {role} did not start")
    return process


def _compare(row: Row, folder: Path) -> None:
    for number in range(row.files):
        prefix = "sender_" if row.mode == "file" else ""
        received = folder / "received" / f"{prefix}file{number}"
        same = subprocess.run(["cmp", "-s", str(folder / f"file{number}"), str(received)], check=False)
        if same.returncode:
            raise Failed(f"{row.title}: {received.name} is not identical")


def _touch_memory(path: Path, size: int) -> None:
    """Use so much memory and free it again, until that gets no faster. A virtual machine gives what has been free for
    two seconds back to its host (free page reporting of virtio-balloon), and waits 5 to 20 s for each GiB that it wants
    again, which takes half a second else."""
    before = math.inf
    state = os.statvfs(path.parent)
    size = min(size, state.f_bavail * state.f_frsize // 2)
    for _ in range(TOUCHES_MAX):
        began = time.monotonic()
        with path.open("wb") as file:
            for start in range(0, size, 1 << 20):
                file.write(bytes(min(1 << 20, size - start)))
        path.unlink()
        seconds = time.monotonic() - began
        if seconds > TOUCH_SHARE * before:
            return
        before = seconds


def _write_random(path: Path, size: int) -> None:
    with path.open("wb") as file:
        for start in range(0, size, 1 << 20):
            file.write(os.urandom(min(1 << 20, size - start)))


def _print_table(rows: List[Row], results: Dict[str, List[Figures]]) -> None:
    line = "{:<40} {:>8} {:>6} {:>10} {:>10} {:>7}  {}"
    print("\n" + line.format("medians", "MB/s", "÷ TCP", "CPU s/GiB", "memory MB", "stolen", "spread"))
    tcp = results.get("tcp")
    for row in rows:
        figures = results.get(row.key)
        if not figures:
            continue
        rates = [one["rate"] for one in figures]
        ratio = ""
        if tcp and row.key not in ("tcp", "link"):
            ratio = f"{median(one['rate'] / other['rate'] for one, other in zip(figures, tcp)):.2f}"
        note = f"{min(rates) / 1e6:,.0f} to {max(rates) / 1e6:,.0f}"
        if row.files > 1:
            note += f"; slowest/fastest file {median(one['slowest_to_fastest'] for one in figures):.2f}"
        if row.key == "link":
            shares = [rate * 8 / 1e6 / LINK_MEGABITS for rate in rates]
            itself = [one["carried"] for one in figures]
            note += f"; {_percents(shares)} of the link, which itself carried {_percents(itself)}"
        print(
            line.format(
                row.title,
                f"{median(rates) / 1e6:,.1f}" if median(rates) < 1e8 else f"{median(rates) / 1e6:,.0f}",
                ratio,
                f"{median(one['cpu_per_gib'] for one in figures):.2f}",
                f"{median(one['memory'] for one in figures):.0f}",
                f"{median(one['stolen'] for one in figures):.0%}",
                note,
            )
        )
    print("\nEvery file was identical.")


def _percents(shares: List[float]) -> str:
    return ", ".join(f"{share:.0%}" for share in shares)


def _parse(arguments: Optional[Sequence[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m loadtest.transfer", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=3, help="how often each row is measured (default 3)")
    parser.add_argument("--rows", default="", help="some of: " + ",".join(row.key for row in ROWS))
    parser.add_argument("--quick", action="store_true", help="one run with files of a twentieth: does everything work?")
    parser.add_argument("--json", type=Path, help="write every run's figures to this file")
    options = parser.parse_args(arguments)
    if options.quick:
        options.runs = 1
    known = {row.key for row in ROWS}
    for key in filter(None, options.rows.split(",")):
        if key not in known:
            parser.error(f"there is no row {key!r}")
    return options


if __name__ == "__main__":
    sys.exit(main())
