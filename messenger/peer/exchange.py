"""What both directions of a transfer share on this side: the handle, the key pair, its end and what is told of it."""

from __future__ import annotations

import logging
import math
import os
from typing import Any, Callable, Dict, Final, Hashable, List, Optional, Protocol, Type

from messenger.peer.arrivals import Address, Run
from messenger.peer.engine import Engine, PortWire
from messenger.peer.handle import (
    NOTHING_MEASURED,
    AnyTransferEvent,
    Measured,
    Transfer,
    TransferDone,
    TransferEnded,
    TransferFailed,
    TransferProgress,
    TransferStalled,
    TransferStarted,
)
from messenger.peer.texts import reason_of, to_bytes, to_message
from messenger.peer.unconfirmed import Unconfirmed
from messenger.protocol.messages import Outcome
from messenger.protocol.text import clean
from messenger.transfer.datagram import CHALLENGE_SIZE
from messenger.transfer.endpoint import Endpoint, State
from messenger.transfer.sealing import Agreement, Secrets, derive, public_key
from messenger.transfer.turns import Turns
from messenger.transfer.unproved import Unproved

_log: Final = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 60.0
"""How long an offer waits for an answer, or a word that the receiver still looks at what it has."""

PROGRESS_SECONDS: Final = 1.0
"""How often progress is told."""


class Host(Protocol):
    """What a transfer needs of the client that it belongs to."""

    id: str
    engine: Engine
    username: str
    shortest: Dict[Hashable, float]
    """The shortest round trip to each address, while files are being sent (see `messenger.transfer.outgoing`)."""
    unconfirmed: Unconfirmed

    def signal(self, kind: Type[Any], on_refused: Callable[[str, str], None], **fields: Any) -> None:
        """Send a request through the server, after those before it, and never wait; `on_refused` is called later in the
        engine's thread with code and sentence."""

    def emit(self, event: AnyTransferEvent) -> None:
        """Tell an event."""

    def addresses(self) -> List[str]:
        """Return the addresses of this machine that the other side may reach."""

    def fits(self, free: int) -> bool:
        """Return whether so many bytes of the disk are enough for what the files that are being received take yet."""

    def unproved(self, user: str) -> Unproved:
        """Return what was sent to addresses of this user that have not proved themselves."""

    def turns(self, user: str) -> Turns:
        """Return the turns that files to this user take."""

    def share(self) -> None:
        """Divide the machine anew among the transfers that run, soon."""

    def forget(self, exchange: Exchange) -> None:
        """It has ended, and nothing will be heard of it any more."""


class Exchange:
    """One transfer on this side, from offer to end. Everything happens in the engine's thread."""

    def __init__(self, host: Host, handle: Transfer) -> None:
        self.handle = handle
        self._host = host
        self._engine = host.engine
        self._private_key = os.urandom(32)
        self.public_key = public_key(self._private_key)
        self.endpoint: Optional[Endpoint] = None
        self._connection = -1
        self._answer_due = math.inf
        self._next_progress = math.inf
        self._is_stalled = False
        handle.on_cancel = lambda code: self.call(lambda: self.cancel(code))

    # ---- the engine's runner --------------------------------------------------------------------------------

    def on_control(self, now: float, address: Address, datagram: bytes) -> bool:
        """Take a control datagram; False if it is not authentic."""
        return self.endpoint is not None and self.endpoint.on_control(now, address, datagram)

    def on_run(self, now: float, run: Run) -> None:
        """Take segments."""

    def poll(self, now: float) -> None:
        """Do what is due."""
        if now >= self._answer_due:
            who = self.handle.user if self.handle.is_outgoing else self._host.username
            self.fail("no_answer", f"{who} did not answer within {ANSWER_SECONDS:.0f} s")
        endpoint = self.endpoint
        if endpoint is None:
            return
        self._advance(now)
        if endpoint.has_ended:
            self._settle()
            if endpoint.is_forgotten(now):
                self._engine.remove(self._connection)
                self._host.forget(self)
                self.endpoint = None
        elif not self.handle.is_ended:
            self._tell_progress(now, endpoint)

    def deadline(self) -> float:
        """Return when `poll` is to be called again."""
        if self.endpoint is None:
            return self._answer_due
        return min(self.endpoint.deadline(), self._next_progress)

    def abandon(self, error: Exception) -> None:
        """End it: it has raised what nobody expected."""
        _log.error("a transfer failed", exc_info=error)
        message = f"a fault in this program: {reason_of(error)}"
        try:
            self.fail("internal_error", message)
        except Exception:  # noqa: BLE001 - what failed once may fail again, and the others must go on
            _log.exception("a transfer could not be ended as it should")
            self.handle.measure = lambda: NOTHING_MEASURED
            if self.handle.end(TransferFailed("internal_error", message)):
                self.emit(TransferEnded, code="internal_error", message=clean(message))
            self._engine.remove(self._connection)
            self._host.forget(self)

    def call(self, function: Callable[[], None]) -> None:
        """Have something done in the engine's thread. Any thread may call."""
        self._engine.call(lambda: self.attempt(function))

    def attempt(self, function: Callable[[], None]) -> None:
        """Do something; what it raises ends this transfer only."""
        try:
            function()
        except Exception as error:  # noqa: BLE001 - one transfer's fault must not end the others
            self.abandon(error)

    # ---- for the subclasses ---------------------------------------------------------------------------------

    def cancel(self, code: str) -> None:
        """End it because its person wants so."""
        raise NotImplementedError

    def fail(self, code: str, message: str) -> None:
        """End it for a reason of this side: the other side is told, by datagram and through the server."""
        message = clean(message)
        if self.endpoint is not None:
            self.endpoint.fail(self._now(), code, message)
            self._engine.schedule(self)
        if self.handle.is_ended:
            return
        self._tell_outcome(code, message)
        self._finish(TransferFailed(code, message))

    def fail_as_told(self, code: str, message: str) -> None:
        """End it because the other side has."""
        if self.endpoint is not None:
            self.endpoint.fail_as_told(self._now(), code, message)
            self._engine.schedule(self)
        self._finish(TransferFailed(code, message))

    def on_outcome(self, code: str, message: str, proof: str = "") -> None:
        """The other side says through the server how it ended, or that it still looks at what it has."""
        if code == "checking":
            if self._answer_due < math.inf:
                self._answer_due = self._now() + ANSWER_SECONDS
        elif code != "received":
            self.fail_as_told(code, message or code)

    def _advance(self, now: float) -> None:
        raise NotImplementedError

    def _measure(self) -> Measured:
        raise NotImplementedError

    def _clean_up(self, error: Optional[TransferFailed]) -> None:
        raise NotImplementedError

    def _now(self) -> float:
        return self._engine.now()

    def _wire(self, connection: int) -> PortWire:
        return PortWire(self._engine.port, connection)

    def _challenge(self) -> bytes:
        return os.urandom(CHALLENGE_SIZE)

    def _agree(self, peer_key: str, name: str, cipher: str) -> Secrets:
        """Return the secrets that both sides have if they agree on all; raises `KeyExchangeFailed`."""
        handle = self.handle
        people = [self._host.username, handle.user]
        keys = [self.public_key, to_bytes(peer_key)]
        if not handle.is_outgoing:
            people.reverse()
            keys.reverse()
        agreement = Agreement(handle.id, people[0], people[1], name, handle.size, cipher)
        return derive(self._private_key, to_bytes(peer_key), agreement, keys[0], keys[1])

    def _run(self, endpoint: Endpoint, connection: int) -> None:
        """Let the engine run this endpoint."""
        self.endpoint = endpoint
        endpoint.on_wake = lambda: self._engine.schedule(self)
        self._connection = connection
        self._answer_due = math.inf
        self._engine.add(connection, self)

    def _start(self) -> None:
        """It was accepted: tell so."""
        self.handle.measure = self._measure
        self.handle.start()
        self._next_progress = self._now() + PROGRESS_SECONDS
        self.emit(TransferStarted)

    def _tell_outcome(self, code: str, message: str = "", proof: str = "") -> None:
        fields = {"code": code, "message": to_message(message), "proof": proof}
        self._host.signal(Outcome, lambda *_: None, user=self.handle.user, transfer=self.handle.id, **fields)

    def emit(self, kind: Type[AnyTransferEvent], **fields: Any) -> None:
        """Tell an event of this transfer."""
        handle = self.handle
        direction = "out" if handle.is_outgoing else "in"
        try:
            self._host.emit(kind(handle.number, handle.id, direction, handle.user, handle.name, handle.size, **fields))
        except Exception:  # noqa: BLE001 - a callback of the user's must not end transfers
            _log.exception("a callback failed")

    def _settle(self) -> None:
        """Pass on how the endpoint has ended."""
        endpoint = self.endpoint
        if endpoint is None or self.handle.is_ended:
            return
        if endpoint.state is State.DONE:
            self._finish(None)
        elif endpoint.failure is not None:
            code, message, is_ours = endpoint.failure
            if is_ours:
                self._tell_outcome(code, message)
            # What came by datagram is anybody's text.
            self._finish(TransferFailed(clean(code), clean(message)))

    def _finish(self, error: Optional[TransferFailed]) -> None:
        handle = self.handle
        if not handle.end(error):
            return
        self._answer_due = self._next_progress = math.inf
        try:
            self._clean_up(error)
        except Exception:  # noqa: BLE001 - somebody waits for the end, and would wait for ever
            _log.exception("a transfer could not be cleaned up")
        self._host.share()
        if error is not None:
            self.emit(TransferEnded, code=error.code, message=str(error))
        else:
            last = handle.progress()
            self.emit(
                TransferDone,
                path=os.fsencode(handle.path or "").decode("utf-8", "replace"),
                seconds=round(last.seconds, 6),
                goodput=round(last.rate),
                resumed=handle.resumed,
                round_trip=round(last.round_trip, 6),
                repeated=last.repeated,
                loss=round(last.loss, 6),
            )
        if self.endpoint is None:
            self._host.forget(self)

    def _tell_progress(self, now: float, endpoint: Endpoint) -> None:
        if endpoint.is_silent and not self._is_stalled:
            self.emit(TransferStalled, seconds=round(endpoint.silence(now), 1))
        self._is_stalled = endpoint.is_silent
        if now >= self._next_progress:
            self._next_progress = now + PROGRESS_SECONDS
            done, rate, round_trip, _, loss, _ = self.handle.progress()
            self.emit(
                TransferProgress, done=done, rate=round(rate), round_trip=round(round_trip, 6), loss=round(loss, 6)
            )
