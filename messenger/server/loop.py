"""An I/O thread: it owns its connections outright, and every wake-up takes the same way.

    poll → read each ready connection once → rules, under the lock → journal → one send a recipient

Everything but the rules and the journal happens outside the lock. No other thread touches a socket.
"""

from __future__ import annotations

import errno
import logging
import select
import socket
import threading
import time
from collections import deque
from typing import Callable, Deque, Dict, Final, List, Tuple

from messenger.chat.state import Moment
from messenger.protocol.framing import Incoming, encode_lines
from messenger.protocol.limits import DEAD_SECONDS, LOGIN_SECONDS, PING_SECONDS, PROTOCOL_VERSION
from messenger.protocol.messages import Check, Closing, Hello, Login
from messenger.server.batch import Work
from messenger.server.clock import Clock
from messenger.server.connection import END, RECEIVE_BYTES, Connection, plain_address
from messenger.server.core import USERLOG_RETRY_SECONDS, Core
from messenger.server.counts import Traffic
from messenger.server.listener import Listener
from messenger.server.sender import Sender
from messenger.version import __version__
from messenger.wording import CLOSINGS

TICK_SECONDS: Final = 1.0
"""How often deadlines and heartbeats are looked at."""

LINGER_SECONDS: Final = 2.0
"""How long a closing connection is read on, so that the kernel does not throw away what was sent last."""

ACK_SECONDS: Final = 0.004
"""How long an acknowledgement may wait while there is other work. A server that has nothing else to do sends it at
once; a busy one sends several with one system call, which is a third of what a message costs."""

STOP_SECONDS: Final = 2.0
"""How long a stopping server goes on sending what clients have not read yet."""

SEE_OFF_SECONDS: Final = 0.5
"""How long it then waits for clients to close; those that have read its last line do so at once."""

_QUICKACK: Final = getattr(socket, "TCP_QUICKACK", None)
"""Switched off, so that TCP's own acknowledgement of a request travels with our reply, which comes within
milliseconds; a packet of its own, sent while the request is read, was measured to cost as much as the reply."""

_HELLO: Final = encode_lines([Hello(PROTOCOL_VERSION, f"messenger {__version__}")])
_log = logging.getLogger(__name__)


class IoLoop:
    """Owns connections and carries their requests to the rules. `adopt`, `post_verified` and `wake` are for others."""

    def __init__(self, core: Core, name: str, listeners: List[Listener], share_out: Callable[[], IoLoop]) -> None:
        self._core = core
        self._clock = Clock()
        self._batch = core.new_batch()
        self._epoll = select.epoll()
        self._connections: Dict[int, Connection] = {}
        self._listeners = {listener.fileno(): listener for listener in listeners}
        self._next_owner = share_out
        self._adopted: Deque[Tuple[socket.socket, str]] = deque()
        self._verified: Deque[Tuple[Connection, Login, bool]] = deque()
        self.traffic = Traffic()
        self._sender = Sender(self._epoll, self.traffic)
        self.handed: Work = []
        """Sends that another thread asks of this one; guarded by the core's lock."""
        self._waker, self._wakee = socket.socketpair()
        self._waker.setblocking(False)
        self._wakee.setblocking(False)
        self._stopping = False
        self._next_tick = 0.0
        self._acks_due = 0.0
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)
        for fd in (self._wakee.fileno(), *self._listeners):
            self._epoll.register(fd, select.EPOLLIN)

    def wake(self) -> None:
        """Make the thread look at what was left for it. Never waits; any thread may call."""
        try:
            self._waker.send(b"\0")
        except OSError:
            pass  # full: it will wake up anyway; closed: it is gone

    def adopt(self, sock: socket.socket, address: str) -> None:
        """Give a fresh connection to this thread. Any thread may call."""
        self._adopted.append((sock, address))
        self.wake()

    def post_verified(self, connection: Connection, login: Login, right: bool) -> None:
        """Tell the outcome of a password check. Any thread may call."""
        self._verified.append((connection, login, right))
        self.wake()

    def stop(self) -> None:
        """Make the thread say goodbye to its clients and end. Any thread may call."""
        self._stopping = True
        self.wake()

    @property
    def connection_count(self) -> int:
        """How many connections this thread owns."""
        return len(self._connections)

    def outbox_sizes(self) -> List[int]:
        """Return the bytes that wait to be sent, of each connection where some do. Any thread may call."""
        outboxes = [connection.outbox for connection in list(self._connections.values())]
        return [len(outbox) for outbox in outboxes if outbox is not None]

    def _run(self) -> None:
        while not self._stopping:
            ready = self._epoll.poll(self._patience())
            moment = self._clock.moment()
            if self._batch.late and (not ready or moment.monotonic >= self._acks_due):
                self._batch.hurry()
            arrived = self._read_ready(ready, moment.monotonic)
            self._take_batch(arrived, moment)
            if self._batch.late and self._acks_due <= moment.monotonic:
                self._acks_due = moment.monotonic + ACK_SECONDS
            if moment.monotonic >= self._next_tick:
                self._next_tick = moment.monotonic + TICK_SECONDS
                self._tick(moment.monotonic)
        self._say_goodbye()

    def _patience(self) -> float:
        """Return for how many seconds there is nothing to do unless something comes."""
        if self._sender.lost or self._batch.late:
            return 0.0
        until_tick = max(0.0, self._next_tick - time.monotonic())
        return min(until_tick, USERLOG_RETRY_SECONDS) if self._core.is_userlog_due else until_tick

    def _read_ready(self, ready: List[Tuple[int, int]], now: float) -> List[Tuple[Connection, List[Incoming]]]:
        arrived = []
        received = 0
        connections = self._connections
        writable = select.EPOLLOUT
        for fd, mask in ready:
            connection = connections.get(fd)
            if connection is None:
                self._serve_own_descriptor(fd, now)
                continue
            if mask & writable:
                self._sender.send_more(connection)
                if mask == writable:
                    continue
            sock = connection.sock
            if sock is None:
                continue
            try:
                data = sock.recv(RECEIVE_BYTES)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            received += len(data)
            if not data:
                self._sender.lost.append(connection)
            elif not connection.closing:
                requests = connection.reader.feed(data)
                if requests:
                    connection.heard = now
                    arrived.append((connection, requests))
        self.traffic.received += received
        return arrived

    def _take_batch(self, arrived: List[Tuple[Connection, List[Incoming]]], moment: Moment) -> None:
        core = self._core
        batch = self._batch
        rules = core.rules
        lost, self._sender.lost = self._sender.lost, []
        with core.lock:
            for connection, requests in arrived:
                rest = rules.handle(connection, requests, moment, batch)
                if rest or connection.verifying:
                    connection.held = [*(connection.held or ()), *rest]
                    self._sender.watch(connection)
            while self._verified:
                self._resume_login(self._verified.popleft(), moment)
            for connection in lost:
                rules.disconnected(connection, moment, batch)
            work = core.commit(batch, self, moment)
        self._sender.send(work)
        for connection in lost:
            self._close(connection)

    def _resume_login(self, outcome: Tuple[Connection, Login, bool], moment: Moment) -> None:
        connection, login, right = outcome
        rules = self._core.rules
        rules.verified(connection, login, right, moment, self._batch)
        held, connection.held = connection.held, None
        if held and not connection.closing:
            connection.held = rules.handle(connection, held, moment, self._batch) or None
        self._sender.watch(connection)

    def _close(self, connection: Connection) -> None:
        if connection.sock is not None:
            self._connections.pop(connection.fd, None)
            connection.sock.close()  # which takes it out of epoll as well
            connection.sock = connection.outbox = connection.held = None

    def _serve_own_descriptor(self, fd: int, now: float) -> None:
        listener = self._listeners.get(fd)
        if listener is not None:
            for sock, address in listener.accept(now):
                owner = self._next_owner()
                if owner is self:
                    self._take_in(sock, address, now)
                else:
                    owner.adopt(sock, address)
            if listener.is_paused:
                self._epoll.modify(fd, 0)
        elif fd == self._wakee.fileno():
            self._wakee.recv(4096)
            while self._adopted:
                sock, address = self._adopted.popleft()
                self._take_in(sock, address, now)

    def _take_in(self, sock: socket.socket, address: str, now: float) -> None:
        connection = Connection(sock, plain_address(address), self, now)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if _QUICKACK is not None:
                sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 0)
            self.traffic.sent += sock.send(_HELLO)
            self._epoll.register(connection.fd, select.EPOLLIN)
        except OSError as error:
            if error.errno not in (errno.ECONNRESET, errno.EPIPE, errno.EINVAL):
                _log.warning("connection from %s not taken: %s", address, error.strerror)
            sock.close()
            return
        self.traffic.accepted += 1
        self._connections[connection.fd] = connection

    def _tick(self, now: float) -> None:
        """Ask the silent whether they are there, and end those who are not."""
        for fd, listener in self._listeners.items():
            if listener.resume(now):
                self._epoll.modify(fd, select.EPOLLIN)
        work: Work = []
        for connection in self._connections.values():
            silent = now - connection.heard
            if connection.closing:
                if now - connection.asked > LINGER_SECONDS:
                    self._sender.lost.append(connection)
            elif silent > (DEAD_SECONDS if connection.name else LOGIN_SECONDS) and not connection.verifying:
                connection.closing = True
                work.append((connection, [_closing("idle"), END]))
                if connection.name:
                    self._sender.lost.append(connection)
            elif connection.name and silent > PING_SECONDS and now - connection.asked > PING_SECONDS:
                connection.asked = now
                work.append((connection, [Check()]))
        self._sender.send(work)

    def _say_goodbye(self) -> None:
        """Take every session off, tell its client, and go on sending for a moment what was not read yet."""
        moment = self._clock.moment()
        for listener in self._listeners.values():
            listener.close()
        core = self._core
        self._batch.hurry()
        everyone = list(self._connections.values())
        with core.lock:
            for connection in everyone:
                core.rules.disconnected(connection, moment, self._batch)
            work = core.commit(self._batch, self, moment)
        if core.syncer is not None:
            core.syncer.drain()
            with core.lock:
                work, self.handed = work + self.handed, []
        self._sender.send(work)
        self._sender.send([(connection, [_closing("shutdown"), END]) for connection in everyone if connection.sock])
        self._see_off()
        for connection in everyone:
            self._close(connection)
        self._epoll.close()
        self._waker.close()
        self._wakee.close()

    def _see_off(self) -> None:
        """Send what waits, and read until the clients close: unread input would make the kernel drop our last lines."""
        started = time.monotonic()
        while self._connections:
            patience = STOP_SECONDS if any(c.outbox for c in self._connections.values()) else SEE_OFF_SECONDS
            if time.monotonic() > started + patience:
                return
            for fd, mask in self._epoll.poll(0.05):
                connection = self._connections.get(fd)
                if connection is None or connection.sock is None:
                    continue
                if mask & select.EPOLLOUT:
                    self._sender.send_more(connection)
                try:
                    if mask & ~select.EPOLLOUT and not connection.sock.recv(RECEIVE_BYTES):
                        self._close(connection)
                except BlockingIOError:
                    pass
                except OSError:
                    self._close(connection)


def _closing(code: str) -> Closing:
    return Closing(code, CLOSINGS[code])
