"""A file that this client receives, from the answer on: keys, data, its place."""

from __future__ import annotations

from pathlib import Path
from typing import Optional, Union

from messenger.errors import StorageError
from messenger.peer.addresses import no_path, reachable
from messenger.peer.arrivals import Address, Run
from messenger.peer.asked import Asked, RunAside
from messenger.peer.exchange import Host
from messenger.peer.handle import NOTHING_MEASURED, Measured, Transfer
from messenger.peer.texts import reason_of, to_text
from messenger.protocol.messages import Offered
from messenger.transfer.claims import Claims
from messenger.transfer.endpoint import State
from messenger.transfer.incoming import Incoming
from messenger.transfer.receiver import Receiver
from messenger.transfer.sealing import ChunkCipher, KeyExchangeFailed, receipt_of


class Inbound(Asked):
    """One incoming transfer."""

    def __init__(self, host: Host, handle: Transfer, offered: Offered, folder: Path, run_aside: RunAside) -> None:
        super().__init__(host, handle, offered, folder, run_aside)
        self._incoming: Optional[Incoming] = None
        self._cipher: Optional[ChunkCipher] = None
        self._receipt = ""
        """The proof that it is here."""

    def _begin(self, claims: Claims) -> None:
        offered = self._offered
        try:
            secrets = self._agree(offered.key, offered.name, offered.cipher)
        except KeyExchangeFailed as error:
            self.refuse("bad_peer", str(error))
            return
        self._receipt = to_text(receipt_of(secrets.receipt))
        self._cipher = ChunkCipher(secrets.chunks, offered.cipher)
        self._incoming = Incoming(
            self._now(),
            self._wire(secrets.sender_id),
            secrets,
            self._challenge(),
            self._geometry,
            self._store,
            self._engine.port.allowance,
            claims.runs(),
            reachable(self._engine.port, [offered.address, *offered.addresses], offered.udp_port),
            self._host.unproved(self.handle.user),
        )
        self._run(self._incoming, secrets.receiver_id)
        self._host.share()
        self._answer(accepted=True, secrets=secrets, claims=claims)
        self._start()

    @property
    def is_receiving(self) -> bool:
        """Whether data may come."""
        return self._incoming is not None and not self._incoming.has_ended

    @property
    def receiver(self) -> Receiver:
        """What puts the segments together, while `is_receiving`."""
        assert self._incoming is not None
        return self._incoming.receiver

    # ---- data -----------------------------------------------------------------------------------------------

    def on_run(self, now: float, run: Run) -> None:
        """Take segments."""
        incoming = self._incoming
        if incoming is None:
            return
        was_running = incoming.state is State.RUNNING
        try:
            incoming.on_segments(
                now, run.kind, run.word & 0xFFFFFFFF, run.word >> 32, run.first, run.segments, run.payload
            )
        except StorageError as error:
            self.fail("write_failed", f"{self._host.username} cannot store it: {error}")
        if was_running and incoming.state is State.FINISHING:
            self._put_in_place()

    def _store(self, chunk: int, sealed: Union[memoryview, bytearray]) -> bool:
        assert self._cipher is not None and self._part is not None
        plain = self._engine.buffers.plain[: self._geometry.plain_size(chunk)]
        if not self._cipher.open_into(chunk, sealed, plain):
            self._engine.count_stranger()
            return False
        self._part.write(chunk, plain, sealed)
        return True

    def on_control(self, now: float, address: Address, datagram: bytes) -> bool:
        """Take a control datagram; the one that starts the data decides what of an earlier attempt is kept."""
        incoming = self._incoming
        if incoming is None:
            return False
        before = incoming.state
        is_authentic = incoming.on_control(now, address, datagram)
        if incoming.is_receipt_seen:
            self._host.unconfirmed.confirm(self.handle.id)
        if before in (State.OPENING, State.CHECKING) and incoming.state in (State.RUNNING, State.FINISHING):
            assert self._part is not None and self._cipher is not None
            try:
                self._part.begin(self._cipher, incoming.is_resumed)
            except StorageError as error:
                self.fail("write_failed", f"{self._host.username} cannot store it: {error}")
                return is_authentic
            if incoming.is_resumed:
                self.handle.resume_from(self._geometry.bytes_of(incoming.receiver.chunks_done))
            if incoming.state is State.FINISHING:
                self._put_in_place()
        return is_authentic

    def _put_in_place(self) -> None:
        """Flush and link the file in another thread: a disk may take seconds."""
        part = self._part
        assert part is not None
        self._is_finishing = True

        def finish() -> None:
            try:
                path = part.finish()
            except Exception as error:  # noqa: BLE001 - whatever it is, both sides have to know
                reason = reason_of(error)
                self.call(lambda: self._not_in_place(reason))
            else:
                self.call(lambda: self._in_place(path))

        self._run_aside(finish)

    def _in_place(self, path: Path) -> None:
        part = self._part
        assert self._incoming is not None and part is not None
        if self.handle.error is not None:  # it ended meanwhile
            if self.handle.error.code == "cancelled":
                part.take_back(path)
            return
        self.handle.path = path
        self._host.unconfirmed.add(self._now(), self._offered, path)
        self._tell_outcome("received", proof=self._receipt)
        self._incoming.finished(self._now())
        self._settle()
        self._engine.schedule(self)

    def _not_in_place(self, reason: str) -> None:
        self._is_finishing = False
        self.fail("write_failed", f"{self._host.username} cannot store it: {reason}")
        assert self._part is not None
        self._part.keep()  # if it had ended before

    # ---- the end --------------------------------------------------------------------------------------------

    def _advance(self, now: float) -> None:
        if self._incoming is not None:
            self._incoming.poll(now)

    def _settle(self) -> None:
        incoming = self._incoming
        if incoming is not None and incoming.failure is not None and incoming.failure[::2] == ("no_path", True):
            message = no_path("nothing arrived from", self.handle.user, incoming.addresses)
            incoming.failure = incoming.failure._replace(message=message)
        super()._settle()

    def _measure(self) -> Measured:
        incoming = self._incoming
        if incoming is None:
            return NOTHING_MEASURED
        sent, repeated, microseconds = incoming.figures
        receiver = incoming.receiver
        done = self._geometry.bytes_with_parts(receiver.chunks_done, receiver.bytes_in_part)
        return Measured(done, microseconds * 1e-6, repeated, min(repeated, sent) / max(1, sent))
