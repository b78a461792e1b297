"""People who put load on a server: each is a client whose every message is accounted for.

Works with threads and, unchanged, under gevent (Locust).
"""

from __future__ import annotations

import itertools
import time
from contextlib import contextmanager
from typing import Callable, Dict, Final, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from messenger.client.client import Client
from messenger.client.connection import ClientEvent
from messenger.client.reply import PendingReply
from messenger.errors import ConnectFailed, ConnectionLost, MessengerError, Refused, ReplyTimeout
from messenger.load.recorder import Recorder
from messenger.load.streams import Fates, Stream, read_text, text_of
from messenger.peer.transfers import Transfers
from messenger.protocol.messages import AnyEvent, Error, GroupMessage, GroupMsg, Message, MsgTo

CONNECT_SECONDS: Final = 10.0
REPLY_SECONDS: Final = 30.0
STRAY: Final = "stray"
"""The kind of messages of which nobody knows where they belong."""


class Account(NamedTuple):
    """Who may log in."""

    name: str
    password: str


class Lane:
    """What one person sends to one address, a user or a group: a stream to each recipient."""

    def __init__(self, kind: str, number: int, streams: Dict[str, Stream]) -> None:
        self.kind = kind
        self.id = number
        self.streams = streams
        self.size = 0
        """Characters of each of its messages."""
        self._under_way: Dict[int, List[float]] = {}
        """Of each message that somebody has not seen yet: when it was due, and how many have not."""

    def send(self, due: float) -> int:
        """A message is about to be sent that was due at this time (`time.monotonic`): return its number."""
        number = 0
        for stream in self.streams.values():
            number = stream.send()
        self._under_way[number] = [due, len(self.streams)]
        return number

    def ack(self, number: int) -> None:
        """The server has acknowledged it."""
        for stream in self.streams.values():
            stream.ack(number)

    def refuse(self, number: int) -> None:
        """The server has not taken it."""
        self._under_way.pop(number, None)
        for stream in self.streams.values():
            stream.refuse(number)

    def deliver(self, recipient: str, number: int) -> Optional[float]:
        """A recipient sees it: return when it was due, or None if that is not the first time."""
        stream = self.streams.get(recipient)
        if stream is None or not stream.deliver(number) or number not in self._under_way:
            return None
        entry = self._under_way[number]
        entry[1] -= 1
        if not entry[1]:
            del self._under_way[number]
        return entry[0]


class Traffic:
    """All lanes of this process."""

    def __init__(self, recorder: Recorder, run: str) -> None:
        """`run` is a word that no other process uses."""
        self.recorder = recorder
        self.run = run
        self.is_stopping = False
        """Whether nobody is to send anything more."""
        self.acting = 0
        """How many users are in the middle of something."""
        self.is_over = False
        """Whether the time in which answers are waited for is over, too."""
        self._lanes: Dict[int, Lane] = {}
        self._ended: Dict[int, Lane] = {}
        self._streams_to: Dict[str, List[Stream]] = {}
        """By recipient."""
        self._numbers = itertools.count(1)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Count somebody as in the middle of something."""
        self.acting += 1
        try:
            yield
        finally:
            self.acting -= 1

    def open(self, kind: str, recipients: Sequence[str]) -> Lane:
        """Begin a lane to these."""
        streams = {recipient: self.recorder.open_stream(kind) for recipient in recipients}
        lane = Lane(kind, next(self._numbers), streams)
        self._lanes[lane.id] = lane
        for recipient, stream in streams.items():
            self._streams_to.setdefault(recipient, []).append(stream)
        return lane

    def close(self, lane: Lane) -> None:
        """End a lane: what is under way in it is unfinished or lost."""
        if self._lanes.pop(lane.id, None) is not None:
            self._ended[lane.id] = lane
            for recipient, stream in lane.streams.items():
                self._streams_to[recipient].remove(stream)
            self.recorder.close_streams(lane.kind, list(lane.streams.values()))

    def set_behind(self, recipient: str, is_behind: bool) -> None:
        """Note whether somebody has not read yet everything that waits."""
        for stream in self._streams_to.get(recipient, ()):
            stream.is_behind = is_behind

    def deliver(self, recipient: str, text: str) -> None:
        """A recipient sees a message."""
        found = read_text(text)
        if found is None:
            self.recorder.count(STRAY, Fates(corrupted=1))
            return
        run, lane_id, number = found
        lane = self._lanes.get(lane_id) or self._ended.get(lane_id) if run == self.run else None
        if lane is None:
            self.recorder.count(STRAY, Fates(misdelivered=1))  # one of another process's, or of nobody's
        elif recipient not in lane.streams:
            self.recorder.count(lane.kind, Fates(misdelivered=1))
        elif text != text_of(run, lane_id, number, lane.size):
            self.recorder.count(lane.kind, Fates(corrupted=1))
        elif lane_id in self._lanes:  # others come too late
            due = lane.deliver(recipient, number)
            if due is not None:
                self.recorder.latency("delivery", time.monotonic() - due, time.time())


class Person:
    """One client, over all its connections."""

    def __init__(self, account: Account, address: Tuple[str, int], traffic: Traffic) -> None:
        self.account = account
        self._address = address
        self._traffic = traffic
        self._recorder = traffic.recorder
        self._client: Optional[Client] = None
        self.on_message: Callable[[], None] = lambda: None
        """Called at each message, by the thread that reads: what it waits, the connection waits."""
        self.paused_until = 0.0
        """Until when this one reads nothing (`time.monotonic`)."""

    @property
    def name(self) -> str:
        """The user name."""
        return self.account.name

    @property
    def client(self) -> Client:
        """The connection; raises `ConnectionLost` if there is none, as when it was dropped on purpose."""
        if self._client is None:
            raise ConnectionLost("no connection")
        return self._client

    @property
    def is_in(self) -> bool:
        """Whether there is a connection."""
        return self._client is not None and self._client.error is None

    def log_in(self, files: Optional[Transfers] = None) -> bool:
        """Connect and log in; False, and a failure in the record, if that did not work."""
        began = time.monotonic()
        try:
            self._client = Client.connect(
                *self._address, timeout=CONNECT_SECONDS, on_event=self._take, on_lost=self._lost, files=files
            )
            connected = time.monotonic()
            self._client.login(self.name, self.account.password, timeout=REPLY_SECONDS)
        except MessengerError as error:
            self.close()
            self._recorder.failure("login", reason_of(error), time.time())
            return False
        self._traffic.set_behind(self.name, False)
        self._recorder.latency("connect", connected - began, time.time())
        self._recorder.latency("login", time.monotonic() - connected, time.time())
        return True

    def try_password(self, password: str) -> str:
        """Try to log in and return why that was refused; nothing if it was not."""
        try:
            with Client.connect(*self._address, timeout=CONNECT_SECONDS) as client:
                client.login(self.name, password, timeout=REPLY_SECONDS)
        except MessengerError as error:
            return reason_of(error)
        return ""

    def log_out(self) -> None:
        """Log out, if there is a connection."""
        client, self._client = self._client, None
        if client is not None:
            # The answer comes after everything that waits, so until then nothing is known to be lost.
            self._traffic.set_behind(self.name, True)
            with client:
                error = self._attempt("logout", client.logout)
            self._traffic.set_behind(self.name, isinstance(error, ReplyTimeout))

    def drop(self) -> None:
        """Drop the connection when nothing is on its way here: what is would be lost, and no fault of the server."""
        try:
            self.client.ping(timeout=REPLY_SECONDS)
        except MessengerError:
            pass  # it is gone already
        self.close()

    def close(self) -> None:
        """Drop the connection."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def send(self, lane: Lane, to: str, due: float, size: int = 0) -> Optional[PendingReply]:
        """Send a message that was due at this time; returns at once. None if there is no connection."""
        number = lane.send(due)
        lane.size = size
        text = text_of(self._traffic.run, lane.id, number, size)
        recorder = self._recorder

        def on_reply(reply: AnyEvent) -> None:
            now = time.time()
            if self._traffic.is_over:
                return  # too late: everybody logs out, and what the server says now comes of that
            if isinstance(reply, Error):
                lane.refuse(number)
                recorder.failure("ack", reply.code, now)
            else:
                lane.ack(number)
                recorder.latency("ack", time.monotonic() - due, now)

        recorder.amount("sent", 1, time.time())
        try:
            if lane.kind == "groups":
                return self.client.submit(GroupMsg, on_reply=on_reply, group=to, text=text)
            return self.client.submit(MsgTo, on_reply=on_reply, user=to, text=text)
        except MessengerError as error:
            lane.refuse(number)  # it never left
            recorder.failure("ack", reason_of(error), time.time())
            return None

    def ask(self, operation: str, call: Callable[..., object], *arguments: object) -> bool:
        """Make a blocking call of the client and record how it went; False if it failed."""
        return self._attempt(operation, call, *arguments) is None

    def _attempt(self, operation: str, call: Callable[..., object], *arguments: object) -> Optional[MessengerError]:
        began = time.monotonic()
        try:
            call(*arguments)
        except MessengerError as error:
            self._recorder.failure(operation, reason_of(error), time.time())
            return error
        self._recorder.latency(operation, time.monotonic() - began, time.time())
        return None

    def _take(self, event: ClientEvent) -> None:
        while time.monotonic() < self.paused_until:
            time.sleep(min(0.1, max(0.0, self.paused_until - time.monotonic())))
        if isinstance(event, (Message, GroupMessage)):
            self._traffic.deliver(self.name, event.text)
            self.on_message()

    def _lost(self, error: MessengerError) -> None:
        self._recorder.failure("connection", "lost connection", time.time())


def reason_of(error: MessengerError) -> str:
    """Return an error as it is counted: a code, or a sentence without numbers of ports and the like."""
    if isinstance(error, Refused):
        return error.code
    if isinstance(error, ConnectFailed):
        return "cannot connect"
    return str(error)
