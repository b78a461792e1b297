"""The peer benchmark: our server and, where they are installed, ngircd and InspIRCd under the same load.

    python3 -m loadtest.peers [--rounds 5] [--rows pairs,random,…] [--seconds 3] [--quick] [--json FILE]

Rows (`--rows` takes a part of them):

    pairs    50 senders, each to a receiver of its own, at most 100 undelivered messages a sender
    random   500 clients, each message to a random other one, at most 20 undelivered a sender
    closed   50 pairs, the two of each answering each other: the next message when the last one has been delivered
    fan      one sender to a group of 1,000, at most 10 messages that not everybody has
    idle     10,000 clients that are logged in and quiet, 10 closed-loop pairs among them; the same with 1,000
    login    clients that log in and out over and over, 32 at a time

Method. The load comes from `chatload.c` (its head says how it measures and what it checks), which is compiled with
`cc -O2` when the benchmark starts. Every text has 100 bytes. For each measurement a server is started afresh with
an empty data folder, on the first core; the generator runs on the second. The servers take turns in each round, so
that a slow minute of the machine meets all of them; a ratio is the median of the ratios of the rounds. Ours numbers,
logs and acknowledges every message and runs with its defaults; the others do none of this and have their flood limits
off. The rows `idle` and `login` are run for ours alone.

A row does not count, and says so, when the generator used more than 85 % of its core: then it may have been the slower
one. With many messages on their way the server should be the one that is busy, so its CPU share is shown as well.
A measurement during which other programs used more than 0.1 of a core is made again, at most twice; if there was no
quiet minute, the quietest of the three is taken and marked in the progress lines.

Exit status: 0; 1 when a message was lost, duplicated or reordered or a server failed; 2 without a C compiler.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Dict, Final, List, NamedTuple, NoReturn, Optional, Sequence, Tuple

from loadtest.servers import OURS, PEERS, Peer, StartFailed, is_installed, pin_to, running

GENERATOR_LIMIT: Final = 0.85
"""Share of its core above which the generator may have been the bottleneck."""

OTHERS_LIMIT: Final = 0.1
"""Cores used by other programs above which a measurement is made again."""

ATTEMPTS: Final = 3
"""How often one measurement is made at most."""

Figures = Dict[str, float]
"""One line of the generator, its texts left out."""

Results = Dict[str, Dict[str, List[Figures]]]
"""Row, then server, then one entry a round."""


class Row(NamedTuple):
    """One load: how the generator is called for it, and whether the other servers take part."""

    key: str
    title: str
    options: Tuple[str, ...]
    with_peers: bool = True


ROWS: Final = (
    Row("pairs", "50 senders to 50 receivers, window 100", ("-m", "pairs", "-n", "50", "-w", "100")),
    Row("random", "500 clients, random recipients, window 20", ("-m", "random", "-n", "500", "-w", "20")),
    Row("closed", "50 pairs answering each other, closed loop", ("-m", "pairs", "-n", "50", "-w", "1")),
    Row("fan", "one sender to a group of 1,000, window 10", ("-m", "fan", "-n", "1000", "-w", "10")),
    Row("idle", "10,000 idle connections, 10 closed-loop pairs", ("-m", "idle", "-n", "10000"), with_peers=False),
    Row("idle1000", "1,000 idle connections, 10 closed-loop pairs", ("-m", "idle", "-n", "1000"), with_peers=False),
    Row("login", "logins per second, 32 at a time", ("-m", "login", "-n", "32"), with_peers=False),
)


class Bench(NamedTuple):
    """What stays the same in all measurements of one run."""

    program: Path
    seconds: float
    server_core: Optional[int]
    generator_core: Optional[int]


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run the benchmark as the command line says and return the exit status."""
    options = _parse(arguments)
    with tempfile.TemporaryDirectory(prefix="chatload-") as name:
        folder = Path(name)
        bench = Bench(_compile(folder), options.seconds, *_choose_cores())
        peers = [peer for peer in PEERS.values() if is_installed(peer)]
        for missing in [peer.name for peer in PEERS.values() if peer not in peers]:
            print(f"{missing}: not installed, left out")
        try:
            results = _measure_all(bench, _wanted_rows(options.rows), peers, options.rounds, folder)
        except (MeasurementFailed, StartFailed) as error:
            print(f"FAILED: {error}", file=sys.stderr)
            return 1
    _print_table(results)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


class MeasurementFailed(Exception):
    """The generator ended with an error; the text is its message."""


def measure(bench: Bench, row: Row, peer: Peer, folder: Path) -> Figures:
    """Start `peer`, put the load of `row` on it and return the generator's figures."""
    with running(peer, folder, bench.server_core) as server:
        command = [str(bench.program), "-a", peer.protocol, "-p", str(server.port), "-P", str(server.pid)]
        command += ["-c", str(peer.logging_in), "-t", str(bench.seconds), *row.options]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, preexec_fn=pin_to(bench.generator_core)
        )
    if done.returncode:
        raise MeasurementFailed(f"{row.key} with {peer.name}: {done.stderr.strip() or done.returncode}")
    figures = json.loads(done.stdout)
    return {name: float(value) for name, value in figures.items() if isinstance(value, (int, float))}


def ratio(results: Dict[str, List[Figures]], peer: str) -> float:
    """Return the median over the rounds of our rate divided by that of `peer`."""
    rounds = zip(results[OURS], results[peer])
    return median(ours["per_second"] / theirs["per_second"] for ours, theirs in rounds)


def middle(figures: List[Figures], name: str) -> float:
    """Return the median of one figure over the rounds."""
    return median(one.get(name, 0.0) for one in figures)


def counts(by_server: Dict[str, List[Figures]]) -> bool:
    """Tell whether the generator left its core enough room with every server of a row."""
    return all(middle(figures, "generator_cpu") <= GENERATOR_LIMIT for figures in by_server.values())


def _measure_all(bench: Bench, rows: List[Row], peers: List[Peer], rounds: int, folder: Path) -> Results:
    results: Results = {row.key: {} for row in rows}
    for number in range(1, rounds + 1):
        for row in rows:
            for peer in peers:
                if peer.name == OURS or row.with_peers:
                    print(f"round {number} of {rounds}: {row.key}, {peer.name} … ", end="", flush=True)
                    figures = _measure_quietly(bench, row, peer, folder)
                    results[row.key].setdefault(peer.name, []).append(figures)
                    others = figures["others_cpu"]
                    disturbed = f" (other programs used {others:.2f} cores)" if others > OTHERS_LIMIT else ""
                    print(f"{figures['per_second']:,.0f}/s, generator {figures['generator_cpu']:.0%}{disturbed}")
    return results


def _measure_quietly(bench: Bench, row: Row, peer: Peer, folder: Path) -> Figures:
    tries: List[Figures] = []
    while len(tries) < ATTEMPTS and not (tries and tries[-1]["others_cpu"] <= OTHERS_LIMIT):
        tries.append(measure(bench, row, peer, folder))
    return min(tries, key=lambda figures: figures["others_cpu"])


def _print_table(results: Results) -> None:
    line = "{:<46} {:<10} {:>10} {:>7} {:>8} {:>9} {:>7} {:>10}"
    rounds = max(len(figures) for by_server in results.values() for figures in by_server.values())
    print(f"\nMedians of {rounds} round(s); 'ours ÷' is our rate divided by this server's\n")
    print(line.format("load", "server", "per second", "ours ÷", "p99 ms", "server µs", "server", "generator"))
    titles = {row.key: row.title for row in ROWS}
    for key, by_server in results.items():
        for name, figures in by_server.items():
            print(
                line.format(
                    titles[key] if name == OURS else "",
                    name,
                    f"{middle(figures, 'per_second'):,.0f}",
                    "" if name == OURS else f"{ratio(by_server, name):.2f}",
                    f"{middle(figures, 'p99_us') / 1000:.2f}",
                    f"{middle(figures, 'server_us_each'):.2f}",
                    f"{middle(figures, 'server_cpu'):.0%}",
                    f"{middle(figures, 'generator_cpu'):.0%}",
                )
            )
        if not counts(by_server):
            print(f"  NOT COUNTED: the generator used more than {GENERATOR_LIMIT:.0%} of its core")
    _print_idle(results)
    print("\nNothing was lost, duplicated or reordered.")


def _print_idle(results: Results) -> None:
    for key in ("idle", "idle1000"):
        if key in results:
            held = results[key][OURS]
            print(
                f"  {middle(held, 'count'):,.0f} idle connections held, {middle(held, 'idle_rss_kb_each'):.1f} KB of "
                f"the server's memory each; all logged in after {middle(held, 'login_seconds'):.1f} s"
            )
    if "idle" in results and "idle1000" in results:
        pairs = zip(results["idle"][OURS], results["idle1000"][OURS])
        share = median(many["per_second"] / few["per_second"] for many, few in pairs)
        print(f"  closed loop among the many idle ones, divided by that among the few: {share:.2f}")


def _parse(arguments: Optional[Sequence[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m loadtest.peers", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds, each with every row and server (default 5)")
    parser.add_argument("--rows", default="", help="some of: pairs,random,closed,fan,idle,login (default: all)")
    parser.add_argument("--seconds", type=float, default=3.0, help="measured interval of each row (default 3)")
    parser.add_argument("--quick", action="store_true", help="one round of one second a row: does everything work?")
    parser.add_argument("--json", type=Path, help="write every round's figures to this file")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.seconds = 1, 1.0
    if options.rounds < 1 or not options.seconds > 0:
        parser.error("--rounds and --seconds must be above 0")
    known = {row.key for row in ROWS}
    for key in filter(None, options.rows.split(",")):
        if key not in known:
            parser.error(f"there is no row {key!r}")
    return options


def _wanted_rows(keys: str) -> List[Row]:
    wanted = set(filter(None, keys.split(","))) or {row.key for row in ROWS}
    if "idle" in wanted:
        wanted.add("idle1000")
    return [row for row in ROWS if row.key in wanted]


def _choose_cores() -> Tuple[Optional[int], Optional[int]]:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("Only one core: server and generator share it, so no figure says how fast a server is.")
        return None, None
    return cores[0], cores[1]


def _compile(folder: Path) -> Path:
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if not compiler:
        _stop("no C compiler (cc, or what CC names) was found; the load generator needs one")
    program = folder / "chatload"
    source = Path(__file__).with_name("chatload.c")
    built = subprocess.run(
        [compiler, "-std=c11", "-O2", "-o", str(program), str(source)], capture_output=True, text=True, check=False
    )
    if built.returncode:
        _stop(f"{compiler} could not compile {source}:\n{built.stderr.strip()}")
    return program


def _stop(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(2)


if __name__ == "__main__":
    sys.exit(main())
