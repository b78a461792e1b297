"""The place where a file is received: never anything that is somebody else's."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import Callable, Dict, List

import pytest

from messenger.errors import StorageError
from messenger.peer import placing
from messenger.peer.part import PartFile
from tests.peer.parts import CONTENT, SIZE, claims_of, contents, interrupted, open_part, receive
from tests.support.files import name_of, open_descriptors


def test_a_whole_file_gets_its_name_and_nothing_else_stays(tmp_path: Path) -> None:
    part = open_part(tmp_path)
    receive(part, [5, 4, 3, 2, 1, 0])
    assert part.finish() == tmp_path / "Yoda_a.bin"
    assert contents(tmp_path) == {"Yoda_a.bin": CONTENT}


def test_existing_names_get_a_number(tmp_path: Path) -> None:
    (tmp_path / "Yoda_a.bin").write_bytes(b"mine")
    (tmp_path / "Yoda_a (1).bin").mkdir()
    (tmp_path / "Yoda_a (2).bin").symlink_to(tmp_path / "nowhere")
    part = open_part(tmp_path)
    receive(part, list(range(6)))
    assert part.finish() == tmp_path / "Yoda_a (3).bin"
    assert (tmp_path / "Yoda_a.bin").read_bytes() == b"mine"
    assert (tmp_path / "Yoda_a (3).bin").read_bytes() == CONTENT
    assert not (tmp_path / "nowhere").exists()


def folder_in_the_way(path: Path, outside: Path) -> None:
    path.mkdir()


def link_in_the_way(path: Path, outside: Path) -> None:
    path.symlink_to(outside)


def dangling_link_in_the_way(path: Path, outside: Path) -> None:
    path.symlink_to(outside.with_name("not there"))


def hard_link_in_the_way(path: Path, outside: Path) -> None:
    os.link(outside, path)


def other_file_in_the_way(path: Path, outside: Path) -> None:
    path.write_bytes(b"notes of mine\n")


def pipe_in_the_way(path: Path, outside: Path) -> None:
    os.mkfifo(path)


IN_THE_WAY = [
    folder_in_the_way,
    link_in_the_way,
    dangling_link_in_the_way,
    hard_link_in_the_way,
    other_file_in_the_way,
    pipe_in_the_way,
]


@pytest.mark.parametrize("name", ["Yoda_a.bin.part", "Yoda_a.bin.part.map"])
@pytest.mark.parametrize("put", IN_THE_WAY)
def test_what_is_not_ours_is_neither_followed_nor_changed(
    tmp_path: Path, name: str, put: Callable[[Path, Path], None]
) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"precious")
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    put(inbox / name, outside)
    before = (inbox / name).lstat()
    part = open_part(inbox)
    receive(part, list(range(6)))
    assert (inbox / "Yoda_a (1).bin.part").exists()
    assert part.finish().read_bytes() == CONTENT
    after = (inbox / name).lstat()
    assert (after.st_ino, after.st_size, after.st_mode) == (before.st_ino, before.st_size, before.st_mode)
    assert {path.name for path in inbox.iterdir()} == {name, "Yoda_a.bin"}
    assert {path.name for path in tmp_path.iterdir()} == {"outside", "inbox"}
    assert outside.read_bytes() == b"precious"


def test_a_part_or_map_that_is_linked_elsewhere_is_not_gone_on_with(tmp_path: Path) -> None:
    """Both files are there and fit, but one of them is a link: writing to it would write to something else."""
    for ending in (".part", ".part.map"):
        inbox = tmp_path / ending
        inbox.mkdir()
        interrupted(inbox, [0, 1])
        moved = tmp_path / f"moved{ending}"
        (inbox / f"Yoda_a.bin{ending}").rename(moved)
        (inbox / f"Yoda_a.bin{ending}").symlink_to(moved)
        before = moved.read_bytes()
        part = open_part(inbox)
        assert claims_of(part).attempts == []
        receive(part, [0])
        part.discard()
        assert moved.read_bytes() == before
        assert (inbox / f"Yoda_a.bin{ending}").is_symlink()


@pytest.mark.parametrize(
    "other", [{"size": SIZE + 1}, {"sender": "Hans"}, {"name": "a.bi"}], ids=["size", "sender", "name"]
)
def test_the_part_of_another_file_is_left_alone(tmp_path: Path, other: Dict[str, object]) -> None:
    interrupted(tmp_path, [0, 1, 2])
    for ending in (".part", ".part.map"):  # as if the names collided
        wanted = {"sender": "Yoda", "name": "a.bin", **other}
        (tmp_path / f"Yoda_a.bin{ending}").rename(tmp_path / f"{wanted['sender']}_{wanted['name']}{ending}")
    before = contents(tmp_path)
    part = open_part(tmp_path, **other)  # type: ignore[arg-type]  # keywords of several types
    assert claims_of(part).attempts == []
    part.keep()
    assert contents(tmp_path) == before


def test_a_part_that_is_being_received_is_left_alone(tmp_path: Path) -> None:
    first = open_part(tmp_path)
    receive(first, [0, 1])
    second = open_part(tmp_path)
    receive(second, list(range(6)))
    assert second.finish() == tmp_path / "Yoda_a.bin"
    receive(first, list(range(6)))
    assert first.finish() == tmp_path / "Yoda_a (1).bin"
    assert contents(tmp_path) == {"Yoda_a.bin": CONTENT, "Yoda_a (1).bin": CONTENT}


def test_a_part_that_becomes_the_file_while_it_is_looked_at_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One transfer finishes between another's opening of the same part and its lock."""
    first = open_part(tmp_path)
    receive(first, list(range(6)))
    flock = fcntl.flock

    def finish_first(fd: int, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        first.finish()
        flock(fd, how)

    monkeypatch.setattr(fcntl, "flock", finish_first)
    second = open_part(tmp_path)
    receive(second, [])
    assert (tmp_path / "Yoda_a.bin").read_bytes() == CONTENT
    second.discard()
    assert contents(tmp_path) == {"Yoda_a.bin": CONTENT}


def test_who_takes_over_the_name_of_a_part_keeps_its_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One transfer begins at each step by which another one ends."""
    others: List[PartFile] = []
    remove = placing.remove

    def remove_and_begin(path: Path) -> None:
        remove(path)
        others.append(open_part(tmp_path))

    first = open_part(tmp_path)
    receive(first, list(range(6)))
    with monkeypatch.context() as patched:
        patched.setattr(placing, "remove", remove_and_begin)
        first.finish()
    assert len(others) == 2
    for other in others:
        receive(other, list(range(6)))
        assert other.finish().read_bytes() == CONTENT
    assert len(contents(tmp_path)) == 3


@pytest.mark.parametrize("stem", ["ü" * 150, "a" * 250 + ".tar", "x" + "\U0001f600" * 64], ids=len)
def test_names_of_the_greatest_length_are_cut_and_get_a_number_all_the_same(tmp_path: Path, stem: str) -> None:
    name = stem.encode()[:255].decode("utf-8", "ignore")
    for number in range(2):
        part = open_part(tmp_path, name)
        receive(part, list(range(6)))
        path = part.finish()
        assert 200 < len(path.name.encode()) <= 255
        assert ("(1)" in path.name) == bool(number)
        assert path.read_bytes() == CONTENT
    assert len(contents(tmp_path)) == 2


@pytest.mark.parametrize("can_rename", [True, False])
@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK])
def test_a_file_system_without_hard_links_gets_the_whole_file_and_nothing_is_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, can_rename: bool
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", refuse)
    if not can_rename:
        monkeypatch.setattr(placing, "_rename", lambda *_: False)
    (tmp_path / "Yoda_a.bin").symlink_to(tmp_path / "nowhere")
    part = open_part(tmp_path)
    receive(part, list(range(6)))
    assert part.finish() == tmp_path / "Yoda_a (1).bin"
    assert (tmp_path / "Yoda_a (1).bin").read_bytes() == CONTENT
    assert {path.name for path in tmp_path.iterdir()} == {"Yoda_a.bin", "Yoda_a (1).bin"}
    assert not (tmp_path / "nowhere").exists()


def test_a_sender_named_by_a_hostile_server_leads_nowhere_else(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    part = open_part(inbox, sender="../../x/../y")
    receive(part, list(range(6)))
    assert part.finish() == inbox / "y_a.bin"


def test_a_folder_that_is_gone_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot write into"):
        open_part(tmp_path / "gone")


def test_a_descriptor_that_cannot_be_closed_does_not_keep_the_other_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NFS tells so late that the disk is full."""
    part = open_part(tmp_path)
    receive(part, list(range(6)))
    close = os.close

    def close_and_complain(fd: int) -> None:
        close(fd)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = open_descriptors()
    with monkeypatch.context() as patched:
        patched.setattr(os, "close", close_and_complain)
        assert part.finish().read_bytes() == CONTENT
    assert open_descriptors() == before - 2


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_gets_whole_files_and_keeps_no_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """A file gets there, but nothing is kept of one that does not: nobody could know whether it is in use."""

    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    part = open_part(tmp_path)
    receive(part, list(range(6)))
    assert part.finish() == tmp_path / "Yoda_a.bin"
    interrupted(tmp_path, [0, 1])
    assert contents(tmp_path) == {"Yoda_a.bin": CONTENT}


def test_what_stands_there_without_a_lock_is_not_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(tmp_path, [0, 1])
    before = contents(tmp_path)

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    part = open_part(tmp_path)
    assert claims_of(part).attempts == []
    part.keep()
    assert contents(tmp_path) == before


def test_a_lock_that_fails_for_another_reason_is_a_storage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StorageError, match="cannot write into the download folder: Input/output error"):
        open_part(tmp_path)
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("code", [0, errno.EINVAL, errno.EACCES])
def test_the_name_of_a_file_is_on_the_disk_before_it_is_called_delivered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Or nobody could tell: some file systems know no such thing for folders."""
    flushed: List[str] = []
    fsync = os.fsync

    def note_and_flush(fd: int) -> None:
        name = name_of(fd)
        flushed.append(name)
        if name == tmp_path.name:
            assert (tmp_path / "Yoda_a.bin").exists()
            if code:
                raise OSError(code, os.strerror(code))
        fsync(fd)

    part = open_part(tmp_path)
    receive(part, list(range(6)))
    before = open_descriptors()
    monkeypatch.setattr(os, "fsync", note_and_flush)
    part.finish()
    assert flushed == ["Yoda_a.bin.part", tmp_path.name]
    assert open_descriptors() == before - 2
