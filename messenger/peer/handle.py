"""What the user of the library holds of a transfer: how far it is, how it ended; and the events that tell of it."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Callable, Final, NamedTuple, Optional, Union

from msgspec import Struct

from messenger.errors import MessengerError, ReplyTimeout


class TransferFailed(MessengerError):
    """A file was not delivered. `code` is for programs, and one of these; or what the other side's program said.

    Not wanted: `refused`, `too_large`, `busy` (too many at this time), `no_answer`, and refusals of the server:
    `unknown_user`, `offline`, `yourself`.
    Ended by a person: `cancelled`, `closed` (who sent or received it has left), `replaced` (it is being sent again).
    No way there: `no_path`, `peer_gone`, `stalled`, `connection_lost` (that to the server, before an answer).
    At the sender: `read_failed`, `changed`. At the receiver: `no_space`, `write_failed`.
    What must not happen: `bad_chunks` (somebody on the way changes them), `bad_peer`, `internal_error`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class TransferEvent(Struct, tag_field="type", omit_defaults=True):
    """Something that happened to a transfer on this side. `number` is the one that people use here."""

    number: int
    transfer: str
    direction: str
    """`out` or `in`."""
    user: str
    """The other one."""
    name: str
    size: int
    """Bytes of the file."""


class TransferAsked(TransferEvent, tag="transfer_asked"):
    """A file was offered and waits for `accept` or `refuse`."""


class TransferStarted(TransferEvent, tag="transfer_started"):
    """The offer was accepted."""


class TransferProgress(TransferEvent, tag="transfer_progress"):
    """How far it is; once a second."""

    done: int = 0
    """Bytes of the file that the receiver has; what is whole of it is verified."""
    rate: float = 0.0
    """Bytes a second, lately."""
    round_trip: float = 0.0
    """Seconds. This and the loss are measured by the sender, which tells them to the receiver once a second."""
    loss: float = 0.0
    """Share of the segments that had to be sent again."""


class TransferStalled(TransferEvent, tag="transfer_stalled"):
    """Nothing was heard from the other side for `seconds`."""

    seconds: float = 0.0


class TransferDone(TransferEvent, tag="transfer_done"):
    """Delivered: the receiver has verified it and put it in its place."""

    path: str = ""
    """Where: a path here for `in`, and for `out` the file that was sent."""
    seconds: float = 0.0
    """From the acceptance to the receipt."""
    goodput: float = 0.0
    """Bytes of the file a second."""
    resumed: int = 0
    """Bytes that were there from an earlier attempt."""
    round_trip: float = 0.0
    repeated: int = 0
    """Segments that were sent again; at the receiver, those of which it was told before the last data."""
    loss: float = 0.0


class TransferEnded(TransferEvent, tag="transfer_failed"):
    """Not delivered, and why."""

    code: str = ""
    message: str = ""


AnyTransferEvent = Union[TransferAsked, TransferStarted, TransferProgress, TransferStalled, TransferDone, TransferEnded]


class Progress(NamedTuple):
    """A moment of a transfer; units as in `TransferProgress`."""

    done: int
    rate: float
    round_trip: float
    repeated: int
    loss: float
    seconds: float
    """Since it was accepted; 0 before."""


RATE_SECONDS: Final = 1.0
"""Time over which the rate of a progress is smoothed."""


class Transfer:
    """One file on its way. Any thread may call anything."""

    def __init__(self, number: int, transfer: str, is_outgoing: bool, user: str, name: str, size: int) -> None:
        self.number = number
        """The number that people use: 1 for the first of this client."""
        self.id = transfer
        """The id that both sides share."""
        self.is_outgoing = is_outgoing
        self.user = user
        """The other one, as the server knows them."""
        self.name = name
        """The file's name, as it was offered."""
        self.size = size
        """Bytes."""
        self.path: Optional[Path] = None
        """The file that is sent; or where the received one is, once it is whole."""
        self.resumed = 0
        """Bytes that were there from an earlier attempt."""
        self.on_cancel: Callable[[str], None] = lambda code: None
        self.on_accept: Callable[[], None] = lambda: None
        self.must_not_wait: Callable[[], bool] = lambda: False
        """Whether the thread that asks is one of those without which no transfer goes on."""
        self.measure: Callable[[], Measured] = lambda: NOTHING_MEASURED
        self._lock = threading.Lock()
        """Held while figures are taken: those of the end are the last ones."""
        self._answered = threading.Event()
        self._ended = threading.Event()
        self._error: Optional[TransferFailed] = None
        self._started_at = 0.0
        self._last = Progress(0, 0.0, 0.0, 0, 0.0, 0.0)
        self._rate = 0.0
        self._rate_at = 0.0
        self._rate_done = 0

    @property
    def is_started(self) -> bool:
        """Whether the offer was accepted."""
        return self._started_at > 0

    @property
    def is_ended(self) -> bool:
        """Whether it was delivered or has failed."""
        return self._ended.is_set()

    def progress(self) -> Progress:
        """Return how far it is."""
        with self._lock:
            if self.is_ended or not self.is_started:
                return self._last
            now = time.monotonic()
            measured = self.measure()
            # Never less than before: what another thread counts at this moment may be missing.
            measured = measured._replace(done=max(measured.done, self._last.done))
            elapsed = now - self._rate_at
            if elapsed >= RATE_SECONDS / 5:
                fresh = max(0, measured.done - self._rate_done) / elapsed
                weight = min(1.0, elapsed / RATE_SECONDS) if self._rate else 1.0
                self._rate += (fresh - self._rate) * weight
                self._rate_at, self._rate_done = now, measured.done
            self._last = Progress(
                measured.done, self._rate, measured.round_trip, measured.repeated, measured.loss, now - self._started_at
            )
            return self._last

    def wait_answer(self, timeout: Optional[float] = None) -> None:
        """Return when the other side has accepted; raises `TransferFailed`, and `ReplyTimeout` after `timeout`.

        Not for callbacks, as `result`.
        """
        self._look_who_waits(self._answered)
        if not self._answered.wait(timeout):
            raise ReplyTimeout(f"{self.user} has not answered within {timeout:g} s")
        if self._error is not None and not self._started_at:
            raise self._error

    def result(self, timeout: Optional[float] = None) -> Progress:
        """Wait until the file is delivered; raises `TransferFailed`, and `ReplyTimeout` after `timeout` seconds.

        Raises `RuntimeError` in a callback of the client, unless it has ended: the thread that would wait there is one
        without which the end never comes.
        """
        self._look_who_waits(self._ended)
        if not self._ended.wait(timeout):
            raise ReplyTimeout(f"{self.name} is not delivered after {timeout:g} s")
        if self._error is not None:
            raise self._error
        return self._last

    @property
    def error(self) -> Optional[TransferFailed]:
        """Why it failed, if it did."""
        return self._error

    def cancel(self) -> None:
        """End it, on both sides. What has arrived is removed."""
        self.on_cancel("cancelled")

    def accept(self) -> None:
        """Accept an offer that asked; nothing happens to any other."""
        self.on_accept()

    def refuse(self) -> None:
        """Refuse an offer that asked."""
        self.on_cancel("refused")

    # ---- for the thread that runs transfers -----------------------------------------------------------------

    def start(self) -> None:
        """It was accepted."""
        self._started_at = self._rate_at = time.monotonic()
        self._answered.set()

    def resume_from(self, size: int) -> None:
        """So many bytes are there from an earlier attempt; what comes from now on makes the rate."""
        with self._lock:
            self.resumed = self._rate_done = size
            self._rate_at = time.monotonic()

    def end(self, error: Optional[TransferFailed]) -> bool:
        """It has ended; False if that was so before."""
        with self._lock:
            if self.is_ended:
                return False
            if self.is_started:
                measured = self.measure()
                seconds = time.monotonic() - self._started_at
                done = measured.done if error else self.size
                rate = (done - self.resumed) / seconds if seconds > 0 else 0.0
                self._last = Progress(done, rate, measured.round_trip, measured.repeated, measured.loss, seconds)
            self.measure = lambda: NOTHING_MEASURED
            self._error = error
            self._ended.set()
        self._answered.set()
        return True

    def _look_who_waits(self, event: threading.Event) -> None:
        if not event.is_set() and self.must_not_wait():
            raise RuntimeError("a callback cannot wait for a transfer: its thread is one that brings the end")

    def state(self) -> str:
        """Return in a word how far it is, for a list."""
        if self.is_ended:
            return "failed" if self._error else "delivered"
        return "running" if self.is_started else "offered"


class Measured(NamedTuple):
    """What the state machine of a transfer knows of it."""

    done: int
    round_trip: float
    repeated: int
    loss: float


NOTHING_MEASURED: Final = Measured(0, 0.0, 0, 0.0)
