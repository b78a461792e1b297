"""A file that this client sends: offer, keys, data, receipt."""

from __future__ import annotations

import math
from typing import Final, Iterator, Optional

from messenger.peer.addresses import no_path, reachable
from messenger.peer.exchange import ANSWER_SECONDS, Exchange, Host
from messenger.peer.handle import NOTHING_MEASURED, Measured, Transfer, TransferFailed
from messenger.peer.source import SourceFailed, SourceFile
from messenger.peer.texts import to_bytes, to_text
from messenger.protocol.messages import Answered, Offer
from messenger.transfer.claims import Claims, Digest, Runs, chunks_of, decode_claims, missing
from messenger.transfer.outgoing import MakeController, Outgoing
from messenger.transfer.sealing import ChunkCipher, KeyExchangeFailed, Secrets, is_receipt, open_claims

TOGETHER_SECONDS: Final = 0.2
"""Files that are offered within so long begin together: the first would otherwise have taken the whole path before the
last is there, and leave it late."""


class Outbound(Exchange):
    """One outgoing transfer."""

    def __init__(
        self,
        host: Host,
        handle: Transfer,
        source: SourceFile,
        cipher: str,
        make_controller: MakeController,
        kind_max: int,
    ) -> None:
        super().__init__(host, handle)
        self._source = source
        self._cipher = cipher
        self._make_controller = make_controller
        self._kind_max = kind_max
        self._outgoing: Optional[Outgoing] = None
        self._together_until = -math.inf
        self._accepted: Optional[Answered] = None
        """The answer, as long as this file waits for others to begin with."""
        self._receipt_secret = b""
        self._there: Runs = []
        """What the receiver had from the beginning."""

    def offer(self) -> None:
        """Offer the file to its recipient."""
        handle = self.handle
        self._answer_due = self._now() + ANSWER_SECONDS
        self._together_until = self._now() + TOGETHER_SECONDS
        self._engine.schedule(self)
        self._host.signal(
            Offer,
            self._refused,
            user=handle.user,
            transfer=handle.id,
            name=handle.name,
            size=handle.size,
            key=to_text(self.public_key),
            udp_port=self._engine.port.number,
            addresses=self._host.addresses(),
            cipher=self._cipher,
            client=self._host.id,
        )

    def on_answered(self, answer: Answered) -> None:
        """End as the recipient has answered, or be ready to send: `begin` comes when others are ready, too."""
        handle = self.handle
        if self.endpoint is not None or self._accepted is not None or handle.is_ended:
            return
        if not answer.accepted:
            self.fail_as_told(answer.code or "refused", answer.message or f"{handle.user} does not want it")
            return
        self._accepted = answer
        self._answer_due = math.inf
        self._engine.schedule(self)

    @property
    def keeps_others_waiting(self) -> bool:
        """Whether its answer may come soon."""
        is_offered = not self.handle.is_ended and self.endpoint is None and self._accepted is None
        return is_offered and self._now() < self._together_until

    def deadline(self) -> float:
        """See `Exchange`."""
        return self._together_until if self._accepted is not None else super().deadline()

    def poll(self, now: float) -> None:
        """See `Exchange`."""
        if now >= self._together_until:
            self.begin()
        super().poll(now)

    def begin(self) -> None:
        """Begin to send, if it was accepted and has not begun."""
        handle, answer = self.handle, self._accepted
        self._accepted = None
        if answer is None or handle.is_ended:
            return
        try:
            secrets = self._agree(answer.key, handle.name, self._cipher)
        except KeyExchangeFailed as error:
            self.fail("bad_peer", str(error))
            return
        self._receipt_secret = secrets.receipt
        addresses = reachable(self._engine.port, [answer.address, *answer.addresses], answer.udp_port)
        self._outgoing = Outgoing(
            self._now(),
            self._wire(secrets.receiver_id),
            secrets,
            self._challenge(),
            self._source.geometry,
            addresses,
            self._source,
            self._make_controller,
            self._kind_max,
            self._host.shortest,
            self._host.unproved(handle.user),
            self._host.turns(handle.user),
        )
        self._start()
        self._run(self._outgoing, secrets.sender_id)
        self._prepare(secrets, answer.resume)

    def on_outcome(self, code: str, message: str, proof: str = "") -> None:
        """The receiver says through the server how it ended: its receipt counts this way too, if it is not made up by
        the server."""
        outgoing = self._outgoing
        if code == "received" and outgoing is not None and is_receipt(self._receipt_secret, to_bytes(proof)):
            outgoing.confirm(self._now())
            self._settle()
            self._engine.schedule(self)
        else:
            super().on_outcome(code, message)

    @property
    def is_sending(self) -> bool:
        """Whether data is on its way."""
        return self._outgoing is not None and not self._outgoing.has_ended

    def join_crowd(self, size: int) -> None:
        """Be one of so many transfers that send at the same time."""
        if self._outgoing is not None:
            self._outgoing.join_crowd(size)

    def cancel(self, code: str) -> None:
        """End it because its person wants so."""
        self.fail(code, f"{self._host.username} {'has left' if code == 'closed' else 'cancelled it'}")

    def _prepare(self, secrets: Secrets, resume: str) -> None:
        """Begin with what the receiver does not have."""
        claims: Optional[Claims] = None
        if resume:
            opened = open_claims(secrets.claims, to_bytes(resume))
            claims = decode_claims(opened, self._source.geometry) if opened is not None else None
        if claims is None or not claims.attempts:
            self._begin(secrets, None)
        else:
            self._engine.step_through(self._check(secrets, claims), self)

    def _check(self, secrets: Secrets, claims: Claims) -> Iterator[None]:
        """Find out, chunk by chunk, whether what the receiver has is the same as what this file holds."""
        digest = Digest()
        try:
            for attempt in claims.attempts:
                cipher = ChunkCipher(attempt.secret, attempt.cipher)
                for chunk in chunks_of(attempt.runs):
                    digest.add(chunk, cipher.tag(chunk, self._source.read(chunk), self._engine.buffers.scratch))
                    yield
                    if self.handle.is_ended:
                        return
        except SourceFailed as error:
            self.fail(error.code, str(error))
            return
        self._begin(secrets, claims if digest.result() == claims.digest else None)

    def _begin(self, secrets: Secrets, claims: Optional[Claims]) -> None:
        assert self._outgoing is not None
        runs = self._there = claims.runs() if claims is not None else []
        geometry = self._source.geometry
        last = geometry.chunks - 1
        for first, count in sorted(runs, reverse=True):
            if first + count - 1 != last:
                break
            last = first - 1
        self._source.begin(ChunkCipher(secrets.chunks, self._cipher), last)
        self.handle.resume_from(geometry.bytes_of(sum(count for _, count in runs)))
        self._outgoing.begin(self._now(), missing(runs, geometry), claims is not None)
        self._host.share()
        self._engine.schedule(self)

    def _advance(self, now: float) -> None:
        try:
            assert self._outgoing is not None
            self._outgoing.poll(now)
        except SourceFailed as error:
            self.fail(error.code, str(error))

    def _settle(self) -> None:
        outgoing = self._outgoing
        if outgoing is not None and outgoing.failure is not None and outgoing.failure.code == "no_path":
            message = no_path("no path opened to", self.handle.user, outgoing.addresses)
            outgoing.failure = outgoing.failure._replace(message=message)
        super()._settle()

    def _measure(self) -> Measured:
        outgoing = self._outgoing
        sender = outgoing.sender if outgoing is not None else None
        if outgoing is None or sender is None:
            return NOTHING_MEASURED._replace(done=self.handle.resumed)
        chunks = sender.chunks_delivered + sum(count for _, count in self._there)
        done = self._source.geometry.bytes_with_parts(chunks, sender.bytes_in_part)
        loss = sender.repeated_segments / max(1, sender.sent_segments)
        return Measured(done, outgoing.round_trip.smoothed, sender.repeated_segments, loss)

    def _refused(self, code: str, message: str) -> None:
        self._finish(TransferFailed(code, message))

    def _clean_up(self, error: Optional[TransferFailed]) -> None:
        self._source.close()
        self._answer_due = math.inf
