"""A disk that takes no more: senders are told, nobody gets what was not stored, and it works again when it can."""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path
from typing import Collection, Iterator

import pytest

from messenger.server import Server
from tests.conftest import Connect, ServeProcess
from tests.support.files import log_rows, name_of


class FullDisk:
    """Writing to the files named in `full` fails."""

    def __init__(self) -> None:
        self.full: Collection[str] = ()
        self._write = os.write

    def write(self, fd: int, data: bytes) -> int:
        if name_of(fd) in self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._write(fd, data)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[FullDisk]:
    full_disk = FullDisk()
    monkeypatch.setattr(os, "write", full_disk.write)
    yield full_disk
    full_disk.full = ()


@pytest.mark.parametrize("full", ["messagelog.txt", "club_messagelog.txt"])
def test_a_message_that_cannot_be_stored_is_refused_and_uses_no_number(
    server: Server, connect: Connect, data_dir: Path, disk: FullDisk, full: str
) -> None:
    hans, yoda = connect(server.port, "Hans"), connect(server.port, "Yoda")
    yoda.ask("creategroup", group="club", users=["Hans"])
    assert hans.barrier()[0]["type"] == "invited"
    hans.ask("joingroup", group="club")
    yoda.ask("groupmsg", group="club", text="before")
    disk.full = {full}
    assert yoda.ask("groupmsg", group="club", text="lost")["code"] == "not_stored"
    disk.full = ()
    assert yoda.ask("groupmsg", group="club", text="after")["number"] == 2
    assert [event["text"] for event in hans.barrier()] == ["before", "after"]
    assert log_rows(data_dir / "messagelog.txt") == [["1", "club", "before"], ["2", "club", "after"]]
    assert log_rows(data_dir / "club_messagelog.txt") == [["1", "Yoda", "before"], ["2", "Yoda", "after"]]


def test_every_request_of_a_batch_that_cannot_be_stored_is_answered_in_order(
    server: Server, connect: Connect, disk: FullDisk
) -> None:
    hans, yoda = connect(server.port, "Hans"), connect(server.port, "Yoda")
    disk.full = {"messagelog.txt"}
    lines = [f'{{"type":"msgto","id":{n},"user":"Hans","text":"x"}}\n' for n in (1, 2, 3)]
    yoda.send_bytes("".join([*lines[:2], '{"type":"ping","id":9}\n', lines[2]]).encode())
    replies = [yoda.read() for _ in range(4)]
    assert [(reply["id"], reply.get("code")) for reply in replies] == [
        (1, "not_stored"), (2, "not_stored"), (9, None), (3, "not_stored"),
    ]  # fmt: skip
    assert hans.barrier() == []


def test_on_a_full_disk_people_still_come_see_each_other_and_go(
    server: Server, connect: Connect, disk: FullDisk
) -> None:
    disk.full = {"messagelog.txt", "activitylog.txt", ".userlog.txt.new"}
    hans, yoda = connect(server.port, "Hans"), connect(server.port, "Yoda")
    assert yoda.ask("msgto", user="Hans", text="x")["code"] == "not_stored"
    assert [user["name"] for user in yoda.ask("activeuser")["users"]] == ["Hans"]
    assert yoda.ask("logout")["type"] == "goodbye"
    assert hans.ask("activeuser")["users"] == []


def test_a_log_that_may_not_grow_refuses_messages_until_it_may(serve_process: ServeProcess, connect: Connect) -> None:
    """The same with a limit of the operating system, in which a write is cut short before it fails."""
    served = serve_process()
    hans, yoda = connect(served.port, "Hans"), connect(served.port, "Yoda")
    for number in range(1, 9):
        assert yoda.ask("msgto", user="Hans", text=str(number) * 1000)["number"] == number
    size = (served.data_dir / "messagelog.txt").stat().st_size
    resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (size + 100, resource.RLIM_INFINITY))
    assert yoda.ask("msgto", user="Hans", text="long" * 100)["code"] == "not_stored"
    assert yoda.ask("msgto", user="Hans", text="short")["number"] == 9
    assert yoda.ask("msgto", user="Hans", text="long" * 100)["code"] == "not_stored"
    resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert yoda.ask("msgto", user="Hans", text="again")["number"] == 10
    assert [event["text"] for event in hans.barrier()][-2:] == ["short", "again"]
    assert [row[2] for row in log_rows(served.data_dir / "messagelog.txt")][-2:] == ["short", "again"]
    assert served.end() == 0
