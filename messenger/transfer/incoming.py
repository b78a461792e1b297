"""The receiving side of one transfer, from the first datagram to the receipt."""

from __future__ import annotations

import math
from typing import Final, Hashable, Optional, Sequence, Tuple

from messenger.transfer.datagram import Control, Done, DoneSeen, Figures, Hello, Ping, Start, Verdict, Welcome
from messenger.transfer.endpoint import LINGER, SILENCE_MAX, Endpoint, State, Wire
from messenger.transfer.geometry import Geometry
from messenger.transfer.receiver import Receiver, Store, TooManyBadChunks
from messenger.transfer.sealing import ControlOpener, ControlSealer, Secrets
from messenger.transfer.unproved import Unproved

WAITING_SECONDS: Final = 15.0
"""How long a sender may take to be heard for the first time."""

KNOCKS: Final = (0.1, 1.2)
"""Seconds after the beginning at which the sender's addresses are sent something, unless it was heard by then: that
opens a firewall here that lets nothing in but answers. The sender tries again after each of them."""

DONE_INTERVALS: Final = (0.1, 0.2, 0.4, 0.8, 1.5, 2.0)
"""Seconds between repetitions of the receipt. After the last one it is told through the server only."""

Claims = Sequence[Tuple[int, int]]
"""Runs of chunks, each its first chunk and their number."""


class Incoming(Endpoint):
    """Receives one file. When `state` is `FINISHING`, whoever owns it puts the file in its place and says so by
    `finished`."""

    def __init__(
        self,
        now: float,
        wire: Wire,
        secrets: Secrets,
        challenge: bytes,
        geometry: Geometry,
        store: Store,
        allowance: int,
        claims: Claims = (),
        addresses: Sequence[Hashable] = (),
        unproved: Optional[Unproved] = None,
    ) -> None:
        """`allowance` is how many bytes the socket has room for, `claims` are the chunks that an earlier attempt has
        left, of which the sender was told, `addresses` are where the sender may be."""
        sealer = ControlSealer(secrets.to_sender, secrets.sender_id)
        super().__init__(now, wire, sealer, ControlOpener(secrets.to_receiver), challenge, unproved)
        self._began_at = now
        self._claims = claims
        self.addresses = addresses
        self._knocks = 0
        self.receiver = Receiver(geometry, store, allowance)
        self.is_resumed = False
        """Whether the sender agreed to what an earlier attempt has left."""
        self._next_done = math.inf
        self._dones = 0
        self.figures = Figures(0, 0, 0)
        """What the sender has told last of the path."""
        self.is_receipt_seen = False
        """Whether the sender has said that it has the receipt."""

    def on_segments(
        self, now: float, kind: int, chunk: int, batch: int, first: int, count: int, payload: memoryview
    ) -> None:
        """Take segments of one chunk (see `Receiver.on_segments`). When all is there, they are only acknowledged."""
        if self.state not in (State.RUNNING, State.FINISHING):
            return
        # Whoever knows the connection id is the sender, or has read what it sends: good enough for a sign of life.
        self._heard_at = now
        receiver = self.receiver
        before, delivered = receiver.chunks_done, receiver.delivered
        try:
            receiver.on_segments(now, kind, chunk, batch, first, count, payload)
        except TooManyBadChunks as error:
            self.fail(now, "bad_chunks", str(error))
            return
        if receiver.delivered != delivered:
            self._note_progress(now, receiver.chunks_done != before)
        if receiver.ack_deadline() <= now:
            self._send_acks(now)
        if receiver.is_complete and self.state is State.RUNNING:
            self._complete(now)

    def finished(self, now: float) -> None:
        """The file is verified, whole and in its place: give the receipt."""
        if self.state is State.FINISHING:
            self._end(now, State.DONE)
            self._next_done = now
            self.poll(now)

    def fail_as_told(self, now: float, code: str, message: str) -> None:
        """End it because the other side has. What is whole is received all the same, unless it is cancelled."""
        if self.state is not State.FINISHING or code == "cancelled":
            super().fail_as_told(now, code, message)

    def poll(self, now: float) -> None:
        """Send what is due, the receipt too."""
        if self.state is State.FINISHING:
            self._heard_at = now  # a disk may take its time, and nothing more is needed from the sender
        super().poll(now)
        if self.state is State.DONE and now >= self._next_done:
            self._tell(Done())
            self._next_done = now + DONE_INTERVALS[self._dones] if self._dones < len(DONE_INTERVALS) else math.inf
            self._dones += 1

    def deadline(self) -> float:
        """Return when `poll` is to be called again."""
        if self.state is State.DONE:
            return min(self._next_done, self._forgotten_at())
        return super().deadline()

    def is_forgotten(self, now: float) -> bool:
        """Return whether it has ended so long ago that it need not answer any more."""
        return now >= self._forgotten_at() if self.state is State.DONE else super().is_forgotten(now)

    def _forgotten_at(self) -> float:
        # A sender that has not seen the receipt may be back within this time, and ask.
        return self._ended_at + (LINGER if self.is_receipt_seen else SILENCE_MAX)

    # ---- what comes in --------------------------------------------------------------------------------------

    def _take(self, now: float, address: Hashable, message: Control) -> None:
        if isinstance(message, Hello):
            echo, own = message.challenge, self._challenge_to(address)
            welcome = Welcome(echo, own, message.kind, self.receiver.allowance)
            self._tell_unproved(now, address, welcome, is_asking=False)
        elif isinstance(message, Start):
            self._take_start(now, address, message)
        elif isinstance(message, Ping):
            if self.state is State.DONE:
                self._tell(Done())
            else:
                self._send_acks(now)
        elif isinstance(message, Figures):
            self.figures = message
        elif isinstance(message, DoneSeen):
            self._next_done = math.inf
            self.is_receipt_seen = True

    def _take_start(self, now: float, address: Hashable, start: Start) -> None:
        if start.echo != self._challenge_to(address):
            return
        self._use_path(now, address)
        if self.state is State.OPENING:
            self.state = State.CHECKING
        if self.state is State.CHECKING and start.verdict != Verdict.CHECKING:
            self.state = State.RUNNING
            self._note_progress(now, is_chunk=True)
            self.receiver.is_started = True
            self.is_resumed = start.verdict == Verdict.RESUMED and bool(self._claims)
            if self.is_resumed:
                for first, count in self._claims:
                    self.receiver.has_already(first, count)
            if self.receiver.is_complete:
                self._complete(now)
        self._send_acks(now)

    def _complete(self, now: float) -> None:
        self._send_acks(now)
        self.state = State.FINISHING

    # ---- what goes out --------------------------------------------------------------------------------------

    def _send_acks(self, now: float) -> None:
        for ack in self.receiver.acks(now):
            self._tell(ack)

    def _work(self, now: float) -> None:
        if self.path is None and now - self._began_at >= WAITING_SECONDS:
            self.fail(now, "no_path", "nothing arrived from the other side")
        elif self._next_knock() <= now:
            self._knocks += 1
            for address in self.addresses:
                self._tell_unproved(now, address, Ping())
        elif self.receiver.ack_deadline() <= now:
            self._send_acks(now)

    def _next_knock(self) -> float:
        if self.path is not None or self._knocks == len(KNOCKS):
            return math.inf
        return self._began_at + KNOCKS[self._knocks]

    def _next_work(self) -> float:
        if self.path is None:
            return min(self._began_at + WAITING_SECONDS, self._next_knock())
        return self.receiver.ack_deadline()
