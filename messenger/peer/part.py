"""A file that is being received: `NAME.part` beside its target, and `NAME.part.map`, which says what is in it.

The map is a line of JSON (who sent it, its name, how large it and its chunks are) and then records: of each chunk that
was verified and written its tag, and of each attempt its secret (see `messenger.peer.part_map`,
`messenger.transfer.claims`). It is appended to at least every `MAP_CHUNKS` chunks, after the chunks: what a killed
program loses is less than 4 MiB.

A `.part` is only ever opened if it is ours: a regular file of this user with one name, made with O_EXCL or with a
map that fits; never through a symbolic link; and locked, so that no two transfers write to one.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from pathlib import Path
from typing import Final, Iterator, List, Optional, Tuple, Union

from messenger.errors import StorageError
from messenger.peer.part_map import Tags, attempt_record, chunk_record, survey
from messenger.peer.placing import (
    CREATE,
    MAP_ENDING,
    PART_ENDING,
    REOPEN,
    close,
    flush_folder,
    is_own,
    map_of,
    place,
    remove,
)
from messenger.peer.sealed import Buffers
from messenger.protocol.limits import RESUME_MAX
from messenger.transfer.claims import Attempt, Claims, Digest, Runs, add_chunk
from messenger.transfer.geometry import CHUNK_SIZE, TAG_SIZE, Geometry
from messenger.transfer.naming import base_name, stored_names
from messenger.transfer.sealing import ChunkCipher

MAP_CHUNKS: Final = 4
"""Chunks (1.9 MiB) after which the map is written."""

CLAIMS_BYTES: Final = RESUME_MAX // 4 * 3 - 64
"""What claims may take, so that the server passes them on in base64; less digest and tag."""

ATTEMPT_BYTES: Final = 48
RUN_BYTES: Final = 11
"""What an attempt and a run take in claims, at most."""


class PartFile:
    """The place where one file is received."""

    def __init__(
        self, folder: Path, sender: str, name: str, geometry: Geometry, buffers: Optional[Buffers] = None
    ) -> None:
        """Open what an earlier attempt has left of the same file, or begin anew; `buffers` are those of the thread that
        will check it. Raises `StorageError`."""
        self._folder = folder
        self._sender = base_name(sender)  # a name that the server gave, and it may be anybody
        self._name = name
        self._geometry = geometry
        self._buffers = buffers or Buffers()
        whose = {"sender": sender, "name": name, "size": geometry.size, "chunk": CHUNK_SIZE}
        self._header = json.dumps(whose).encode() + b"\n"
        self._records: List[bytes] = []
        self._has_chunks = False
        self._is_locked = True
        try:
            self._path, self._fd, self._map_fd = self._open()
        except OSError as error:
            raise StorageError(f"cannot write into the download folder: {error.strerror}") from None
        self._is_open = True
        self._has_content = False

    @property
    def size_on_disk(self) -> int:
        """Bytes that the part occupies already."""
        return os.fstat(self._fd).st_blocks * 512

    def check(self) -> Iterator[Optional[Claims]]:
        """Compare what is there with its tags: yields None from time to time, and the claims in the end."""
        tags = Tags(self._geometry)
        for _ in tags.read(self._map_fd, len(self._header)):
            yield None
        digest = Digest()
        attempts: List[Attempt] = []
        plain, scratch = self._buffers.plain, self._buffers.scratch
        room = CLAIMS_BYTES
        for index, cipher in enumerate(tags.ciphers):
            room -= ATTEMPT_BYTES
            runs: Runs = []
            for chunk in tags.chunks(index):
                view = plain[: self._geometry.plain_size(chunk)]
                size = os.preadv(self._fd, [view], chunk * CHUNK_SIZE)
                tag = tags.tag(chunk)
                if size == len(view) and cipher.tag(chunk, view, scratch) == tag:
                    if not add_chunk(runs, chunk, room // RUN_BYTES):
                        break
                    digest.add(chunk, tag)
                yield None
            room -= len(runs) * RUN_BYTES
            if runs:
                attempts.append(Attempt(cipher.secret, cipher.cipher, runs))
        yield Claims(attempts, digest.result())

    def begin(self, cipher: ChunkCipher, is_resumed: bool) -> None:
        """Receive chunks sealed with `cipher`; forget what is there unless `is_resumed`. Raises `StorageError`."""
        self._has_content = is_resumed
        try:
            if not is_resumed:
                self._has_chunks = False
                os.ftruncate(self._fd, 0)
                os.ftruncate(self._map_fd, 0)
            if not os.fstat(self._map_fd).st_size:
                self._records.append(self._header)
        except OSError as error:
            raise StorageError(f"cannot write {self._path.name}: {error.strerror}") from None
        self._records.append(attempt_record(cipher))
        self._write_map()

    def write(self, chunk: int, plain: memoryview, sealed: Union[memoryview, bytearray]) -> None:
        """Write a verified chunk, of which `sealed` holds the tag; raises `StorageError`."""
        try:
            written = os.pwrite(self._fd, plain, chunk * CHUNK_SIZE)
            while written < len(plain):
                more = os.pwrite(self._fd, plain[written:], chunk * CHUNK_SIZE + written)
                written += more
        except OSError as error:
            raise StorageError(f"cannot write {self._path.name}: {error.strerror}") from None
        self._has_content = True
        self._records.append(chunk_record(chunk, bytes(sealed[-TAG_SIZE:])))
        if len(self._records) >= MAP_CHUNKS:
            self._write_map()

    def finish(self) -> Path:
        """Put the whole file in its place, under a name that nothing has yet; raises `StorageError`."""
        try:
            os.ftruncate(self._fd, self._geometry.size)
            os.fsync(self._fd)
            target = place(self._path, stored_names(self._sender, self._name))
            flush_folder(self._folder)
        except OSError as error:
            raise StorageError(f"cannot put {self._path.name} in its place: {error.strerror}") from None
        self.close()
        return target

    def take_back(self, path: Path) -> None:
        """Remove the whole file, which `finish` has put there: it is not wanted any more."""
        remove(path)

    def keep(self) -> None:
        """Leave it for a later attempt, if there is anything in it, and that could know that nobody works on it."""
        if self._is_open and not (self._is_locked and (self._has_content or self._has_chunks)):
            self.discard()
        if self._is_open:
            try:
                self._write_map()
            except StorageError:
                pass  # the chunks that the map does not know will come again
            self.close()

    def discard(self) -> None:
        """Remove it."""
        if self._is_open:
            for path in (self._path, map_of(self._path)):
                remove(path)
            self.close()

    def close(self) -> None:
        """Close the files, which gives the lock back."""
        if self._is_open:
            self._is_open = False
            for fd in (self._fd, self._map_fd):
                close(fd)

    def _write_map(self) -> None:
        data = b"".join(self._records)
        self._records.clear()
        try:
            if os.write(self._map_fd, data) != len(data):
                raise StorageError(f"cannot write {self._path.name}.map: the disk is full")
        except OSError as error:
            raise StorageError(f"cannot write {self._path.name}.map: {error.strerror}") from None

    def _open(self) -> Tuple[Path, int, int]:
        for name in stored_names(self._sender, self._name, room=len(MAP_ENDING)):
            path = self._folder / (name + PART_ENDING)
            opened = self._create(path) or self._reopen(path)
            if opened is not None:
                return (path, *opened)
        raise FileExistsError(17, "too many files of this name")

    def _create(self, path: Path) -> Optional[Tuple[int, int]]:
        try:
            fd = os.open(path, CREATE, 0o666)
        except FileExistsError:
            return None
        try:
            self._lock_new(fd)
            self._remove_stale(map_of(path))
            return fd, os.open(map_of(path), CREATE | os.O_APPEND, 0o600)
        except OSError as error:
            os.close(fd)
            path.unlink()
            if isinstance(error, FileExistsError):  # something else has the name of the map
                return None
            raise

    def _lock_new(self, fd: int) -> None:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            self._is_locked = False  # nobody opens what cannot be locked, so it is ours all the same

    def _remove_stale(self, path: Path) -> None:
        """Remove a map of this file that was left without its part."""
        try:
            fd = os.open(path, REOPEN)
        except OSError:
            return  # none, or a link, a folder: not ours
        with os.fdopen(fd, "rb") as file:
            if is_own(os.fstat(fd)) and file.read(len(self._header)) == self._header:
                remove(path)

    def _reopen(self, path: Path) -> Optional[Tuple[int, int]]:
        """Open what is there if it is an earlier attempt at this very file, and nobody works on it."""
        fds: List[int] = []
        try:
            for one in (path, map_of(path)):
                fds.append(os.open(one, REOPEN | (os.O_APPEND if fds else 0)))
            fcntl.flock(fds[0], fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Asked under the lock: whoever had it may have removed the map and given the part its final name.
            if all(is_own(os.fstat(fd)) for fd in fds) and self._fits(*fds):
                return fds[0], fds[1]
        except OSError:
            pass  # a link, a folder, in use, gone: not for us
        for fd in fds:
            os.close(fd)
        return None

    def _fits(self, part_fd: int, fd: int) -> bool:
        """Look whether a map is of this file, and what there is; False if it is that of another one."""
        header = os.pread(fd, len(self._header), 0)
        if header != self._header:  # both may be empty still: killed before anything came
            return not header and not os.fstat(part_fd).st_size
        found = survey(fd, len(header))
        if found.is_known:
            if os.fstat(fd).st_size != found.size:
                os.ftruncate(fd, found.size)  # the last record was cut short
            self._has_chunks = found.has_chunks
        return found.is_known


_NO_LOCKS: Final = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""What file systems without locks say, as some of a network do."""
