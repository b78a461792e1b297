"""How a whole file gets its name and its part goes, without overwriting anything; and what a kill leaves of that.

The part gets the final name as a second one, then map and part are removed. Who is killed in between leaves both
names of one file: `find_placed` ends that. Where there are no hard links, the part is renamed by a call that does not
overwrite; where there is not even that, an empty file holds the name first, and a kill in between leaves it there.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from pathlib import Path
from typing import Final, Iterator, Optional

from messenger.transfer.naming import base_name, stored_names

PART_ENDING: Final = ".part"
MAP_ENDING: Final = ".part.map"

CREATE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
REOPEN: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK

_NO_LINKS: Final = (errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOSYS, errno.EOPNOTSUPP)
"""What file systems without hard links say."""

_NO_RENAMES: Final = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
"""What those say that cannot but overwrite."""

_NO_FLUSH: Final = (errno.EINVAL, errno.EACCES)
"""What file systems say that flush no folders, and folders that may be written but not read."""

_FROM_HERE, _NO_REPLACE = -100, 1  # AT_FDCWD, RENAME_NOREPLACE


def place(part: Path, names: Iterator[str]) -> Path:
    """Give a part the first of these names that nothing has, in its folder; its map goes. Raises OSError."""
    for name in names:
        target = part.with_name(name)
        try:
            os.link(part, target, follow_symlinks=False)
            # The map first: once the part is gone, another transfer may make both anew.
            remove(map_of(part))
            remove(part)
            return target
        except FileExistsError:
            continue
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
        if os.path.lexists(target):
            continue
        remove(map_of(part))
        try:
            if not _rename(part, target):
                os.close(os.open(target, CREATE, 0o600))
                os.replace(part, target)
            return target
        except FileExistsError:
            continue
    raise FileExistsError(17, "too many files of this name")


def find_placed(folder: Path, sender: str, name: str, size: int) -> Optional[Path]:
    """Return a file of this name and size that has its place but was a part still when a program was killed; what was
    left of the part is removed."""
    for stored in stored_names(base_name(sender), name, room=len(MAP_ENDING)):
        part = folder / (stored + PART_ENDING)
        try:
            fd = os.open(part, REOPEN)
        except FileNotFoundError:
            return None
        except OSError:
            continue  # a link, a folder: not ours
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            state = os.fstat(fd)
            if is_own(state, names=2) and state.st_size == size:
                for target in (folder / one for one in stored_names(base_name(sender), name)):
                    if _is_at(target, state):
                        remove(map_of(part))
                        remove(part)
                        return target
        except OSError:
            continue  # in use
        finally:
            close(fd)
    return None


def flush_folder(folder: Path) -> None:
    """Have new names on the disk, as far as that can be asked for here."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            close(fd)
    except OSError as error:
        if error.errno not in _NO_FLUSH:
            raise


def map_of(part: Path) -> Path:
    """Return where the map of a part is."""
    return part.with_name(part.name + ".map")


def is_own(state: os.stat_result, names: int = 1) -> bool:
    """Tell whether this is a regular file of this user with so many names."""
    return stat.S_ISREG(state.st_mode) and state.st_nlink == names and state.st_uid == os.geteuid()


def close(fd: int) -> None:
    """Close a file, of which what was to be on the disk was flushed before."""
    with contextlib.suppress(OSError):  # closed it is
        os.close(fd)


def remove(path: Path) -> None:
    """Remove a file."""
    try:
        path.unlink()
    except OSError:
        pass  # gone already; or it stays, and opening it will say why


def _is_at(path: Path, state: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.lstat(), state)
    except OSError:
        return False


def _rename(part: Path, target: Path) -> bool:
    """Rename a file to what must not exist; False if that cannot be asked for here."""
    import ctypes

    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False  # not Linux, or an old libc
    if rename(_FROM_HERE, os.fsencode(part), _FROM_HERE, os.fsencode(target), _NO_REPLACE) == 0:
        return True
    code = ctypes.get_errno()
    if code not in _NO_RENAMES:
        raise OSError(code, os.strerror(code))
    return False
