"""Which offers are taken: how many at a time, from whom, of what size."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any, Iterator, List, Optional

import pytest

from messenger.config import FileConfig
from messenger.peer import asked, transfers
from messenger.peer.handle import TransferEnded
from messenger.peer.part import PartFile
from messenger.protocol.messages import Answer
from messenger.transfer.geometry import CHUNK_SIZE, SIZE_MAX
from tests.peer.conftest import Enter, offered
from tests.peer.endings import Gate, failure


def test_files_that_have_arrived_take_no_place_from_those_that_come(
    enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many small ones in a row: each is still known for a while, in case its sender asks for the receipt."""
    monkeypatch.setattr(transfers, "INCOMING_MAX", 1)
    yoda, hans = enter("Yoda"), enter("Hans")
    for number in range(3):
        yoda.client.send_file("Hans", yoda.make(f"{number}.bin", 100)).result(10)
    assert len(hans.received()) == 3


@pytest.mark.parametrize("word", ["all", "ask", "none"])
def test_a_user_whose_name_is_a_word_of_the_setting_is_no_exception_from_it(tmp_path: Path, word: str) -> None:
    config = FileConfig(accept=word, download_dir=tmp_path)
    assert [config.accepts(user) for user in ("Yoda", "all", "ask", "none")] == [word == "all"] * 4


def test_the_users_who_are_named_are_accepted() -> None:
    config = FileConfig(accept="Leia,Yoda")
    assert [config.accepts(user) for user in ("Leia", "Yoda", "Leia,Yoda", "Hans", "")] == [True, True] + [False] * 3


@pytest.mark.parametrize(("setting", "told"), [(None, SIZE_MAX), (10**18, SIZE_MAX), (999, 999)])
def test_a_file_that_is_too_large_is_refused_for_that_reason(enter: Enter, setting: Optional[int], told: int) -> None:
    hans = enter("Hans", max_receive_size=setting)
    hans.files.take(offered(size=told + 1))
    ended = hans.wait_for(TransferEnded)
    assert (ended.code, ended.message) == ("too_large", f"Hans receives at most {told} bytes")


def test_who_cancels_while_it_is_checked_what_is_there_gives_one_answer(
    enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what was closed is not read any more: its number may be that of another file by then."""
    yoda, hans = enter("Yoda"), enter("Hans")
    read: List[bool] = []
    answers: List[Any] = []
    submit = hans.files._signals._submit

    def check(part: PartFile) -> Iterator[None]:
        for _ in range(2):
            read.append(part._is_open)
            hans.files.list()[0].cancel()
            yield None
        raise OSError(errno.EBADF, "Bad file descriptor")

    def count(kind: type, **fields: Any) -> Any:
        answers.extend([kind] if kind is Answer else [])
        return submit(kind, **fields)

    monkeypatch.setattr(PartFile, "check", check)
    monkeypatch.setattr(hans.files._signals, "_submit", count)
    assert failure(yoda.client.send_file("Hans", yoda.make("a.bin", 1000))) == ("refused", "Hans does not want it")
    yoda.client.close()
    hans.client.close()
    assert read == [True]
    assert answers == [Answer]


def test_room_that_was_promised_to_one_file_is_not_given_to_another(
    enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    yoda, leia, hans = enter("Yoda"), enter("Leia"), enter("Hans")
    fields = [*os.statvfs(hans.inbox)]
    fields[0], fields[1], fields[4] = 512, 512, (80 * CHUNK_SIZE + asked.SPACE_LEFT) // 512
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(fields))
    gate = Gate(monkeypatch, chunk=50)
    first = yoda.client.send_file("Hans", yoda.make("a.bin", 60 * CHUNK_SIZE))
    gate.wait()
    path = leia.make("b.bin", 75 * CHUNK_SIZE)
    assert failure(leia.client.send_file("Hans", path)) == ("no_space", "Hans has not enough space on the disk")
    gate.open()
    first.result(10)
    leia.client.send_file("Hans", path).result(10)
    assert hans.received()["Leia_b.bin"] == path.read_bytes()
