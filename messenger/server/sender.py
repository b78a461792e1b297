"""How an I/O thread gets events out: one send a recipient, and a bounded outbox for those who read slowly."""

from __future__ import annotations

import logging
import select
import socket
import time
from typing import List

from messenger.protocol.framing import encode_lines
from messenger.protocol.messages import Event
from messenger.server.batch import Work
from messenger.server.connection import END, OUTBOX_MAX, OUTBOX_PAUSE, Connection
from messenger.server.counts import Traffic

_log = logging.getLogger(__name__)


class Sender:
    """Writes to the connections of one I/O thread and says in its epoll what each waits for. Never blocks."""

    def __init__(self, epoll: select.epoll, traffic: Traffic) -> None:
        self._epoll = epoll
        self._traffic = traffic
        self.lost: List[Connection] = []
        """Connections found to be broken, or cut off; whoever owns them has to close them."""

    def send(self, work: Work) -> None:
        """Send each connection its events with one system call; what the kernel does not take waits."""
        total = 0
        for connection, events in work:
            sock = connection.sock
            if sock is None:
                continue
            if events[-1] is END:
                self._send_last(connection, events[:-1])
                continue
            data = encode_lines(events)
            if connection.outbox is not None:
                self._queue(connection, data)
                continue
            try:
                sent = sock.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                continue  # broken: the next poll tells
            total += sent
            if sent != len(data):
                self._queue(connection, data[sent:])
        self._traffic.sent += total

    def _send_last(self, connection: Connection, events: List[Event]) -> None:
        """Send these, then end the connection: the client reads them before it reads the end."""
        if events:
            self.send([(connection, events)])
        connection.closing = True
        connection.asked = time.monotonic()
        if connection.outbox is None:
            self._shut_down(connection, socket.SHUT_WR)

    def _queue(self, connection: Connection, data: bytes) -> None:
        if connection.outbox is None:
            connection.outbox = bytearray()
        connection.outbox += data
        if len(connection.outbox) > OUTBOX_MAX:
            _log.warning("%s does not read: cut off", connection.name or connection.address)
            connection.outbox = None
            self._traffic.cut_off += 1
            self._shut_down(connection, socket.SHUT_RDWR)  # nothing may follow a line that was cut
            self.lost.append(connection)
        else:
            self.watch(connection)

    def send_more(self, connection: Connection) -> None:
        """Go on with what waits for a connection that can be written again."""
        if connection.sock is None or connection.outbox is None:
            return
        try:
            sent = connection.sock.send(connection.outbox)
        except BlockingIOError:
            return
        except OSError:
            self.lost.append(connection)
            return
        self._traffic.sent += sent
        del connection.outbox[:sent]
        if not connection.outbox:
            connection.outbox = None
            if connection.closing:
                self._shut_down(connection, socket.SHUT_WR)
        self.watch(connection)

    def watch(self, connection: Connection) -> None:
        """Watch for what this connection may do now: unread output and unchecked passwords stop its reading."""
        if connection.sock is None:
            return
        waiting = connection.outbox
        mask = select.EPOLLOUT if waiting is not None else 0
        if not connection.verifying and (waiting is None or len(waiting) < OUTBOX_PAUSE):
            mask |= select.EPOLLIN
        self._epoll.modify(connection.fd, mask)

    def _shut_down(self, connection: Connection, how: int) -> None:
        assert connection.sock is not None
        try:
            connection.sock.shutdown(how)
        except OSError:
            self.lost.append(connection)
