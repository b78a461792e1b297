"""One log file: whole lines or nothing, and a start that never reuses a number."""

from __future__ import annotations

import logging
import os
import stat
import threading
from pathlib import Path
from typing import Final, Optional, Tuple

from messenger.errors import StorageError

_log = logging.getLogger(__name__)

_TAIL_BYTES: Final = 256 * 1024
"""How much of a file's end is searched for its last number; the longest line has under 4.3 KB."""


class LogFile:
    """An append-only file of numbered lines, opened once.

    A torn last line (the process or machine died while writing it) is moved to `NAME.torn` when the file is opened,
    so that the next line cannot be glued to it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            self._fd = os.open(path, flags, 0o600)
        except OSError as error:
            raise StorageError(f"cannot open {path}: {error.strerror}") from error
        try:
            if not stat.S_ISREG(os.fstat(self._fd).st_mode):
                raise StorageError(f"{path} is not a regular file")
            self._size, self.last_number = self._recover()
        except OSError as error:
            os.close(self._fd)
            raise StorageError(f"cannot read {path}: {error.strerror}") from error
        except StorageError:
            os.close(self._fd)
            raise
        self._torn = False
        self._descriptor = threading.Lock()

    def append(self, data: bytes) -> None:
        """Append whole lines; when that fails nothing of them stays in the file, and `StorageError` is raised."""
        try:
            if self._torn:
                self.undo(0)
            written = os.write(self._fd, data)
            while written < len(data):
                written += os.write(self._fd, data[written:])
        except OSError as error:
            self._torn = True
            self.undo(0)
            raise StorageError(f"cannot write {self.path}: {error.strerror}") from error
        self._size += len(data)

    def undo(self, length: int) -> None:
        """Take the last `length` bytes back, and whatever a failed write left behind them."""
        self._size -= length
        try:
            os.ftruncate(self._fd, self._size)
            self._torn = False
        except OSError:
            self._torn = True  # tried again before the next line

    def sync(self) -> None:
        """Return when what was appended is on the disk; raises `StorageError`. Any thread may call."""
        with self._descriptor:
            if self._fd < 0:
                return  # it was synced before it was closed
            try:
                os.fdatasync(self._fd)
            except OSError as error:
                raise StorageError(f"cannot sync {self.path}: {error.strerror}") from error

    def close(self) -> None:
        """Close the file, when no other thread syncs it any more."""
        with self._descriptor:
            os.close(self._fd)
            self._fd = -1

    def _recover(self) -> Tuple[int, int]:
        size = os.fstat(self._fd).st_size
        start = max(0, size - _TAIL_BYTES)
        tail = os.pread(self._fd, size - start, start)
        whole = tail.rfind(b"\n") + 1
        if whole < len(tail) and (whole or start == 0):
            self._set_aside(tail[whole:])
            size -= len(tail) - whole
            os.ftruncate(self._fd, size)
        number = _last_number(tail[:whole])
        if number is None:
            number = self._count_lines(size)
        return size, number

    def _set_aside(self, torn: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(self.path.with_name(self.path.name + ".torn"), flags, 0o600)
        try:
            os.write(fd, torn + b"\n")
            _log.warning("%s: a torn last line was moved to %s.torn", self.path, self.path.name)
        finally:
            os.close(fd)

    def _count_lines(self, size: int) -> int:
        lines = 0
        for start in range(0, size, _TAIL_BYTES):
            lines += os.pread(self._fd, _TAIL_BYTES, start).count(b"\n")
        return lines


def _last_number(block: bytes) -> Optional[int]:
    """Return the number that the last numbered line begins with; None if none does."""
    for line in reversed(block.split(b"\n")):
        number = line.partition(b"; ")[0]
        if number.isdigit() and len(number) < 19:
            return int(number)
    return None
