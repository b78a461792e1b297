"""A connection to a server: requests with ids out, replies to whoever waits and events in, until it ends.

One thread reads. Everything else happens in the threads that call.
"""

from __future__ import annotations

import queue
import select
import socket
import threading
import time
from typing import Any, Callable, Dict, Final, Optional, Sequence, Type, Union

from messenger.client.reply import PendingReply
from messenger.errors import ConnectionLost, MessengerError, ProtocolError, Refused
from messenger.peer.handle import AnyTransferEvent
from messenger.protocol.framing import EventReader, encode, encode_lines
from messenger.protocol.limits import DEAD_SECONDS, PING_SECONDS, REQUEST_LINE_MAX
from messenger.protocol.messages import Alive, AnyEvent, Check, Closing, Error, Hello, Ping, Request, Sent

EVENTS_MAX: Final = 100_000
"""Events that wait in the queue for somebody to take them; of more, the oldest are dropped and counted."""

_RECEIVE_BYTES: Final = 64 * 1024
_LOOK_UP_SECONDS: Final = 1.0
_ALIVE: Final = encode_lines([Alive()])

ClientEvent = Union[AnyEvent, AnyTransferEvent]
"""What the user of the library is told: messages and invitations, and what becomes of files."""

EventCallback = Callable[[ClientEvent], None]
LostCallback = Callable[[MessengerError], None]


class Connection:
    """What `messenger.Client` is made of. Any thread may call anything."""

    def __init__(
        self, sock: socket.socket, on_event: Optional[EventCallback] = None, on_lost: Optional[LostCallback] = None
    ) -> None:
        """Take over a connected socket, which is read from `meet` on."""
        self._sock = sock
        self._on_event = on_event
        self._on_lost = on_lost
        self._sending = threading.Lock()
        self._last_id = 0
        self._pending: Dict[int, PendingReply] = {}
        self._closed = False
        self._leaving = False
        self._closing_reason = ""
        self._hello: queue.Queue[Optional[AnyEvent]] = queue.Queue()
        self.error: Optional[MessengerError] = None
        """Why the connection ended, if it did so against our will."""
        self.events: queue.Queue[Optional[ClientEvent]] = queue.Queue()
        """Messages, invitations and what is said about files in the order of their arrival, then None when the
        connection has ended; nothing but that if there is an `on_event` callback."""
        self.events_dropped = 0
        self._is_met = False
        """Whether the server has introduced itself: what ends before that was never lost."""
        self._reader = threading.Thread(target=self._read, name="messenger-client", daemon=True)

    def meet(self, timeout: float) -> Optional[AnyEvent]:
        """Begin to read, and return the server's hello or refusal; None if there is none within `timeout` seconds."""
        self._reader.start()
        try:
            return self._hello.get(timeout=timeout)
        except queue.Empty:
            return None

    def next_event(self, timeout: Optional[float] = None) -> ClientEvent:
        """Take the next event.

        Raises `queue.Empty` after `timeout` seconds without one, `ConnectionLost` (or what else ended the connection)
        when there will be none any more.
        """
        event = self.events.get(timeout=timeout)
        if event is None:
            self.events.put(None)  # for whoever asks next
            raise self.error or ConnectionLost("the connection is closed")
        return event

    def submit(
        self, kind: Type[Request], on_reply: Optional[Callable[[AnyEvent], None]] = None, **fields: Any
    ) -> PendingReply:
        """Send a request and return at once; `result` of what is returned waits for the reply.

        `on_reply` is called with the reply, also a refusal, by the thread that reads: in the order of arrival among
        all events. Raises `ConnectionLost` if the connection has ended.
        """
        with self._sending:
            self._last_id += 1
            pending = PendingReply(self._last_id, self._reader, on_reply)
            line = _encode_request(kind(id=self._last_id, **fields))
            self._pending[self._last_id] = pending
            if self._closed:  # asked after the entry was made: whatever ends the connection fails all entries
                self._pending.pop(self._last_id, None)
                raise self.error or ConnectionLost("the connection is closed")
            self._send(line)
        return pending

    def close(self) -> None:
        """Close the connection, without a logout if there was none. Safe to call again."""
        self._end(None)

    def _is_reader(self) -> bool:
        """Whether it is the thread that reads that asks."""
        return threading.current_thread() is self._reader

    def _send(self, data: bytes) -> None:
        try:
            self._sock.sendall(data)
        except OSError:
            # The reader finds the same end, after everything that was still on its way to us.
            self._shut_down()

    def _read(self) -> None:
        """Read to the end of the connection; the only place where it is found to be lost."""
        error: MessengerError = ConnectionLost("a callback of this client failed")
        try:
            error = self._read_to_end()
        finally:
            if self._closing_reason:
                error = ConnectionLost(self._closing_reason)
            self._end(None if self._leaving else error)

    def _read_to_end(self) -> MessengerError:
        """Take every event, and return why there are no more."""
        reader = EventReader()
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        heard = asked = time.monotonic()
        while True:
            ready = poll.poll(_LOOK_UP_SECONDS * 1000)
            now = time.monotonic()
            if ready:
                try:
                    data = self._sock.recv(_RECEIVE_BYTES)
                except OSError:
                    data = b""
                if not data:
                    return ConnectionLost("the connection to the server broke")
                heard = asked = now
                try:
                    events: Sequence[AnyEvent] = reader.feed(data)
                except ProtocolError as error:
                    for event in error.before:
                        self._take(event)
                    return error
                for event in events:
                    self._take(event)
            elif now - heard > DEAD_SECONDS:
                return ConnectionLost(f"the server has been silent for {DEAD_SECONDS:.0f} s")
            elif now - asked > PING_SECONDS:
                asked = now
                threading.Thread(target=self._ask_server, daemon=True).start()  # a full socket would stop this one

    def _take(self, event: AnyEvent) -> None:
        if isinstance(event, Sent):
            for request_id in self._acknowledged_by(event):
                number = event.number - (event.id - request_id)
                self._settle(request_id, Sent(request_id, event.time, number))
        elif isinstance(event, Check):
            self._send_alive()
        elif isinstance(event, Closing):
            self._closing_reason = event.message
        elif isinstance(event, Hello):
            self._is_met = True
            self._hello.put(event)
        elif getattr(event, "id", None) is not None:
            self._settle(event.id, event)  # type: ignore[union-attr,arg-type]  # asked just above
        elif isinstance(event, Error):
            self._hello.put(event)  # a server without room for us; anything else we sent has an id
        elif not self._divert(event):
            self._hand_on(event)

    def _divert(self, event: AnyEvent) -> bool:
        """Take an event that is not for the user of the library; False for all others."""
        return False

    def _on_end(self, reason: MessengerError) -> None:
        """Learn that the connection has ended."""

    def _hand_on(self, event: ClientEvent) -> None:
        """Give an event to the user of the library. Any thread may call."""
        if self._on_event is not None:
            self._on_event(event)
        else:
            self.events.put(event)
            if self.events.qsize() > EVENTS_MAX:
                self.events.get_nowait()
                self.events_dropped += 1

    def _acknowledged_by(self, sent: Sent) -> Sequence[int]:
        first = sent.id - sent.count + 1
        if sent.count <= len(self._pending):
            return range(first, sent.id + 1)
        return sorted(request_id for request_id in list(self._pending) if first <= request_id <= sent.id)

    def _settle(self, request_id: int, reply: AnyEvent) -> None:
        pending = self._pending.get(request_id)
        if pending is not None and pending.take(reply):
            del self._pending[request_id]

    def _send_alive(self) -> None:
        if self._sending.acquire(blocking=False):  # otherwise somebody is sending, which says the same
            try:
                self._send(_ALIVE)
            finally:
                self._sending.release()

    def _ask_server(self) -> None:
        try:
            self.submit(Ping)
        except MessengerError:
            pass  # ended meanwhile: the reader tells

    def _end(self, error: Optional[MessengerError]) -> None:
        """End once: by the reader, with the reason, or by `close`."""
        with _ending:
            is_first = not self._closed
            self._closed = True
            if is_first:
                self.error = error
        if is_first:
            self._shut_down()
            self._hello.put(None)
        if not self._is_reader() and self._reader.is_alive():
            self._reader.join(1)
        if not is_first:
            return
        self._sock.close()
        reason = error or ConnectionLost("the connection is closed")
        for pending in list(self._pending.values()):
            pending.fail(reason)
        self._pending.clear()
        self._on_end(reason)
        self.events.put(None)
        if error is not None and self._is_met and self._on_lost is not None:  # what `connect` refused was never ours
            self._on_lost(error)

    def _shut_down(self) -> None:
        try:
            self._sock.shutdown(socket.SHUT_RDWR)  # a plain close would not wake the thread that reads
        except OSError:
            pass  # not connected any more


_ending = threading.Lock()


def _encode_request(request: Request) -> bytes:
    """Return the line; what cannot be a line is refused here, because the server would close the connection."""
    try:
        line = encode(request) + b"\n"
    except UnicodeEncodeError:
        raise Refused("bad_text", "the text cannot be written as UTF-8") from None
    if len(line) > REQUEST_LINE_MAX:
        raise Refused("line_too_long", f"a request has at most {REQUEST_LINE_MAX} bytes, this one has {len(line)}")
    return line
