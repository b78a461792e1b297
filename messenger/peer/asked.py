"""A file that somebody offers this client, up to the answer: consent, its place, and what there is of it already."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable, Final, Iterator, Optional

from messenger.errors import StorageError
from messenger.peer.exchange import ANSWER_SECONDS, Exchange, Host
from messenger.peer.handle import Transfer, TransferAsked, TransferFailed
from messenger.peer.part import PartFile
from messenger.peer.placing import find_placed
from messenger.peer.texts import reason_of, to_message, to_text
from messenger.peer.unconfirmed import RETRY_SECONDS, PartOrDelivered, is_retry
from messenger.protocol.messages import Answer, Offered
from messenger.transfer.claims import Claims, encode_claims
from messenger.transfer.geometry import Geometry
from messenger.transfer.sealing import CIPHERS, Secrets, seal_claims

SPACE_LEFT: Final = 1024 * 1024
"""Bytes that must stay free on the disk."""

CHECKING_SECONDS: Final = 20.0
"""How often a sender that waits for an answer is told that it is still looked at what is there."""

RunAside = Callable[[Callable[[], None]], None]
"""Runs a function in another thread than the engine's."""


class Asked(Exchange):
    """One incoming transfer, as long as it has no keys."""

    def __init__(self, host: Host, handle: Transfer, offered: Offered, folder: Path, run_aside: RunAside) -> None:
        super().__init__(host, handle)
        self._offered = offered
        self._folder = folder
        self._run_aside = run_aside
        self._geometry = Geometry(offered.size)
        self._part: Optional[PartFile] = None
        self._is_finishing = False
        self._is_accepted = False
        self._next_checking = self._now() + CHECKING_SECONDS
        handle.on_accept = lambda: self.call(self.accept)

    def ask(self) -> None:
        """Ask this client's person."""
        self._answer_due = self._now() + ANSWER_SECONDS
        self._engine.schedule(self)
        self.emit(TransferAsked)

    def refuse(self, code: str, message: str) -> None:
        """Answer that the file is not wanted."""
        self._answer(accepted=False, code=code, message=message)
        self._finish(TransferFailed(code, message))

    def accept(self) -> None:
        """Answer that the file is wanted, once it is clear what there is of it already."""
        if self._is_accepted or self.handle.is_ended:
            return
        self._is_accepted = True
        self._answer_due = float("inf")
        if self._offered.cipher not in CIPHERS:
            self.refuse("bad_peer", "the cipher that was offered is not known here")
            return
        try:
            self._part = self._open_part()
            space = os.statvfs(self._folder)
        except (StorageError, OSError) as error:
            self.refuse("write_failed", f"{self._host.username} cannot store it: {reason_of(error)}")
            return
        if not self._host.fits(space.f_bavail * space.f_frsize - SPACE_LEFT):
            self.refuse("no_space", f"{self._host.username} has not enough space on the disk")
            return
        self._engine.step_through(self._check(self._part), self)

    def cancel(self, code: str) -> None:
        """End it because its person wants so."""
        if self._is_finishing:
            return  # it is whole: too late
        name, has_left = self._host.username, code == "closed"
        if self.endpoint is None and not self.handle.is_ended:
            self.refuse(code if has_left else "refused", f"{name} {'has left' if has_left else 'does not want it'}")
        else:
            self.fail(code if has_left else "cancelled", f"{name} {'has left' if has_left else 'cancelled it'}")

    def fail_as_told(self, code: str, message: str) -> None:
        """End it because the other side has. What is whole is received all the same, unless it is cancelled."""
        if not self._is_finishing or code == "cancelled":
            super().fail_as_told(code, message)

    def gives_way_to(self, offered: Offered) -> bool:
        """Tell whether this is another attempt at the same file, and the one before will not go on by itself."""
        return not self.handle.is_ended and not self._is_finishing and is_retry(self._offered, offered)

    def give_way(self) -> None:
        """Leave what has arrived to another attempt."""
        self.fail("replaced", f"{self.handle.user} sends it again")

    def is_placing(self, offered: Offered) -> bool:
        """Tell whether this is another attempt at the same file, and this one is whole and about to get its place."""
        return self._is_finishing and not self.handle.is_ended and is_retry(self._offered, offered)

    def accept_when_placed(self) -> None:
        """Accept it after those that are whole and about to get their places, which happens in this order."""
        self._run_aside(lambda: self.call(self.accept))

    def _open_part(self) -> PartFile:
        handle, unconfirmed = self.handle, self._host.unconfirmed
        placed = find_placed(self._folder, handle.user, handle.name, handle.size)
        if placed is not None:
            unconfirmed.add(self._now() - RETRY_SECONDS, self._offered, placed)
        delivered = unconfirmed.find(self._now(), self._offered)
        place = (self._folder, handle.user, handle.name, self._geometry, self._engine.buffers)
        return PartFile(*place) if delivered is None else PartOrDelivered(delivered, *place)

    def _check(self, part: PartFile) -> Iterator[None]:
        try:
            checking = part.check()
            while not self.handle.is_ended:  # asked before each step: what is closed must not be read
                claims = next(checking)
                if claims is not None:
                    self._begin(claims)
                    return
                self._tell_checking()
                yield
        except (StorageError, OSError) as error:
            self.refuse("write_failed", f"{self._host.username} cannot read what is there: {reason_of(error)}")

    def _tell_checking(self) -> None:
        """Tell the sender from time to time that its answer will come: a large file takes minutes."""
        now = self._now()
        if now >= self._next_checking:
            self._next_checking = now + CHECKING_SECONDS
            self._tell_outcome("checking")

    def _begin(self, claims: Claims) -> None:
        """Agree on keys and answer, as it is known what is there."""
        raise NotImplementedError

    def _answer(
        self,
        accepted: bool,
        code: str = "",
        message: str = "",
        secrets: Optional[Secrets] = None,
        claims: Optional[Claims] = None,
    ) -> None:
        handle = self.handle
        resume = ""
        if secrets is not None and claims is not None and claims.attempts:
            resume = to_text(seal_claims(secrets.claims, encode_claims(claims)))
        self._host.signal(
            Answer,
            self._refused,
            user=handle.user,
            transfer=handle.id,
            accepted=accepted,
            key=to_text(self.public_key),
            udp_port=self._engine.port.number,
            addresses=self._host.addresses() if accepted else [],
            resume=resume,
            code=code,
            message=to_message(message),
        )

    def _refused(self, code: str, message: str) -> None:
        """The server could not pass the answer on: the sender is gone."""
        self.fail_as_told(code, message)

    @property
    def still_to_come(self) -> int:
        """Bytes of the disk that it will take yet."""
        part = self._part
        if part is None or self.handle.is_ended or self._is_finishing:
            return 0
        return max(0, self._geometry.size - part.size_on_disk)

    def _clean_up(self, error: Optional[TransferFailed]) -> None:
        part = self._part
        if part is None or error is None or self._is_finishing:
            return
        if error.code in ("cancelled", "changed", "refused"):
            part.discard()
        else:
            part.keep()
