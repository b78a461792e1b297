"""Starts and stops the servers that the peer benchmark compares, each pinned to one core, in a folder of its own.

The two IRC servers run with every flood limit off, so that the load is limited by their speed and nothing else. Our
server runs with the product's defaults (on the loopback address only).
"""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Callable, Dict, Final, Iterator, List, NamedTuple, Optional

OURS: Final = "messenger"
START_SECONDS: Final = 20.0
STOP_SECONDS: Final = 10.0
USERS: Final = 10_100
"""Accounts in the credentials file: the largest load (10,000 idle clients and 20 others) fits."""

_SBIN: Final = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])

_NGIRCD: Final = """\
[Global]
Name = irc.benchmark.test
Info = benchmark
Listen = 127.0.0.1
Ports = {port}
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxPenaltyTime = 0
[Options]
DNS = no
Ident = no
PAM = no
"""

_INSPIRCD: Final = """\
<server name="irc.benchmark.test" description="benchmark" network="benchmark" id="1AA">
<bind address="127.0.0.1" port="{port}" type="clients">
<connect allow="*" timeout="60" pingfreq="600" fakelag="no" commandrate="1000000000" threshold="1000000"
 recvq="67108864" softsendq="67108864" hardsendq="67108864" localmax="1000000" globalmax="1000000" limit="1000000"
 maxchans="100" maxconnwarn="no" resolvehostnames="no" useident="no">
<performance softlimit="1000000" somaxconn="4096">
<cidr ipv4clone="32" ipv6clone="128">
<path configdir="{folder}" datadir="{folder}" logdir="{folder}" runtimedir="{folder}">
"""


class StartFailed(Exception):
    """A server did not come up; the text says which and shows what it wrote."""


class Peer(NamedTuple):
    """One server of the comparison, and what the generator has to know about it."""

    name: str
    protocol: str
    logging_in: int
    """Clients that may be logging in at the same time: a short listen backlog wants few, a slow tick many."""
    command: Callable[[Path, int], List[str]]
    """Writes the settings into a folder and returns the command line for a port."""


class Running(NamedTuple):
    """A server that accepts connections."""

    pid: int
    port: int


def _our_command(folder: Path, port: int) -> List[str]:
    credentials = folder / "credentials.txt"
    credentials.write_text("".join(f"u{number:05d} benchmark\n" for number in range(USERS)), encoding="ascii")
    data = folder / "data"
    data.mkdir()
    command = [sys.executable, "-m", "messenger", "serve", str(port), "3", "--bind", "127.0.0.1"]
    return [*command, "--credentials", str(credentials), "--data-dir", str(data), "--port-file", str(folder / "port")]


def _ngircd_command(folder: Path, port: int) -> List[str]:
    settings = folder / "ngircd.conf"
    settings.write_text(_NGIRCD.format(port=port), encoding="ascii")
    return [_binary("ngircd") or "ngircd", "-n", "-f", str(settings)]


def _inspircd_command(folder: Path, port: int) -> List[str]:
    settings = folder / "inspircd.conf"
    settings.write_text(_INSPIRCD.format(port=port, folder=folder), encoding="ascii")
    as_root = ["--runasroot"] if os.geteuid() == 0 else []
    return [_binary("inspircd") or "inspircd", *as_root, "--nofork", "--nopid", f"--config={settings}"]


PEERS: Final[Dict[str, Peer]] = {
    OURS: Peer(OURS, "messenger", 64, _our_command),
    "ngircd": Peer("ngircd", "irc", 8, _ngircd_command),
    "inspircd": Peer("inspircd", "irc", 1000, _inspircd_command),
}


def is_installed(peer: Peer) -> bool:
    """Tell whether there is a program to start for `peer`."""
    return peer.name == OURS or _binary(peer.name) is not None


def pin_to(core: Optional[int]) -> Callable[[], None]:
    """Return what a child process does before it becomes the program: take one core, and the descriptors it may."""

    def prepare() -> None:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        if core is not None:
            os.sched_setaffinity(0, {core})
        with suppress(OSError):  # only root may; then other programs on the machine disturb less
            os.setpriority(os.PRIO_PROCESS, 0, -15)

    return prepare


@contextmanager
def running(peer: Peer, parent: Path, core: Optional[int]) -> Iterator[Running]:
    """Start `peer` with a new folder in `parent`, yield it when it accepts connections, stop it and clear up."""
    folder = Path(tempfile.mkdtemp(prefix=f"{peer.name}-", dir=parent))
    port = 0 if peer.name == OURS else _free_port()
    output = folder / "stderr.txt"
    with output.open("wb") as stderr:
        process = subprocess.Popen(
            peer.command(folder, port),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if peer.name == OURS else stderr,
            stderr=stderr,
            preexec_fn=pin_to(core),  # noqa: PLW1509 (there are no threads here)
        )
    try:
        yield Running(process.pid, _wait_ready(peer, process, folder, port))
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)  # our log of a few seconds has hundreds of megabytes


def _wait_ready(peer: Peer, process: subprocess.Popen[bytes], folder: Path, port: int) -> int:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        port = port or _port_in(folder / "port")
        if port and _accepts(port):
            return port
        time.sleep(0.02)
    said = (folder / "stderr.txt").read_text(encoding="utf-8", errors="replace").strip()
    raise StartFailed(f"{peer.name} did not start (exit status {process.poll()}):\n{said}")


def _port_in(file: Path) -> int:
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _binary(name: str) -> Optional[str]:
    return shutil.which(name, path=_SBIN)
