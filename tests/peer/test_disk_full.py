"""A disk that is full: on one of its own, which is small."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Iterator

import pytest

from messenger.errors import StorageError
from messenger.peer import asked
from messenger.peer.handle import TransferEnded, TransferFailed
from messenger.transfer.geometry import CHUNK_SIZE
from messenger.transfer.sealing import CIPHERS, ChunkCipher
from tests.peer.conftest import Enter
from tests.peer.parts import claims_of, open_part, receive

DISK = 4 * 1024 * 1024


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 4 MiB."""
    if os.geteuid():
        pytest.skip("only root may mount a file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    with open(filler, "wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(bytes(4096))
    return filler


def test_a_chunk_that_does_not_fit_is_a_storage_error_and_the_others_stay(disk: Path) -> None:
    size = 40 * CHUNK_SIZE
    part = open_part(disk, size=size)
    with pytest.raises(StorageError, match=r"cannot write Yoda_a\.bin\.part: No space left on device"):
        receive(part, list(range(5)) * 8)
        for chunk in range(5, 40):
            part.write(chunk, memoryview(bytes(CHUNK_SIZE)), memoryview(bytes(16)))
    part.keep()
    assert claims_of(open_part(disk, size=size)).runs() == [(0, 5)]


def test_a_map_that_does_not_fit_is_a_storage_error_and_what_it_says_stays_true(disk: Path) -> None:
    part = open_part(disk)
    receive(part, [0, 1])
    part._write_map()
    filler = fill(disk)
    part._records.append(b"x" * 20_000)
    with pytest.raises(StorageError, match=r"Yoda_a\.bin\.part\.map"):
        part._write_map()
    part.keep()
    filler.unlink()
    assert claims_of(open_part(disk)).runs() == [(0, 2)]


def test_of_a_part_for_which_there_is_no_room_at_all_nothing_stays(disk: Path) -> None:
    fill(disk)
    part = open_part(disk)
    with pytest.raises(StorageError):
        part.begin(ChunkCipher(bytes(16), CIPHERS[0]), is_resumed=False)
    part.keep()
    assert [path.name for path in disk.iterdir()] == ["filler"]


def test_both_sides_are_told_of_a_full_disk_and_the_transfer_goes_on_when_there_is_room(
    enter: Enter, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yoda, hans = enter("Yoda"), enter("Hans", download_dir=disk)
    path = yoda.make("a.bin", 2 * DISK)
    monkeypatch.setattr(asked, "SPACE_LEFT", -10 * DISK)  # there seemed to be room
    failed = yoda.client.send_file("Hans", path)
    with pytest.raises(TransferFailed, match=r"Hans cannot store it: .*No space left on device") as caught:
        failed.result(10)
    assert caught.value.code == "write_failed"
    assert hans.wait_for(TransferEnded).code == "write_failed"
    assert {one.name for one in disk.iterdir()} == {"Yoda_a.bin.part", "Yoda_a.bin.part.map"}
    subprocess.run(["mount", "-o", f"remount,size={4 * DISK}", str(disk)], check=True)
    again = yoda.client.send_file("Hans", path)
    again.result(10)
    assert 0.5 * DISK < again.resumed <= DISK
    assert (disk / "Yoda_a.bin").read_bytes() == path.read_bytes()


def test_a_file_for_which_there_is_no_space_is_refused(enter: Enter, disk: Path) -> None:
    yoda, hans = enter("Yoda"), enter("Hans", download_dir=disk)
    with pytest.raises(TransferFailed, match="Hans has not enough space on the disk") as caught:
        yoda.client.send_file("Hans", yoda.make("a.bin", DISK)).result(10)
    assert caught.value.code == "no_space"
    assert hans.wait_for(TransferEnded).code == "no_space"
    assert list(disk.iterdir()) == []
