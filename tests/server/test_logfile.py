"""One log file: whole lines or nothing, and recovery at every byte of a torn line."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import List

import pytest

from messenger.errors import StorageError
from messenger.server.journal import OPEN_GROUP_LOGS_MAX, Journal
from messenger.server.logfile import LogFile
from tests.support.files import name_of, open_descriptors

WHOLE = b"1; 01 Jun 2022 21:30:04; Hans; a\n2; 01 Jun 2022 21:30:04; Hans; b; c\n"
LAST = "3; 01 Jun 2022 21:30:04; Hans; Grüße\n".encode()


@pytest.mark.parametrize("length", range(len(LAST) + 1))
def test_a_line_torn_at_any_byte_is_set_aside_and_the_numbers_go_on(tmp_path: Path, length: int) -> None:
    path = tmp_path / "log"
    path.write_bytes(WHOLE + LAST[:length])
    whole = length == len(LAST)
    log = LogFile(path)
    assert log.last_number == (3 if whole else 2)
    log.append(b"4; next\n")
    log.close()
    assert path.read_bytes() == WHOLE + (LAST if whole else b"") + b"4; next\n"
    torn = tmp_path / "log.torn"
    assert (torn.read_bytes() if torn.exists() else b"") == (b"" if whole or not length else LAST[:length] + b"\n")


def test_the_last_number_is_found_behind_a_long_log(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"%d; t; Hans; %s\n" % (n, b"x" * 4096) for n in range(1, 200)))
    log = LogFile(path)
    assert log.last_number == 199
    log.close()


def test_a_failed_write_leaves_nothing_and_the_next_one_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when a part of the line was written before the disk was full."""
    log = LogFile(tmp_path / "log")
    log.append(b"1; a\n")
    write = os.write
    results: List[int] = []

    def fill_up(fd: int, data: bytes) -> int:
        if results:
            raise OSError(errno.ENOSPC, "No space left on device")
        results.append(write(fd, data[:3]))
        return results[0]

    monkeypatch.setattr(os, "write", fill_up)
    with pytest.raises(StorageError, match="No space left"):
        log.append(b"2; b\n")
    assert (tmp_path / "log").read_bytes() == b"1; a\n"
    monkeypatch.setattr(os, "write", write)
    log.append(b"2; c\n")
    assert (tmp_path / "log").read_bytes() == b"1; a\n2; c\n"
    log.close()


def test_what_could_not_be_taken_back_at_once_is_taken_back_before_the_next_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = LogFile(tmp_path / "log")
    write = os.write

    written: List[int] = []

    def broken(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    def write_half(fd: int, data: bytes) -> int:
        if written:
            return broken()
        written.append(write(fd, data[:2]))
        return 2

    with monkeypatch.context() as patch:
        patch.setattr(os, "ftruncate", broken)
        patch.setattr(os, "write", write_half)
        with pytest.raises(StorageError):
            log.append(b"1; a\n")
    assert (tmp_path / "log").read_bytes() == b"1;"
    log.append(b"1; b\n")
    assert (tmp_path / "log").read_bytes() == b"1; b\n"
    log.close()


@pytest.mark.parametrize("kind", ["symlink", "folder", "fifo"])
def test_only_a_regular_file_is_a_log(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "log"
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    if kind == "symlink":
        path.symlink_to(target)
    elif kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    with pytest.raises(StorageError, match="log"):
        LogFile(path)
    assert target.read_bytes() == b"precious"


def test_a_batch_is_in_all_its_logs_or_in_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path, durable=False)
    journal.write_messages(["1; a\n"], {"g": ["1; a\n"], "h": ["1; a\n"]})
    write = os.write

    def refuse(fd: int, data: bytes) -> int:
        if name_of(fd) == "messagelog.txt":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(fd, data)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        with pytest.raises(StorageError):
            journal.write_messages(["2; b\n", "3; b\n"], {"g": ["2; b\n"], "h": ["2; b\n"]})
    journal.write_messages(["2; c\n"], {"g": ["2; c\n"]})
    journal.close()
    texts = {path.name: path.read_text() for path in tmp_path.glob("*messagelog.txt")}
    assert texts == {
        "messagelog.txt": "1; a\n2; c\n",
        "g_messagelog.txt": "1; a\n2; c\n",
        "h_messagelog.txt": "1; a\n",
    }


MANY = {f"g{n}": ["1; t; Hans; a\n"] for n in range(OPEN_GROUP_LOGS_MAX + 10)}


def test_a_failed_batch_is_taken_back_from_more_group_logs_than_are_kept_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, durable=False)
    write = os.write

    def refuse(fd: int, data: bytes) -> int:
        if name_of(fd) == "messagelog.txt":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(fd, data)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        with pytest.raises(StorageError):
            journal.write_messages(["1; t; g0; a\n"], MANY)
    journal.close()
    assert {path.name for path in tmp_path.glob("*_messagelog.txt") if path.read_bytes()} == set()


def test_more_group_logs_than_are_kept_open_are_all_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = set()
    fdatasync = os.fdatasync

    def watch(fd: int) -> None:
        synced.add(name_of(fd))
        fdatasync(fd)

    monkeypatch.setattr(os, "fdatasync", watch)
    journal = Journal(tmp_path, durable=True)
    journal.write_messages(["1; t; g0; a\n"], MANY)
    for log in journal.unsynced:
        log.sync()
    assert synced == {"messagelog.txt", *(f"{name}_messagelog.txt" for name in MANY)}
    journal.close()


def test_many_groups_need_few_descriptors(tmp_path: Path) -> None:
    journal = Journal(tmp_path, durable=False)
    before = open_descriptors()
    for number in range(1, 3 * OPEN_GROUP_LOGS_MAX):
        journal.write_messages([f"{number}; t; g; a\n"], {f"g{number}": ["1; t; Hans; a\n"]})
    assert open_descriptors() - before <= OPEN_GROUP_LOGS_MAX + 1
    journal.close()
    assert len(list(tmp_path.glob("g*_messagelog.txt"))) == 3 * OPEN_GROUP_LOGS_MAX - 1
