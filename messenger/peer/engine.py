"""The thread that runs all transfers of a client: datagrams to transfers, timers, and calls from other threads.

Only this thread touches the port, the state machines and the files. Work that may take long and is not cut into small
steps, as the last flush of a file to the disk, is done by other threads, which come back by `call`.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import math
import os
import select
import struct
import threading
import time
from collections import deque
from typing import Callable, Deque, Dict, Final, Iterator, List, Protocol, Set, Tuple

from messenger.peer.arrivals import Address, Run
from messenger.peer.sealed import Buffers
from messenger.peer.udp import UdpPort
from messenger.transfer.datagram import CONTROL, first_word
from messenger.transfer.flights import Batch
from messenger.transfer.geometry import SEGMENT_SIZES

RECEIVES_AT_ONCE: Final = 16
"""Looks at the socket before timers and senders have their turn,"""

BYTES_AT_ONCE: Final = 1_000_000
"""or bytes that have come by them, of files or of strangers."""

STEP_SECONDS: Final = 0.001
"""How long steps are taken before datagrams have their turn: what is checked when a transfer begins is read a chunk a
step."""

NAP_SECONDS: Final = 0.0003
"""While data streams in, what comes is left to gather for so long: to be woken for every batch, or on a slow link for
every datagram, costs both sides more than to read it."""

NAP_SHARE: Final = 8
"""No nap is taken if more than this part of the socket's room has been read in one turn."""

SLEEP_MAX: Final = 3600.0

_HEADER: Final = struct.Struct("<QQ")
_log: Final = logging.getLogger(__name__)


class Runner(Protocol):
    """One transfer, as the engine runs it."""

    def on_control(self, now: float, address: Address, datagram: bytes) -> bool:
        """Take a control datagram; False if it is not authentic."""

    def on_run(self, now: float, run: Run) -> None:
        """Take segments."""

    def poll(self, now: float) -> None:
        """Do what is due."""

    def deadline(self) -> float:
        """Return when `poll` is to be called again."""

    def abandon(self, error: Exception) -> None:
        """End it: it has raised what nobody expected."""


class PortWire:
    """Sends the datagrams of one transfer (`messenger.transfer.endpoint.Wire`)."""

    def __init__(self, port: UdpPort, connection: int) -> None:
        self._port = port
        self._connection = connection

    def control(self, address: Address, datagram: bytes) -> None:
        """Send one datagram."""
        self._port.send(address, datagram)

    def batch(self, address: Address, batch: Batch) -> None:
        """Send a batch."""
        self._port.send_batch(address, self._connection, batch)


class Engine:
    """Runs from `start` to `close`. Other threads use `call` only."""

    def __init__(self, port: UdpPort) -> None:
        self.port = port
        self.buffers = Buffers()
        """For the files of all transfers, in this thread."""
        self._strangers = 0
        self._runners: Dict[int, Runner] = {}
        self._due: List[Tuple[float, int, Runner]] = []
        self._due_at: Dict[Runner, float] = {}
        self._order = itertools.count()
        self._calls: Deque[Callable[[], None]] = deque()
        self._steps: Deque[Tuple[Iterator[object], Runner]] = deque()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._poll = select.poll()
        self._poll.register(port, select.POLLIN)
        self._poll.register(self._wake_read, select.POLLIN)
        self.on_room: Callable[[], None] = lambda: None
        """Called, in this thread, when the socket has turned out to have more or less room than it had."""
        self._room = port.allowance
        self._may_nap = False
        """Whether the last turn has read data of a stream, and all that had arrived."""
        self._is_closing = False
        self._waking = threading.Lock()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="messenger-transfers", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """End the thread, after the calls made so far, and give the port back."""
        self.call(self._stop)
        if not self.is_own_thread:
            self._thread.join(5)

    @property
    def strangers(self) -> int:
        """Datagrams that belonged to no transfer, or were not authentic; they get no answer."""
        return self._strangers + self.port.misfits

    @property
    def is_own_thread(self) -> bool:
        """Whether it is the engine's thread that asks."""
        return threading.current_thread() is self._thread

    def call(self, function: Callable[[], None]) -> bool:
        """Have a function called by the engine's thread; False if it has ended, and nothing will be called any more.

        Any thread may call; never waits.
        """
        with self._waking:
            if self._is_closed:
                return False  # the pipe's number may be somebody else's by now
            self._calls.append(function)
            try:
                os.write(self._wake_write, b"\0")
            except BlockingIOError:
                pass  # it has enough to wake up for
            return True

    # ---- for what runs in the engine's thread ---------------------------------------------------------------

    def now(self) -> float:
        """Return the time of deadlines, in seconds."""
        return time.monotonic()

    def add(self, connection: int, runner: Runner) -> None:
        """Hand datagrams with this connection id to a transfer."""
        self._runners[connection] = runner
        self.schedule(runner)

    def remove(self, connection: int) -> None:
        """Forget a transfer."""
        runner = self._runners.pop(connection, None)
        if runner is not None:
            self._due_at.pop(runner, None)

    def schedule(self, runner: Runner) -> None:
        """Look again when this transfer has to be polled."""
        when = runner.deadline()
        if when < self._due_at.get(runner, math.inf):
            self._due_at[runner] = when
            heapq.heappush(self._due, (when, next(self._order), runner))

    def count_stranger(self) -> None:
        """A datagram has turned out not to be the other side's: of a chunk whose tag is wrong, at least one is not."""
        self._strangers += 1

    def step_through(self, steps: Iterator[object], runner: Runner) -> None:
        """Carry out an iterator's work for a transfer bit by bit, between everything else."""
        self._steps.append((steps, runner))

    # ---- the thread -----------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._is_closing:
                self._wait()
                self.port.begin_turn()
                touched = self._receive()
                for runner in touched:
                    self._poll_runner(runner)
                self._poll_due()
                self._make_calls()
                self._step()
        finally:
            while not self._close_calls():
                self._make_calls()  # what came while it stopped
            self.port.close()

    def _close_calls(self) -> bool:
        """Take no more calls, unless there are some to be made."""
        with self._waking:
            if not self._calls:
                self._is_closed = True
                os.close(self._wake_read)
                os.close(self._wake_write)
            return self._is_closed

    def _stop(self) -> None:
        self._poll_due()  # the other sides are told at once of what ends here
        self._is_closing = True

    def _wait(self) -> None:
        timeout = 0.0
        if not self._calls and not self._steps:
            when = self._due[0][0] if self._due else math.inf
            timeout = min(max(0.0, when - time.monotonic()), SLEEP_MAX)
            if self._may_nap and timeout > NAP_SECONDS:
                time.sleep(NAP_SECONDS)
                return
        for fd, _ in self._poll.poll(math.ceil(timeout * 1000)):
            if fd == self._wake_read:
                try:
                    os.read(self._wake_read, 4096)
                except BlockingIOError:
                    pass

    def _receive(self) -> Set[Runner]:
        touched: Set[Runner] = set()
        runners = self._runners
        size = strange = 0
        self._may_nap = False
        for _ in range(RECEIVES_AT_ONCE):
            runs = self.port.receive()
            if runs is None:
                self._may_nap = 0 < size * NAP_SHARE <= self.port.allowance
                break
            now = time.monotonic()
            for run in runs:
                runner = runners.get(run.connection)
                if runner is None:
                    self._strangers += run.segments
                    strange += len(run.payload)
                    continue
                touched.add(runner)
                try:
                    if run.kind == CONTROL:
                        header = _HEADER.pack(first_word(run.kind, run.first, run.connection), run.word)
                        self._strangers += not runner.on_control(now, run.address, header + run.payload)
                    elif run.kind < len(SEGMENT_SIZES):
                        size += len(run.payload)
                        runner.on_run(now, run)
                    else:
                        self._strangers += run.segments
                except Exception as error:  # noqa: BLE001 - one transfer's fault must not end the others
                    runner.abandon(error)
            if size + strange >= BYTES_AT_ONCE:
                break
        if self.port.allowance != self._room:
            self._room = self.port.allowance
            self.on_room()
        return touched

    def _poll_runner(self, runner: Runner) -> None:
        try:
            runner.poll(time.monotonic())
        except Exception as error:  # noqa: BLE001 - as above
            runner.abandon(error)
        self.schedule(runner)

    def _poll_due(self) -> None:
        now = time.monotonic()
        ready = []
        while self._due and self._due[0][0] <= now:
            when, _, runner = heapq.heappop(self._due)
            if self._due_at.get(runner) == when:
                del self._due_at[runner]
                ready.append(runner)
        for runner in ready:
            self._poll_runner(runner)

    def _make_calls(self) -> None:
        for _ in range(len(self._calls)):
            try:
                self._calls.popleft()()
            except Exception:  # noqa: BLE001 - as above
                _log.exception("a call to the transfers failed")

    def _step(self) -> None:
        """Take steps for a moment: of many transfers that begin at once, none waits for the data of the first.

        What was called meanwhile goes first: it may end what the next step would go on with.
        """
        until = time.monotonic() + STEP_SECONDS
        while self._steps:
            steps, runner = self._steps.popleft()
            try:
                next(steps)
            except StopIteration:
                pass
            except Exception as error:  # noqa: BLE001 - as above
                runner.abandon(error)
            else:
                self._steps.append((steps, runner))
            if self._calls or time.monotonic() >= until:
                return
