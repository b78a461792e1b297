"""A reply that may not have come yet."""

from __future__ import annotations

import threading
from typing import Callable, Optional

from messenger.errors import MessengerError, Refused, ReplyTimeout
from messenger.protocol.messages import Active, AnyEvent, Error


class PendingReply:
    """What a request was answered, once it is."""

    def __init__(
        self, request_id: int, reader: threading.Thread, on_reply: Optional[Callable[[AnyEvent], None]] = None
    ) -> None:
        self.id = request_id
        self._reader = reader
        self._on_reply = on_reply
        self._done = threading.Event()
        self._reply: Optional[AnyEvent] = None
        self._error: Optional[MessengerError] = None

    @property
    def is_done(self) -> bool:
        """Whether `result` would return or raise at once."""
        return self._done.is_set()

    def result(self, timeout: Optional[float] = None) -> AnyEvent:
        """Wait for the reply and return it.

        Raises `Refused`, `ConnectionLost`, or `ReplyTimeout` after `timeout` seconds, after which it may still come.
        """
        if threading.current_thread() is self._reader and not self._done.is_set():
            raise RuntimeError("the thread that reads cannot wait for a reply: it is the one that would bring it")
        if not self._done.wait(timeout):
            raise ReplyTimeout(f"no answer from the server within {timeout:g} s")
        if self._error is not None:
            raise self._error
        assert self._reply is not None
        return self._reply

    def take(self, reply: AnyEvent) -> bool:
        """Accept a reply, or a part of one; True once it is complete."""
        if isinstance(reply, Active):
            if isinstance(self._reply, Active):
                reply.users = self._reply.users + reply.users
            self._reply = reply
            if reply.more:
                return False
        elif isinstance(reply, Error):
            self._error = Refused(reply.code, reply.message, reply.retry_after)
        else:
            self._reply = reply
        try:
            if self._on_reply is not None:
                self._on_reply(reply)
        finally:
            self._done.set()
        return True

    def fail(self, error: MessengerError) -> None:
        """Give up, unless it is there: the reply will not come."""
        if not self._done.is_set():
            self._error = error
            self._done.set()
