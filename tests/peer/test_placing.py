"""What is left when a program is killed while a whole file gets its name, and how that is put in order."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any, List

import pytest

from messenger.peer import placing
from messenger.peer.handle import TransferDone
from messenger.peer.placing import find_placed
from tests.peer.conftest import Enter
from tests.peer.parts import CONTENT, SIZE, contents, interrupted, open_part, receive

WHOLE = list(range(6))


def killed_at(folder: Path, removed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave what a program leaves that was killed when it had removed so many of map and part."""
    done: List[Path] = []

    def remove(path: Path) -> None:
        if len(done) < removed:
            path.unlink()
        done.append(path)

    part = open_part(folder)
    receive(part, WHOLE)
    with monkeypatch.context() as patched:
        patched.setattr(placing, "remove", remove)
        part.finish()


@pytest.mark.parametrize("removed", [0, 1])
def test_a_file_that_has_its_name_loses_what_is_left_of_its_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, removed: int
) -> None:
    killed_at(tmp_path, removed, monkeypatch)
    assert len(contents(tmp_path)) == 3 - removed
    assert find_placed(tmp_path, "Yoda", "a.bin", SIZE) == tmp_path / "Yoda_a.bin"
    assert contents(tmp_path) == {"Yoda_a.bin": CONTENT}
    assert find_placed(tmp_path, "Yoda", "a.bin", SIZE) is None


def test_it_is_found_under_any_of_its_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "Yoda_a.bin"
    mine.write_bytes(b"mine")
    killed_at(tmp_path, 0, monkeypatch)
    mine.unlink()
    assert find_placed(tmp_path, "Yoda", "a.bin", SIZE) == tmp_path / "Yoda_a (1).bin"
    assert contents(tmp_path) == {"Yoda_a (1).bin": CONTENT}


def test_a_part_with_another_name_elsewhere_stays_as_it_is(tmp_path: Path) -> None:
    interrupted(tmp_path, WHOLE)
    os.link(tmp_path / "Yoda_a.bin.part", tmp_path / "my copy")
    before = contents(tmp_path)
    assert find_placed(tmp_path, "Yoda", "a.bin", SIZE) is None
    assert contents(tmp_path) == before


def test_a_part_that_is_getting_its_name_at_this_moment_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_at(tmp_path, 0, monkeypatch)
    with open(tmp_path / "Yoda_a.bin.part", "rb") as part:
        fcntl.flock(part, fcntl.LOCK_EX)
        assert find_placed(tmp_path, "Yoda", "a.bin", SIZE) is None
    assert len(contents(tmp_path)) == 3


def test_who_sends_it_again_is_told_that_it_is_there(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a second copy nor a part stays."""
    yoda, hans = enter("Yoda"), enter("Hans")
    killed_at(hans.inbox, 0, monkeypatch)
    path = yoda.folder / "a.bin"
    path.write_bytes(CONTENT)
    sent = yoda.client.send_file("Hans", path)
    sent.result(10)
    assert sent.resumed == SIZE
    assert hans.wait_for(TransferDone).path == str(hans.inbox / "Yoda_a.bin")
    assert hans.received() == {"Yoda_a.bin": CONTENT}


def test_where_nothing_can_be_linked_a_kill_leaves_no_empty_file_under_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The part is renamed in one step, if the system can do that without overwriting."""

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    def kill(*_: Any) -> None:
        raise AssertionError("there is a moment at which something else has the name")

    probe = tmp_path / "probe"
    probe.touch()
    if not placing._rename(probe, tmp_path / "probed"):
        pytest.skip("this system cannot rename without overwriting")
    (tmp_path / "probed").unlink()
    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(os, "replace", kill)
    (tmp_path / "Yoda_a.bin").write_bytes(b"mine")
    part = open_part(tmp_path)
    receive(part, WHOLE)
    assert part.finish() == tmp_path / "Yoda_a (1).bin"
    assert contents(tmp_path) == {"Yoda_a.bin": b"mine", "Yoda_a (1).bin": CONTENT}


def test_a_rename_does_not_overwrite(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"one")
    other.write_bytes(b"other")
    try:
        placing._rename(one, other)
    except FileExistsError:
        pass
    assert (one.read_bytes(), other.read_bytes()) == (b"one", b"other")
