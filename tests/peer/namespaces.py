"""Two network namespaces with a cable between them, whose ends are as fast and as wide as a test wants."""

from __future__ import annotations

import itertools
import os
import subprocess
from types import TracebackType
from typing import Final, List, Optional, Tuple, Type

import pytest

ADDRESSES: Final = ("10.211.7.1", "10.211.7.2")

_numbers = itertools.count()


class Cable:
    """The namespaces `names`, with one of `ADDRESSES` each. Skips the test where they cannot be made."""

    def __init__(self, mtu: int = 1500, shape: str = "") -> None:
        """`shape` are arguments of `tc qdisc add dev ... root`, for both ends."""
        if os.geteuid():
            pytest.skip("only root may make network namespaces")
        number = next(_numbers)
        self.names = tuple(f"msgr-{os.getpid()}-{number}-{end}" for end in "ab")
        self._made: List[str] = []
        try:
            self._make(mtu, shape)
        except (OSError, subprocess.CalledProcessError) as error:
            self.close()
            reason = error.stderr.strip() if isinstance(error, subprocess.CalledProcessError) else error
            pytest.skip(f"network namespaces cannot be made here: {reason}")

    def _make(self, mtu: int, shape: str) -> None:
        for name in self.names:
            _run("ip", "netns", "add", name)
            self._made.append(name)
            _run("ip", "-n", name, "link", "set", "lo", "up")
        one, other = self.names
        _run("ip", "-n", one, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", other)
        for name, address in zip(self.names, ADDRESSES):
            _run("ip", "-n", name, "address", "add", f"{address}/24", "dev", "cable")
            _run("ip", "-n", name, "link", "set", "cable", "mtu", str(mtu), "up")
            if shape:
                _run("tc", "-n", name, "qdisc", "add", "dev", "cable", "root", *shape.split())

    def inside(self, end: int) -> Tuple[str, ...]:
        """Return what stands before a command to run it at an end."""
        return ("ip", "netns", "exec", self.names[end])

    def set_mtu(self, mtu: int) -> None:
        """Let only smaller packets through from now on, in both directions."""
        for name in self.names:
            _run("ip", "-n", name, "link", "set", "cable", "mtu", str(mtu))

    def let_in_answers_only(self, end: int) -> None:
        """Put a firewall before an end: by UDP nothing comes in but answers to what went out."""
        rules = (
            "add table inet wall",
            "add chain inet wall door { type filter hook input priority 0; }",
            "add rule inet wall door meta l4proto udp ct state new drop",
        )
        try:
            _run(*self.inside(end), "nft", "; ".join(rules))
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no firewall can be made here: {error.stderr.strip()}")

    def close(self) -> None:
        """Remove them."""
        while self._made:
            subprocess.run(["ip", "netns", "del", self._made.pop()], check=False)

    def __enter__(self) -> Cable:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
