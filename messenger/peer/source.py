"""A file that is being sent."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final, Optional

from messenger.errors import MessengerError
from messenger.peer.sealed import Buffers, SealedChunk
from messenger.protocol.text import clean
from messenger.transfer.geometry import CHUNK_SIZE, TAG_SIZE, Geometry
from messenger.transfer.sealing import ChunkCipher

LOOK_EVERY: Final = 512
"""Chunks (240 MB) after which it is looked whether the file has changed, so that a long transfer ends early."""

AHEAD_CHUNKS: Final = 2
"""The kernel is asked for each chunk when the one so many before it is read. Its own reading ahead may take 8 MiB at
once, and 20 ms in which nothing goes out and nothing is heard."""


class SourceFailed(MessengerError):
    """The file cannot be sent to its end: `code` is `changed` or `read_failed`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class SourceFile:
    """Reads and seals the chunks of a file."""

    def __init__(self, path: Path, buffers: Optional[Buffers] = None) -> None:
        """Raises `SourceFailed` for what is missing, no regular file, or not readable. `buffers` are those of the
        thread that will read it."""
        self.path = path
        self._name = clean(path.name)
        try:
            # Not to wait for the other end of a pipe; on a regular file the flag means nothing.
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no file has such a name"
            raise SourceFailed("read_failed", f"cannot read {clean(str(path))}: {reason}") from None
        self._state = os.fstat(self._fd)
        if not stat.S_ISREG(self._state.st_mode):
            os.close(self._fd)
            what = "is a folder" if stat.S_ISDIR(self._state.st_mode) else "is no regular file"
            raise SourceFailed("read_failed", f"cannot send {clean(str(path))}: it {what}")
        self.geometry = Geometry(self._state.st_size)
        self._advise(0, 0, os.POSIX_FADV_RANDOM)  # nothing but what is asked for below
        self._advise(0, AHEAD_CHUNKS * CHUNK_SIZE, os.POSIX_FADV_WILLNEED)
        self._cipher: ChunkCipher
        self._last = -1
        self._buffers = buffers or Buffers()
        self._is_open = True

    def begin(self, cipher: ChunkCipher, last: int) -> None:
        """Seal with `cipher` from now on; `last` is the last chunk that will be asked for."""
        self._cipher = cipher
        self._last = last

    def seal(self, chunk: int) -> SealedChunk:
        """Read a chunk and seal it; raises `SourceFailed`."""
        sealed = self._buffers.take()
        plain = self.read(chunk)
        sealed.size = len(plain) + TAG_SIZE
        self._cipher.seal_into(chunk, plain, sealed.view[: sealed.size])
        if chunk == self._last or chunk % LOOK_EVERY == 0:
            self.check_unchanged()
        return sealed

    def release(self, sealed: SealedChunk) -> None:
        """Take a buffer back."""
        self._buffers.give_back(sealed)

    def read(self, chunk: int) -> memoryview:
        """Read a chunk, unsealed, into the one buffer for that; raises `SourceFailed`."""
        if not self._is_open:  # its number may be that of another file by now
            raise SourceFailed("read_failed", f"{self._name} is not being sent any more")
        plain = self._buffers.plain[: self.geometry.plain_size(chunk)]
        self._advise((chunk + AHEAD_CHUNKS) * CHUNK_SIZE, CHUNK_SIZE, os.POSIX_FADV_WILLNEED)
        try:
            size = os.preadv(self._fd, [plain], chunk * CHUNK_SIZE)
        except OSError as error:
            raise SourceFailed("read_failed", f"cannot read {self._name}: {error.strerror}") from None
        if size != len(plain):
            raise SourceFailed("changed", f"{self._name} was cut while it was being sent")
        return plain

    def _advise(self, start: int, size: int, advice: int) -> None:
        try:
            os.posix_fadvise(self._fd, start, size, advice)
        except OSError:
            pass  # it was only advice

    def check_unchanged(self) -> None:
        """Raise `SourceFailed` if the file is not what it was when it was opened."""
        state = os.fstat(self._fd)
        if (state.st_size, state.st_mtime_ns) != (self._state.st_size, self._state.st_mtime_ns):
            raise SourceFailed("changed", f"{self._name} changed while it was being sent")

    def close(self) -> None:
        """Close the file."""
        if self._is_open:
            self._is_open = False
            os.close(self._fd)
