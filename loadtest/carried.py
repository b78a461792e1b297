"""What an emulated link carries by itself: plain UDP, a little more than its rate, without anything that controls it.

Where a host takes its time from the machine that emulates it, a link of 100 Mbit/s may carry 80; no transfer over it
can use more.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Final, List

from loadtest.bottleneck import RECEIVER_ADDRESS, Bottleneck

PORT: Final = 9473
DATAGRAM_BYTES: Final = 1448
HEADER_BYTES: Final = 28
"""IPv4 and UDP: the link's rate is theirs, too."""
TOO_MUCH: Final = 1.15
"""Datagrams are sent at this multiple of the link's rate, so that its queue is never empty."""
SECONDS: Final = 2.0
WARM_SECONDS: Final = 0.5
"""After the first datagram: then the queue is full."""
SILENCE_SECONDS: Final = 1.0


def carried(network: Bottleneck, megabits: float) -> float:
    """Return what the link carries at this time as a share of its rate."""
    receiver = subprocess.Popen(_command(network.receiver, "receive"), stdout=subprocess.PIPE, text=True, cwd=_ROOT)
    with receiver:
        assert receiver.stdout is not None
        receiver.stdout.readline()
        subprocess.run(_command(network.sender, "send", str(megabits)), check=True, cwd=_ROOT)
        return float(receiver.communicate()[0]) * 8 / (megabits * 1e6)


_ROOT: Final = Path(__file__).parent.parent


def _command(space: str, *arguments: str) -> List[str]:
    return ["ip", "netns", "exec", space, sys.executable, "-m", "loadtest.carried", *arguments]


def _send(megabits: float) -> None:
    """Send for as long as is asked. The receiver may have ended by then, if the machine stood still meanwhile: only a
    socket that is connected would be told."""
    rate = TOO_MUCH * megabits * 1e6 / 8
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        began, sent, datagram = time.monotonic(), 0, bytes(DATAGRAM_BYTES)
        while time.monotonic() < began + WARM_SECONDS + SECONDS:
            while sent < (time.monotonic() - began) * rate:
                sock.sendto(datagram, (RECEIVER_ADDRESS, PORT))
                sent += DATAGRAM_BYTES + HEADER_BYTES
            time.sleep(0.001)


def _receive() -> None:
    """Print the bytes a second that arrive."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.bind((RECEIVER_ADDRESS, PORT))
        print("ready", flush=True)
        sock.settimeout(SILENCE_SECONDS * 10)
        first = time.monotonic() if sock.recv(65_536) else 0.0
        sock.settimeout(SILENCE_SECONDS)
        since = last = first + WARM_SECONDS
        size = 0
        try:
            while last < since + SECONDS:
                arrived = len(sock.recv(65_536)) + HEADER_BYTES
                now = time.monotonic()
                if now >= since:
                    size, last = size + arrived, now
        except socket.timeout:
            pass
        print(size / max(last - since, 1e-9))


if __name__ == "__main__":
    _send(float(sys.argv[2])) if sys.argv[1] == "send" else _receive()
