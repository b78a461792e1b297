"""What both sides of a transfer share: sealed control messages, silence, how it ends."""

from __future__ import annotations

import enum
import math
from typing import Any, Callable, Dict, Final, Hashable, List, NamedTuple, Optional, Protocol, Tuple

from messenger.transfer.datagram import CHALLENGE_SIZE, Abort, BadDatagram, Control, decode, encode
from messenger.transfer.sealing import ControlOpener, ControlSealer, authenticator
from messenger.transfer.unproved import ADDRESSES_MAX, UNPROVED_MAX, Unproved

SILENCE_TOLD: Final = 9.0
"""Seconds without a word from the other side after which a person is told: within ten, whatever the thread has to do.
"""

SILENCE_MAX: Final = 30.0
"""Seconds without a word after which a transfer is given up."""

STALL_MAX: Final = 120.0
"""Seconds without a byte of the file after which a transfer is given up although the other side answers."""

CHUNK_MAX: Final = 4800.0
"""Seconds without a whole chunk, verified, after which it is given up although bytes come: on a slow link with many
files each chunk takes its time, but nobody may hold a transfer for ever with a datagram now and then."""

ABORT_DELAYS: Final = (0.0, 0.1, 0.4)
"""Seconds after the end at which the other side is told of a failure: datagrams get lost."""

LINGER: Final = 2.0
"""Seconds for which an endpoint still answers after its end."""


class State(enum.Enum):
    """How far a transfer is."""

    OPENING = "opening"
    """No path is known yet."""
    CHECKING = "checking"
    """What is left of an earlier attempt is being compared."""
    RUNNING = "running"
    FINISHING = "finishing"
    """All is there, and is being put in its place."""
    DONE = "done"
    FAILED = "failed"


class Failure(NamedTuple):
    """Why a transfer failed: `code` for a program, `message` for a person, and on which side it was found."""

    code: str
    message: str
    is_ours: bool


class Wire(Protocol):
    """Where an endpoint's datagrams go. Nothing is reported: what cannot be sent counts as lost."""

    def control(self, address: Any, datagram: bytes) -> None:
        """Send one datagram."""

    def batch(self, address: Any, batch: Any) -> None:
        """Send the segments of a batch (see `sender.Batch`)."""


class Endpoint:
    """One side of a transfer. Feed it with `on_control`, call `poll` when `deadline` has come."""

    def __init__(
        self,
        now: float,
        wire: Wire,
        sealer: ControlSealer,
        opener: ControlOpener,
        challenge: bytes,
        unproved: Optional[Unproved] = None,
    ) -> None:
        """`challenge` are random bytes of this endpoint, `unproved` is shared by all transfers with the same user."""
        assert len(challenge) == CHALLENGE_SIZE
        self.state = State.OPENING
        self.failure: Optional[Failure] = None
        self.path: Optional[Hashable] = None
        """The other side's address, once it has proved itself."""
        self.on_wake: Callable[[], None] = lambda: None
        """Called when `poll` is to be called before the deadline that was told last."""
        self._wire = wire
        self._sealer = sealer
        self._opener = opener
        self._challenge = challenge
        self._heard_at = now
        self.is_silent = False
        """Whether nothing was heard for so long that a person is to be told."""
        self._progress_at = self._chunk_at = now
        """When bytes of the file, and a whole chunk of it, got through the last time."""
        self._unproved = Unproved() if unproved is None else unproved
        self._told: Dict[Hashable, int] = {}
        """How many datagrams went to addresses that had not proved themselves."""
        self._farewells: List[Tuple[float, Control]] = []
        self._ended_at = math.inf

    @property
    def has_ended(self) -> bool:
        """Whether it is done or has failed."""
        return self.state in (State.DONE, State.FAILED)

    def silence(self, now: float) -> float:
        """Return for how long nothing authentic was heard, in seconds."""
        return now - self._heard_at

    def is_forgotten(self, now: float) -> bool:
        """Return whether it has ended so long ago that it need not answer any more."""
        return now >= self._ended_at + LINGER

    def fail(self, now: float, code: str, message: str) -> None:
        """End it for a reason of this side, and tell the other."""
        if not self.has_ended:
            self._farewells = [(now + delay, Abort(code, message)) for delay in ABORT_DELAYS]
            self._end(now, State.FAILED, Failure(code, message, is_ours=True))

    def fail_as_told(self, now: float, code: str, message: str) -> None:
        """End it because the other side has."""
        if not self.has_ended:
            self._end(now, State.FAILED, Failure(code, message, is_ours=False))

    def on_control(self, now: float, address: Hashable, datagram: bytes) -> bool:
        """Take in a control datagram; False, and nothing has happened, if it is not authentic or was overtaken."""
        opened = self._opener.open(datagram)
        if opened is None:
            return False
        self._heard_at = now
        try:
            message = decode(opened)
            if isinstance(message, Abort):
                self.fail_as_told(now, message.code, message.message)
            else:
                self._take(now, address, message)
        except BadDatagram as error:
            self.fail(now, "bad_peer", f"the other side does not keep to the protocol: {error}")
        return True

    def poll(self, now: float) -> None:
        """Send what is due."""
        while self._farewells and self._farewells[0][0] <= now:
            self._tell(self._farewells.pop(0)[1])
        if not self.has_ended:
            self.is_silent = self.silence(now) >= SILENCE_TOLD
            if self.silence(now) >= SILENCE_MAX:
                self.fail(now, "peer_gone", f"nothing was heard from the other side for {SILENCE_MAX:.0f} s")
            elif self.state is State.RUNNING and now >= self._progress_at + STALL_MAX:
                self.fail(now, "stalled", f"the other side answers, but nothing got through for {STALL_MAX:.0f} s")
            elif self.state is State.RUNNING and now >= self._chunk_at + CHUNK_MAX:
                self.fail(now, "stalled", f"hardly anything got through for {CHUNK_MAX:.0f} s")
            else:
                self._work(now)

    def deadline(self) -> float:
        """Return when `poll` is to be called again."""
        if self.has_ended:
            return self._farewells[0][0] if self._farewells else self._ended_at + LINGER
        stalled = min(self._progress_at + STALL_MAX, self._chunk_at + CHUNK_MAX)
        patience = stalled if self.state is State.RUNNING else math.inf
        return min(self._heard_at + (SILENCE_MAX if self.is_silent else SILENCE_TOLD), patience, self._next_work())

    def _note_progress(self, now: float, is_chunk: bool) -> None:
        """Something of the file got through, and with `is_chunk` a whole chunk."""
        self._progress_at = now
        if is_chunk:
            self._chunk_at = now

    def _challenge_to(self, address: Hashable) -> bytes:
        """Return what only whoever receives at this address can send back: another for each, or a peer could take what
        it received at its own address and send it back as if from somebody else's."""
        return authenticator(self._challenge, repr(address).encode(), CHALLENGE_SIZE)

    def _end(self, now: float, state: State, failure: Optional[Failure] = None) -> None:
        self.state = state
        self.failure = failure
        self._ended_at = now
        self._unproved.leave(self)

    def _tell(self, message: Control) -> None:
        """Send a control message along the path, if there is one."""
        if self.path is not None:
            self._wire.control(self.path, self._sealer.seal(encode(message)))

    def _tell_unproved(
        self, now: float, address: Hashable, message: Control, size: int = 0, is_asking: bool = True
    ) -> bool:
        """Send a control message to an address that may be anybody's; `size` pads the datagram. False if it may not be
        sent, as too many were, or as another transfer asks there already, unless somebody there has asked us."""
        if address != self.path:
            count = self._told.get(address, 0)
            if count >= UNPROVED_MAX or (not count and len(self._told) >= ADDRESSES_MAX):
                return False
            if not self._unproved.may_tell(now, address, self if is_asking else None):
                return False
            self._told[address] = count + 1
        data = encode(message)
        padding = size - len(data) - 32  # header and tag
        self._wire.control(address, self._sealer.seal(data + bytes(max(padding, 0))))
        return True

    def _use_path(self, now: float, address: Hashable) -> None:
        """The other side has proved that it is at this address."""
        self.path = address
        self._unproved.prove(now, address)
        self._unproved.leave(self)

    def wake(self) -> None:
        """Look again at addresses at which another transfer asked."""

    def _take(self, now: float, address: Hashable, message: Control) -> None:
        raise NotImplementedError

    def _work(self, now: float) -> None:
        raise NotImplementedError

    def _next_work(self) -> float:
        raise NotImplementedError
