"""Files that are in their places here, and whose senders may not know it: they died before the receipt reached them.

Who sends such a file again would leave a second one beside it. So a file is remembered, as long as this client runs,
until its sender has confirmed the receipt. When the same user offers a file of the same name and size before that, with
another client or after `RETRY_SECONDS`, the answer is that an interrupted attempt has left all of it here. The sender
then compares the contents (see `messenger.transfer.claims`); if they are the same, it sends nothing and gets its
receipt, and else the file is received as another one. What was changed here since then does not count. Who has the
receipt and sends the file again wants another one, and gets it; so does, of an empty file, everybody.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, Final, Iterator, List, NamedTuple, Optional, Tuple

from messenger.errors import StorageError
from messenger.peer.ciphers import fastest_cipher
from messenger.peer.part import PartFile
from messenger.protocol.messages import Offered
from messenger.transfer.claims import Attempt, Claims, Digest
from messenger.transfer.geometry import CHUNK_SIZE
from messenger.transfer.sealing import ChunkCipher

RETRY_SECONDS: Final = 1.0
"""Seconds without a word about the receipt after which a new offer by the same client is another attempt."""

FILES_MAX: Final = 1000
"""Files that are remembered; then the oldest are forgotten."""

_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK

Identity = Tuple[int, int, int, int]
"""Device, inode, bytes, and nanoseconds of the last change."""


class Delivered(NamedTuple):
    """A file that has its place, as it was then."""

    offered: Offered
    path: Path
    identity: Identity
    since: float


class Unconfirmed:
    """What one client has received and its senders have not confirmed. One thread calls."""

    def __init__(self) -> None:
        self._files: Dict[str, Delivered] = {}
        """By transfer, the oldest first."""

    def add(self, now: float, offered: Offered, path: Path) -> None:
        """Remember a file that has got its place."""
        try:
            identity = identity_of(path.lstat())
        except OSError:
            return  # somebody has taken it away already
        if offered.size:
            self._files[offered.transfer] = Delivered(offered, path, identity, now)
        while len(self._files) > FILES_MAX:
            del self._files[next(iter(self._files))]

    def confirm(self, transfer: str) -> None:
        """Forget a file: its sender has the receipt."""
        confirmed = self._files.pop(transfer, None)
        if confirmed is not None:
            for earlier in [key for key, one in self._files.items() if one.path == confirmed.path]:
                del self._files[earlier]

    def find(self, now: float, offered: Offered) -> Optional[Delivered]:
        """Return the file of which this offer is another attempt, if its content is the same."""
        for one in reversed(list(self._files.values())):
            is_late = now - one.since >= RETRY_SECONDS
            if is_same_file(one.offered, offered) and (is_late or is_by_another_client(one.offered, offered)):
                return one
        return None


def is_same_file(before: Offered, now: Offered) -> bool:
    """Tell whether two offers are of the same file, as far as they tell."""
    return (before.sender, before.name, before.size) == (now.sender, now.name, now.size)


def is_by_another_client(before: Offered, now: Offered) -> bool:
    """Tell whether two offers of a user are by two clients, of which the first one then has ended. A program that is
    started again may get the same port, so that counts only for clients that have no id."""
    if before.client or now.client:
        return before.client != now.client
    return (before.address, before.udp_port) != (now.address, now.udp_port)


def is_retry(before: Offered, now: Offered) -> bool:
    """Tell whether an offer is another attempt at a file that is being received: its client cannot go on with it."""
    return is_same_file(before, now) and is_by_another_client(before, now)


def identity_of(state: os.stat_result) -> Identity:
    """Return what changes when a file is replaced or written."""
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns


class PartOrDelivered(PartFile):
    """The place of a file that may be there already: what an earlier attempt has left, or all of it."""

    def __init__(self, delivered: Delivered, *part: Any) -> None:
        """`part` are the arguments of `PartFile`."""
        super().__init__(*part)
        self._delivered = delivered
        self._is_claimed = False
        self._is_there = False

    def check(self) -> Iterator[Optional[Claims]]:
        """See `PartFile`: claims all of what was delivered, unless it has changed, or there is more of a part."""
        claims: Optional[Claims] = None
        if not self._has_chunks:
            for claims in self._check_delivered():
                if claims is None:
                    yield None
        if claims is None:
            yield from super().check()
        else:
            self._is_claimed = True
            yield claims

    def _check_delivered(self) -> Iterator[Optional[Claims]]:
        try:
            fd = os.open(self._delivered.path, _READ)
        except OSError:
            return
        try:
            if identity_of(os.fstat(fd)) != self._delivered.identity:
                return
            digest, secret = Digest(), os.urandom(16)
            cipher = ChunkCipher(secret, fastest_cipher())
            for chunk in range(self._geometry.chunks):
                view = self._buffers.plain[: self._geometry.plain_size(chunk)]
                if os.preadv(fd, [view], chunk * CHUNK_SIZE) != len(view):
                    return
                digest.add(chunk, cipher.tag(chunk, view, self._buffers.scratch))
                yield None
        except OSError:
            return
        finally:
            os.close(fd)
        runs: List[Tuple[int, int]] = [(0, self._geometry.chunks)]
        yield Claims([Attempt(secret, cipher.cipher, runs)], digest.result())

    def begin(self, cipher: ChunkCipher, is_resumed: bool) -> None:
        """See `PartFile`."""
        self._is_there = is_resumed and self._is_claimed
        if self._is_there:
            self.discard()  # nothing will be written
        else:
            super().begin(cipher, is_resumed)

    def finish(self) -> Path:
        """See `PartFile`."""
        if not self._is_there:
            return super().finish()
        path = self._delivered.path
        try:
            is_same = identity_of(path.lstat()) == self._delivered.identity
        except OSError:
            is_same = False
        if not is_same:
            raise StorageError("what was received before has been changed or taken away meanwhile")
        return path

    def take_back(self, path: Path) -> None:
        """See `PartFile`; what was there before stays."""
        if not self._is_there:
            super().take_back(path)
