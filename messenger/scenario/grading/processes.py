"""Processes of somebody else's program, in terminals of their own. Each leads a session of its own, so that
it and what it starts are reached by one signal, and nothing that it does holds up whoever drives it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Dict, Final, Iterator, List, Optional, Protocol

import pexpect

_TERMINAL_SIZE: Final = (50, 500)
"""Rows and columns: so wide that nobody folds lines."""
_READ_BYTES: Final = 65536
_PR_SET_CHILD_SUBREAPER: Final = 36
_GENERATIONS_MAX: Final = 1000


class Process(Protocol):
    """A process, from its start to its end."""

    @property
    def fd(self) -> int:
        """What it writes can be read here."""

    def poll(self) -> Optional[int]:
        """Return its exit status once it has ended (killed by a signal: 128 and its number), None before."""

    def write(self, data: bytes) -> int:
        """Give it input; returns how much it has taken, which may be nothing."""

    def end_input(self) -> None:
        """Tell it that no more input comes."""

    def hold(self, is_held: bool) -> None:
        """Pause its terminal, so that whatever it writes makes it wait, or let it go on."""

    def signal(self, number: int) -> None:
        """Send a signal to it and to what it has started."""

    def close(self) -> None:
        """End it at once."""


class InTerminal:
    """A process in a terminal of its own, which echoes what is typed, as terminals do."""

    def __init__(self, command: List[str], folder: Path, environment: Dict[str, str]) -> None:
        self._child = pexpect.spawn(
            command[0], command[1:], cwd=str(folder), env=environment, dimensions=_TERMINAL_SIZE, timeout=None
        )
        self.fd = int(self._child.child_fd)
        os.set_blocking(self.fd, False)

    def poll(self) -> Optional[int]:
        """See `Process`."""
        if self._child.isalive():
            return None
        killed, status = self._child.signalstatus, self._child.exitstatus
        return 128 + int(killed) if killed else int(status)

    def write(self, data: bytes) -> int:
        """See `Process`."""
        return _write(self.fd, data)

    def end_input(self) -> None:
        """See `Process`."""
        self.write(b"\x04")

    def hold(self, is_held: bool) -> None:
        """See `Process`."""
        self.write(b"\x13" if is_held else b"\x11")  # Ctrl-S and Ctrl-Q

    def signal(self, number: int) -> None:
        """See `Process`."""
        _signal_group(int(self._child.pid), number)

    def close(self) -> None:
        """See `Process`."""
        self.signal(signal.SIGKILL)
        self._child.ptyproc.delayafterclose = 0
        if self._child.isalive():
            self._child.wait()
        self._child.close()


class Offspring:
    """All that this process starts from now on, with what that starts, be it in a session of its own.

    On Linux, whoever loses its parent becomes a child of this process. Elsewhere who has left its session is let go.
    """

    def __init__(self) -> None:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._others = set(_children())

    def end(self) -> None:
        """Kill those that are left, generation by generation."""
        for _ in range(_GENERATIONS_MAX):
            left = set(_children()) - self._others
            if not left:
                return
            for pid in left:
                with suppress(ProcessLookupError, ChildProcessError):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)


def read_available(fd: int) -> Optional[bytes]:
    """Return what there is to be read, nothing if that is nothing now, and None if nothing more comes."""
    try:
        return os.read(fd, _READ_BYTES) or None
    except BlockingIOError:
        return b""
    except OSError:  # a terminal tells so that nobody has it open any more
        return None


def _write(fd: int, data: bytes) -> int:
    try:
        return os.write(fd, data)
    except BlockingIOError:
        return 0
    except OSError:
        return len(data)  # it has ended, and what it has shown tells why


def _children() -> Iterator[int]:
    """Yield the processes whose parent this one is, as far as the system tells."""
    me = str(os.getpid())
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            if path.read_text(errors="replace").rpartition(")")[2].split()[1] == me:
                yield int(path.parent.name)


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        pass  # all of it has ended
