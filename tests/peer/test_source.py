"""A file that is being sent: refused for what it is, and given up when it changes, with the reason on both sides."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Callable

import pytest

from messenger.peer.handle import TransferEnded, TransferFailed
from messenger.peer.source import SourceFailed, SourceFile
from messenger.transfer.geometry import CHUNK_SIZE
from messenger.transfer.sealing import CIPHERS, ChunkCipher
from tests.peer.conftest import Enter

Change = Callable[[Path], None]


def test_what_is_no_file_is_named_with_the_reason(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    cases = {
        tmp_path: "cannot send .*: it is a folder",
        tmp_path / "pipe": "it is no regular file",
        Path("/dev/zero"): "it is no regular file",
        tmp_path / "missing": "missing: No such file or directory",
        tmp_path / "dangling": "No such file or directory",
        tmp_path / "a\0b": "no file has such a name",
        tmp_path / ("x" * 300): "File name too long",
    }
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are enough
    for path, reason in cases.items():
        with pytest.raises(SourceFailed, match=reason) as caught:
            SourceFile(path)
        assert caught.value.code == "read_failed"
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - as above


def test_what_may_not_be_read_is_named_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"x")
    path.chmod(0)
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)  # root may read everything
    try:
        with pytest.raises(SourceFailed, match="Permission denied") as caught:
            SourceFile(path)
    finally:
        os.seteuid(me)
    assert caught.value.code == "read_failed"


def test_a_link_is_sent_as_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    source = SourceFile(tmp_path / "link")
    assert bytes(source.read(0)) == b"content"
    source.close()


def test_nothing_is_read_after_the_end(tmp_path: Path) -> None:
    """The number of a closed descriptor may be that of any other file."""
    (tmp_path / "a").write_bytes(b"content")
    source = SourceFile(tmp_path / "a")
    source.begin(ChunkCipher(bytes(16), CIPHERS[0]), 0)
    source.close()
    with open(tmp_path / "a", "rb"), pytest.raises(SourceFailed):
        source.seal(0)


def cut(path: Path) -> None:
    os.truncate(path, 3 * CHUNK_SIZE + 1)


def grow(path: Path) -> None:
    with open(path, "ab") as file:
        file.write(b"more")


def change(path: Path) -> None:
    with open(path, "r+b") as file:
        file.write(b"other")
    os.utime(path, ns=(0, 0))  # were both in one tick of the clock, nobody could see the change


def cut_and_mend(path: Path) -> None:
    size = path.stat().st_size
    os.truncate(path, 0)
    os.truncate(path, size)
    os.utime(path, ns=(0, 0))


@pytest.mark.parametrize("spoil", [cut, grow, change, cut_and_mend])
def test_a_file_that_changes_on_its_way_is_not_delivered(
    enter: Enter, monkeypatch: pytest.MonkeyPatch, spoil: Change
) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    path = yoda.make("a.bin", 20 * CHUNK_SIZE)
    seal = SourceFile.seal
    spoiled = threading.Event()

    def seal_and_spoil(source: SourceFile, chunk: int) -> object:
        if chunk == 5:
            spoil(path)
            spoiled.set()
        return seal(source, chunk)

    monkeypatch.setattr(SourceFile, "seal", seal_and_spoil)
    sent = yoda.client.send_file("Hans", path)
    with pytest.raises(TransferFailed, match=r"a\.bin (changed|was cut) while it was being sent") as caught:
        sent.result(10)
    assert caught.value.code == "changed"
    assert spoiled.is_set()
    told = hans.wait_for(TransferEnded)
    assert (told.code, told.message) == ("changed", str(caught.value))
    assert hans.received() == {}


def test_a_device_error_is_told_without_the_path(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    path = yoda.make("a.bin", 20 * CHUNK_SIZE)
    preadv = os.preadv

    def fail_later(fd: int, buffers: object, offset: int) -> int:
        if offset == 5 * CHUNK_SIZE:
            raise OSError(5, "Input/output error")
        return preadv(fd, buffers, offset)  # type: ignore[arg-type]  # what it was given

    monkeypatch.setattr(os, "preadv", fail_later)
    with pytest.raises(TransferFailed) as caught:
        yoda.client.send_file("Hans", path).result(10)
    assert caught.value.code == "read_failed"
    told = hans.wait_for(TransferEnded)
    assert (told.code, told.message) == ("read_failed", "cannot read a.bin: Input/output error")
    assert set(hans.received()) <= {"Yoda_a.bin.part", "Yoda_a.bin.part.map"}


def test_a_name_that_is_no_text_is_offered_as_one(enter: Enter) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    path = Path(os.fsdecode(os.fsencode(yoda.folder) + b"/" + b"\xff" * 100 + b"\x1b.bin"))
    path.write_bytes(b"content")
    sent = yoda.client.send_file("Hans", path)
    sent.result(10)
    (name,) = hans.received()
    assert name.startswith("Yoda_<U+DCFF>")
    assert "\x1b" not in name


def test_a_failure_to_send_a_name_that_is_no_text_is_told(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    path = Path(os.fsdecode(os.fsencode(yoda.folder) + b"/\xff.bin"))
    path.write_bytes(os.urandom(10 * CHUNK_SIZE))
    monkeypatch.setattr(os, "fstat", lambda fd, fstat=os.fstat: _aged(fstat(fd)))
    with pytest.raises(TransferFailed) as caught:
        yoda.client.send_file("Hans", path).result(10)
    assert caught.value.code == "changed"
    assert hans.wait_for(TransferEnded).message == "<U+DCFF>.bin changed while it was being sent"


_looks = iter(range(1, 10**9))


def _aged(state: os.stat_result) -> os.stat_result:
    """Return a state with a time of change that is later each time."""

    class Aged:
        def __getattr__(self, name: str) -> object:
            return next(_looks) if name == "st_mtime_ns" else getattr(state, name)

    return Aged()  # type: ignore[return-value]  # looks like one
