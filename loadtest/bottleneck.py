"""A bottleneck to measure behind: three network namespaces, a queue of limited rate and length, and a long wire.

    sender ──veth── router ══ tbf (rate, queue) ══ TUN ── delayline (delay, loss) ── TUN ── receiver

Senders stand behind a router of their own, as on a real path: the kernel treats a queue on its own machine
differently. Needs Linux, root, `ip`, `tc` and a C compiler.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Dict, Final, List, Optional, Type

SENDER_ADDRESS: Final = "10.91.0.1"
RECEIVER_ADDRESS: Final = "10.92.0.2"

BURST_BYTES: Final = 5000
"""What tbf sends at once: little, so that a queue is a queue. But what it may not make good for when the machine stands
still for a moment is lost to the link."""


class Unavailable(Exception):
    """Such a network cannot be made on this machine, and why."""


class Bottleneck:
    """A network, from entering the context to leaving it. `sender` and `receiver` are names of namespaces."""

    def __init__(
        self,
        megabits: float,
        delay: float,
        queue: int,
        loss: float = 0.0,
        seed: int = 1,
        burst: int = BURST_BYTES,
    ) -> None:
        """Rate in Mbit/s, round trip in seconds, queue and burst in bytes, share of packets lost in each direction."""
        self._megabits = megabits
        self._delay = delay
        self._queue = queue
        self._burst = burst
        self._loss = loss
        self._seed = seed
        tag = f"{os.getpid() % 100000}"
        self.sender = f"msgr-s{tag}"
        self.receiver = f"msgr-r{tag}"
        self._router = f"msgr-m{tag}"
        self._wire: Optional[subprocess.Popen[str]] = None
        self._folder = tempfile.TemporaryDirectory(prefix="bottleneck-")

    def __enter__(self) -> Bottleneck:
        missing = [name for name in ("ip", "tc", "cc") if not shutil.which(name)]
        if os.geteuid() != 0 or missing or not Path("/dev/net/tun").exists():
            raise Unavailable("needs Linux, root, /dev/net/tun and " + ", ".join(missing or ["namespaces"]))
        try:
            self._build()
        except (subprocess.CalledProcessError, OSError) as error:
            self.__exit__(None, None, None)
            said = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
            raise Unavailable(f"cannot make the network: {said}") from None
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if self._wire is not None:
            self._wire.kill()
            self._wire.wait()
        for space in (self.sender, self._router, self.receiver):
            subprocess.run(["ip", "netns", "del", space], check=False, stderr=subprocess.DEVNULL)
        self._folder.cleanup()

    def queue_statistics(self) -> Dict[str, int]:
        """Return what stands in the queue now, in bytes, and what it has dropped so far, in packets."""
        text = _run(["ip", "netns", "exec", self._router, "tc", "-s", "qdisc", "show", "dev", "wire"])
        dropped = int(text.split("dropped ")[1].split(",")[0])
        amount = text.split("backlog ")[1].split()[0]
        scale = {"K": 1024, "M": 1024 * 1024}.get(amount[-2], 1)
        return {"backlog": int(amount.rstrip("KMb")) * scale, "dropped": dropped}

    def _build(self) -> None:
        program = Path(self._folder.name, "delayline")
        source = Path(__file__).with_name("delayline.c")
        _run(["cc", "-O2", "-o", str(program), str(source)])
        for space in (self.sender, self._router, self.receiver):
            _run(["ip", "netns", "add", space])
            _run(["ip", "-n", space, "link", "set", "lo", "up"])
        in_sender, in_router, in_receiver = (["ip", "-n", s] for s in (self.sender, self._router, self.receiver))
        _run([*in_sender, "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", self._router])
        self._wire = subprocess.Popen(
            [
                str(program), self._router, "wire", self.receiver, "wire",
                str(int(self._delay / 2 * 1e6)), str(int(self._loss * 1e6)), str(self._seed),
            ],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._wire.stdout is not None
        if self._wire.stdout.readline() != "ready\n":
            raise OSError("the wire did not start")
        steps: List[List[str]] = [
            [*in_sender, "addr", "add", f"{SENDER_ADDRESS}/24", "dev", "near"],
            [*in_sender, "link", "set", "near", "up"],
            [*in_router, "addr", "add", "10.91.0.254/24", "dev", "far"],
            [*in_router, "link", "set", "far", "up"],
            [*in_router, "addr", "add", "10.92.0.254/24", "dev", "wire"],
            [*in_router, "link", "set", "wire", "up"],
            [*in_receiver, "addr", "add", f"{RECEIVER_ADDRESS}/24", "dev", "wire"],
            [*in_receiver, "link", "set", "wire", "up"],
            [*in_sender, "route", "add", "default", "via", "10.91.0.254"],
            [*in_receiver, "route", "add", "default", "via", "10.92.0.254"],
            ["ip", "netns", "exec", self._router, "sysctl", "-qw", "net.ipv4.ip_forward=1"],
            [
                "ip", "netns", "exec", self._router, "tc", "qdisc", "add", "dev", "wire", "root", "tbf",
                "rate", f"{self._megabits}mbit", "burst", str(self._burst), "limit", str(self._queue),
            ],
        ]  # fmt: skip
        for step in steps:
            _run(step)


def _run(command: List[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
