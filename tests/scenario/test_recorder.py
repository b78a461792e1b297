"""The file of a recording: whole lines at any time, for its owner only, and what goes wrong is told once."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import List

import pytest

from messenger.chat.rules import Rules
from messenger.config import ChatConfig, FileConfig, ServerConfig
from messenger.errors import ConfigError
from messenger.protocol.messages import GroupMessage, Invited, Message, Welcome
from messenger.scenario.parser import parse
from messenger.scenario.recorder import ClientRecorder, ScenarioFile
from messenger.server import Server
from tests.support.files import write_credentials

TIME = "01 Jun 2022 21:30:04"


def names(folder: Path) -> List[str]:
    return [path.name for path in folder.iterdir()]


@pytest.fixture
def recorder(tmp_path: Path) -> ClientRecorder:
    """A recording in which Yoda has logged in."""
    recorder = ClientRecorder(ChatConfig("localhost", 1, FileConfig(), record=tmp_path / "a.scenario"))
    recorder.answered("Yoda", "comp9331")
    recorder.shown(Welcome(1, "Yoda", TIME))
    return recorder


def test_nobody_else_can_read_it(tmp_path: Path, recorder: ClientRecorder) -> None:
    recorder.shown(Invited("force", "Luke"))
    recorder.shown(GroupMessage("force", "Hans", "hi", TIME, 1))  # for which the file is written anew
    assert stat.S_IMODE((tmp_path / "a.scenario").stat().st_mode) == 0o600
    assert names(tmp_path) == ["a.scenario"]


def test_it_is_a_scenario_after_everything_that_happens(tmp_path: Path, recorder: ClientRecorder) -> None:
    for happens, last in (
        (Message("Hans", "hi", TIME, 1), "Yoda < {time}, Hans: hi"),
        (Invited("force", "Luke"), "Yoda < Luke invited you to the group force: /joingroup force"),
        (GroupMessage("force", "Leia", "hi", TIME, 2), "Yoda < {time}, force, Leia: hi"),
        (GroupMessage("force", "Hans", "ho", TIME, 3), "Yoda < {time}, force, Hans: ho"),
    ):
        recorder.shown(happens)
        text = (tmp_path / "a.scenario").read_text()
        parse(text, "a.scenario")
        assert text.endswith(f"\n{last}\n")
    assert "Luke > /creategroup force Yoda Leia Hans\n" in text


def test_a_file_that_exists_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.scenario").write_text("mine")
    with pytest.raises(ConfigError, match="exists already: name a new file"):
        ScenarioFile(tmp_path / "a.scenario")
    assert (tmp_path / "a.scenario").read_text() == "mine"


def test_a_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot record to .*: No such file or directory"):
        ScenarioFile(tmp_path / "nowhere" / "a.scenario")


def test_a_recording_of_nothing_leaves_no_file(tmp_path: Path) -> None:
    recorder = ClientRecorder(ChatConfig("localhost", 1, FileConfig(), record=tmp_path / "a.scenario"))
    recorder.ended(3)
    assert names(tmp_path) == []


def test_what_does_not_fit_on_the_disk_is_left_out_as_a_whole_and_told_once(
    tmp_path: Path, recorder: ClientRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: List[str] = []
    recorder.complain = told.append
    before = (tmp_path / "a.scenario").read_text()
    write = os.write

    def write_a_little(fd: int, data: bytes) -> int:
        if len(data) <= 10:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(fd, data[:10])

    monkeypatch.setattr(os, "write", write_a_little)
    recorder.shown(Message("Hans", "hi", TIME, 1))
    monkeypatch.setattr(os, "write", write)
    recorder.shown(Message("Hans", "there is room again", TIME, 2))
    recorder.ended(0)
    assert (tmp_path / "a.scenario").read_text() == before
    assert told == [f"the recording ends here: cannot write {tmp_path / 'a.scenario'}: No space left on device"]


def test_what_cannot_be_written_anew_stays_as_it_was(
    tmp_path: Path, recorder: ClientRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder.shown(Invited("force", "Luke"))
    before = (tmp_path / "a.scenario").read_text()

    def fail(*names: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "replace", fail)
    recorder.shown(GroupMessage("force", "Hans", "hi", TIME, 1))
    assert (tmp_path / "a.scenario").read_text() == before
    assert names(tmp_path) == ["a.scenario"]


def test_a_server_that_is_not_recorded_has_the_rules_as_they_are(tmp_path: Path) -> None:
    server = Server(ServerConfig(0, 3, ("127.0.0.1",), write_credentials(tmp_path / "credentials.txt"), tmp_path))
    with server:
        assert type(server._core.rules) is Rules
