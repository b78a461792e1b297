"""The files of a data directory: message logs, userlog, activity, the groups that outlive a restart, and the lock.

A batch is written before anything of it is delivered or acknowledged, with one write a file. The group logs come
first and messagelog.txt last: when any write fails, all are taken back and the batch counts as not stored.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections import OrderedDict
from pathlib import Path
from typing import Dict, Final, Iterable, List, Set

import msgspec

from messenger.chat.state import Group, GroupRecord, Session, State
from messenger.errors import ConfigError, StorageError
from messenger.server.logfile import LogFile

LOCK_FILE: Final = ".messenger.lock"
OPEN_GROUP_LOGS_MAX: Final = 64
"""Group logs that are kept open; of more, the one written longest ago is closed."""

_log = logging.getLogger(__name__)


class Journal:
    """All files of one data directory, which it locks; raises `ConfigError` if another server has it."""

    def __init__(self, folder: Path, durable: bool) -> None:
        self._folder = folder
        self._durable = durable
        self._group_logs: OrderedDict[str, LogFile] = OrderedDict()
        self.unsynced: Set[LogFile] = set()
        """Message logs with lines that have not been synced to the disk; only filled when durable."""
        self._lock = _lock(folder)
        try:
            self._messages = LogFile(folder / "messagelog.txt")
            self._activity = LogFile(folder / "activitylog.txt")
        except StorageError as error:
            os.close(self._lock)
            raise ConfigError(str(error)) from error
        self.write_userlog(())

    def load_state(self, users: frozenset[str]) -> State:
        """Return the state that the files keep: last numbers, groups and memberships."""
        state = State(users, self._messages.last_number, self._activity.last_number)
        path = self._folder / "groups.json"
        try:
            records = msgspec.json.decode(path.read_bytes(), type=List[GroupRecord])
        except FileNotFoundError:
            records = []
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigError(f"{path} cannot be read ({error}); move it away to start without groups") from None
        for record in records:
            try:
                number = self._group_log(record.name).last_number
            except StorageError as error:
                raise ConfigError(str(error)) from error
            self._close_oldest()
            state.add_group(Group(record.name, record.members, set(record.joined), number))
        return state

    def write_messages(self, lines: List[str], group_lines: Dict[str, List[str]]) -> None:
        """Append a batch to the group logs and to messagelog.txt; raises `StorageError` and leaves none of it."""
        done = []
        try:
            for group, its_lines in group_lines.items():
                data = "".join(its_lines).encode()
                log = self._group_log(group)
                log.append(data)
                done.append((log, len(data)))
            self._messages.append("".join(lines).encode())
        except StorageError as error:
            for log, length in done:
                log.undo(length)
            _log.error("messages refused: %s", error)
            raise
        if self._durable:
            self.unsynced.add(self._messages)
            self.unsynced.update(log for log, _ in done)
        self._close_oldest()

    def write_activity(self, lines: List[str]) -> None:
        """Append to activitylog.txt; a failure is told in the diagnostics only."""
        try:
            self._activity.append("".join(lines).encode())
        except StorageError as error:
            _log.error("%d lines missing: %s", len(lines), error)

    def write_userlog(self, sessions: Iterable[Session]) -> bool:
        """Replace userlog.txt: one line for each user who is online, in the order of logins. False if it failed."""
        lines = [f"{n}; {s.since}; {s.name}; {s.address}; {s.udp_port}\n" for n, s in enumerate(sessions, 1)]
        return self._replace("userlog.txt", "".join(lines).encode(), False)

    def write_groups(self, records: List[GroupRecord]) -> bool:
        """Replace the file that keeps groups and memberships. False if it failed."""
        return self._replace("groups.json", msgspec.json.format(msgspec.json.encode(records)) + b"\n", self._durable)

    def create_group_log(self, group: str) -> int:
        """Create the log of a new group and return its last number: 0, unless such a file was there already."""
        number = self._group_log(group).last_number
        if self._durable:
            _sync_folder(self._folder)
        self._close_oldest()
        return number

    def close(self) -> None:
        """Empty userlog.txt, put everything on the disk, and give the directory free."""
        self.write_userlog(())
        for log in (self._messages, self._activity, *self._group_logs.values()):
            try:
                log.sync()
            except StorageError as error:
                _log.error("%s", error)
            log.close()
        os.close(self._lock)

    def _group_log(self, group: str) -> LogFile:
        log = self._group_logs.get(group)
        if log is None:
            log = self._group_logs[group] = LogFile(self._folder / f"{group}_messagelog.txt")
        else:
            self._group_logs.move_to_end(group)
        return log

    def _close_oldest(self) -> None:
        """Keep few group logs open; never called while a batch could still be taken back."""
        while len(self._group_logs) > OPEN_GROUP_LOGS_MAX:
            name, oldest = self._group_logs.popitem(last=False)
            try:
                if self._durable:
                    oldest.sync()  # nobody can do so once it is closed
            except StorageError as error:
                self._group_logs[name] = oldest
                _log.error("%s", error)
                return
            oldest.close()

    def _replace(self, name: str, data: bytes, sync: bool) -> bool:
        temporary = self._folder / f".{name}.new"
        try:
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            with open(fd, "wb", buffering=0) as file:
                if file.write(data) != len(data):
                    raise OSError(0, "short write")
                if sync:
                    os.fsync(fd)
            os.replace(temporary, self._folder / name)
            if sync:
                _sync_folder(self._folder)
        except OSError as error:
            _log.error("cannot replace %s: %s", name, error.strerror)
            return False
        return True


def _lock(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fd = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise ConfigError(f"cannot use the data directory {folder.resolve()}: {error.strerror}") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise ConfigError(
            f"another server is running on the data directory {folder.resolve()}: stop it, or choose another --data-dir"
        ) from None
    return fd


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
