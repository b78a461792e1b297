"""What may stand at the end of a half-typed line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import List, Tuple

import pytest

from messenger.client import completion
from messenger.client.completion import Names, complete
from messenger.peer.handle import Transfer
from messenger.protocol.messages import (
    Active,
    ActiveUserInfo,
    AnyEvent,
    Created,
    GroupMessage,
    Invited,
    Joined,
    Message,
    Welcome,
)

TIME = "01 Jun 2022 21:30:04"


@pytest.fixture
def names() -> Names:
    known = Names(lambda: ["Hans", "Obi-Wan", "Yoda"])
    known.learn(Created(1, "FORCE", ["Yoda", "Hans"]))
    known.learn(Invited("friends", "Leia"))
    return known


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("/m", ("/m", ["/msgto"])),
        ("/logo", ("/logo", ["/logout"])),
        ("/xyz", ("/xyz", [])),
        ("/M", ("/M", [])),
        ("/msgto ", ("", ["Hans", "Leia", "Obi-Wan", "Yoda"])),
        ("/msgto O", ("O", ["Obi-Wan"])),
        ("/msgto o", ("o", ["Obi-Wan"])),
        ("/msgto  Ha", ("Ha", ["Hans"])),
        ("/msgto Hans ", ("", [])),
        ("/msgto Hans Yo", ("", [])),
        ("/creategroup ", ("", ["FORCE", "friends"])),
        ("/creategroup club ", ("", ["Hans", "Leia", "Obi-Wan", "Yoda"])),
        ("/creategroup club Hans Yo", ("Yo", ["Yoda"])),
        ("/joingroup f", ("f", ["FORCE", "friends"])),
        ("/joingroup FORCE x", ("", [])),
        ("/groupmsg FO", ("FO", ["FORCE"])),
        ("/groupmsg FORCE h", ("", [])),
        ("/p2pvideo Le", ("Le", ["Leia"])),
        ("/activeuser ", ("", [])),
        ("/xyz Ha", ("", [])),
        ("hello Ha", ("", [])),
    ],
)
def test_commands_users_and_groups_are_completed(names: Names, line: str, expected: Tuple[str, List[str]]) -> None:
    assert complete(line, names) == expected


def test_all_commands_are_offered_after_the_slash(names: Names) -> None:
    word, found = complete("/", names)
    assert (word, len(found)) == ("/", 15)


def test_files_are_completed_with_blanks_and_folders(
    names: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my film.mp4").touch()
    (tmp_path / "my song.mp3").touch()
    (tmp_path / ".hidden").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "inside").touch()
    assert complete("/p2pvideo Hans ", names) == ("", ["folder/", "my film.mp4", "my song.mp3"])
    assert complete("/p2pvideo Hans my f", names) == ("my f", ["my film.mp4"])
    assert complete("/p2pvideo Hans .h", names) == (".h", [".hidden"])
    assert complete("/p2pvideo Hans folder/", names) == ("folder/", ["folder/inside"])
    assert complete(f"/p2pvideo Hans {tmp_path}/my f", names)[1] == [f"{tmp_path}/my film.mp4"]
    assert complete("/p2pvideo Hans nowhere/x", names) == ("nowhere/x", [])


def test_a_path_may_begin_with_the_home_folder(names: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "one.mp4").touch()
    assert complete("/p2pvideo Hans ~/f", names) == ("~/f", ["~/films/"])
    assert complete("/p2pvideo Hans ~/films/", names) == ("~/films/", ["~/films/one.mp4"])


def test_a_name_that_cannot_be_typed_is_not_offered(
    names: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line break in it would be two commands."""
    monkeypatch.chdir(tmp_path)
    for name in (b"good.mp4", b"bad\n.mp4", b"bad\x1b[2J", b"bad\xff"):
        Path(os.fsdecode(name)).touch()
    assert complete("/p2pvideo Hans ", names)[1] == ["good.mp4"]


def test_transfers_are_completed_by_number() -> None:
    asked, offered, started, other = (
        Transfer(number, "0" * 32, number == 2, "Hans", "clip.mp4", 1) for number in (1, 2, 3, 12)
    )
    started.start()
    names = Names(list, lambda: [asked, offered, started, other])
    assert complete("/accept ", names) == ("", ["1", "12"])
    assert complete("/refuse 12", names) == ("12", ["12"])
    assert complete("/cancel ", names) == ("", ["1", "2", "3", "12"])
    assert complete("/cancel 1", names) == ("1", ["1", "12"])
    assert complete("/transfers ", names) == ("", [])


@pytest.mark.parametrize(
    ("event", "line", "found"),
    [
        (Message("Leia", "hi", TIME, 1), "/msgto L", ["Leia"]),
        (GroupMessage("club", "Leia", "hi", TIME, 1), "/msgto L", ["Leia"]),
        (GroupMessage("club", "Leia", "hi", TIME, 1), "/groupmsg c", ["club"]),
        (Active(1, [ActiveUserInfo("Leia", "::1", 1, TIME)]), "/msgto L", ["Leia"]),
        (Invited("club", "Leia"), "/msgto L", ["Leia"]),
        (Invited("club", "Leia"), "/joingroup c", ["club"]),
        (Joined(1, "club"), "/groupmsg c", ["club"]),
        (Created(1, "club", ["Yoda"]), "/groupmsg c", ["club"]),
        (Welcome(1, "Yoda", TIME, ["club"], ["cafe"]), "/groupmsg c", ["cafe", "club"]),
    ],
)
def test_names_are_learnt_from_events(event: AnyEvent, line: str, found: List[str]) -> None:
    names = Names(list)
    assert complete(line, names)[1] == []
    names.learn(event)
    assert complete(line, names)[1] == found


def test_the_server_is_asked_for_users_once_in_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    names = Names(lambda: asked.append(1) or ["Hans"])  # type: ignore[func-returns-value]  # None on purpose: the or makes it an expression
    for _ in range(3):
        assert complete("/msgto ", names)[1] == ["Hans"]
    assert len(asked) == 1
    monkeypatch.setattr(completion, "REFRESH_SECONDS", -1.0)
    complete("/msgto ", names)
    assert len(asked) == 2
