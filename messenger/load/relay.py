"""What real paths do to datagrams, done to those of real sockets: lost, doubled, late, out of order, damaged."""

from __future__ import annotations

import heapq
import itertools
import random
import select
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any, Dict, List, Tuple


@dataclass(frozen=True)
class Impairment:
    """What happens to datagrams of either direction; shares are between 0 and 1, times in seconds."""

    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    """Share that is late by up to `late`."""
    late: float = 0.005
    corrupt: float = 0.0
    """Share in which one bit is changed."""
    delay: float = 0.0
    seed: int = 1


class Relay:
    """Stands between a sender and a receiver: the sender sends to `number`, and gets what the receiver answers.

    One thread; datagrams are not cut or joined here, but they may arrive cut and joined as the kernel likes.
    """

    def __init__(self, target: int, impairment: Impairment) -> None:
        self.carried = 0
        self.spoiled = 0
        """Datagrams that were lost or damaged."""
        self._impairment = impairment
        self._random = random.Random(impairment.seed)  # noqa: S311 - repeatable, and no secret
        self._front = _socket()
        self.number: int = self._front.getsockname()[1]
        self._backs: Dict[Any, socket.socket] = {}
        """A socket towards the receiver for each sender, as a NAT has a port."""
        self._target = ("127.0.0.1", target)
        self._waiting: List[Tuple[float, int, socket.socket, Any, bytes]] = []
        self._count = itertools.count()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._closing.set()
        self._thread.join(5)
        for sock in (self._front, *self._backs.values()):
            sock.close()

    def _run(self) -> None:
        while not self._closing.is_set():
            timeout = min(0.05, max(0.0, self._waiting[0][0] - time.monotonic())) if self._waiting else 0.05
            backs = {back: client for client, back in self._backs.items()}
            for sock in select.select([self._front, *backs], [], [], timeout)[0]:
                self._take_all(sock, backs)
            now = time.monotonic()
            while self._waiting and self._waiting[0][0] <= now:
                _, _, out, address, datagram = heapq.heappop(self._waiting)
                try:
                    out.sendto(datagram, address)
                except OSError:
                    self.spoiled += 1

    def _take_all(self, sock: socket.socket, backs: Dict[socket.socket, Any]) -> None:
        for _ in range(64):
            try:
                datagram, source = sock.recvfrom(65_536)
            except BlockingIOError:
                return
            if sock is not self._front:
                self._pass_on(self._front, backs[sock], datagram)
                continue
            if source not in self._backs:
                self._backs[source] = _socket()
            self._pass_on(self._backs[source], self._target, datagram)

    def _pass_on(self, out: socket.socket, address: Any, datagram: bytes) -> None:
        self.carried += 1
        how, chance = self._impairment, self._random.random
        if chance() < how.loss:
            self.spoiled += 1
            return
        if chance() < how.corrupt:
            damaged = bytearray(datagram)
            damaged[self._random.randrange(len(damaged))] ^= 1 << self._random.randrange(8)
            datagram = bytes(damaged)
            self.spoiled += 1
        for _ in range(1 + (chance() < how.duplicate)):
            late = chance() * how.late if chance() < how.reorder else 0.0
            when = time.monotonic() + how.delay + late
            heapq.heappush(self._waiting, (when, next(self._count), out, address, datagram))


def _socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock
