"""The files of a play: how they are made, and what is said of one that is not as a step has it."""

from __future__ import annotations

from pathlib import Path
from typing import Dict

import pytest

from messenger.scenario import files
from messenger.scenario.model import FileCheck, Make
from messenger.scenario.parser import parse
from messenger.scenario.programs import CannotPlay

NO_VALUES: Dict[str, str] = {}


def step_of(line: str) -> object:
    """The step that a line makes."""
    return parse(line, "a.scenario").steps[0]


def make(folder: Path, line: str, **values: str) -> None:
    """Make what a line with @make or @write says."""
    step = step_of(line)
    assert isinstance(step, Make)
    files.make(step, folder, values)


def fault(folder: Path, line: str, **values: str) -> str:
    """What a line with @file finds wrong."""
    step = step_of(line)
    assert isinstance(step, FileCheck)
    return files.fault(step, folder, values)


@pytest.mark.parametrize("content", ["random", "zeros", "text"])
@pytest.mark.parametrize("size", ["0 bytes", "1 byte", "1000 bytes", "1 MiB", "1048577 bytes"])
def test_a_file_has_its_size_and_the_same_bytes_in_every_play(tmp_path: Path, size: str, content: str) -> None:
    for folder in ("one", "two"):
        make(tmp_path / folder, f"@make Yoda/a {size} {content}")
    number, unit = size.split()
    data = (tmp_path / "one/Yoda/a").read_bytes()
    assert len(data) == int(number) * {"MiB": 1 << 20}.get(unit, 1)
    assert data == (tmp_path / "two/Yoda/a").read_bytes()
    if content == "zeros":
        assert not data.strip(b"\0")
    if content == "text" and len(data) > 100:
        assert data.startswith(b"what stands from byte 0 of Yoda/a\n")


def test_two_steps_make_different_random_files(tmp_path: Path) -> None:
    for step in parse("@make a 1 kB\n@make b 1 kB", "a.scenario").steps:
        assert isinstance(step, Make)
        files.make(step, tmp_path, NO_VALUES)
    assert (tmp_path / "a").read_bytes() != (tmp_path / "b").read_bytes()


def test_lines_are_written_with_values_and_bytes_as_they_stand(tmp_path: Path) -> None:
    make(tmp_path, "@write ${run}.txt\n| /msgto ${who} \\x41\\u20ac\\udcff\n|\n|   two in front", run="r", who="Hans")
    assert (tmp_path / "r.txt").read_bytes() == b"/msgto Hans A\xe2\x82\xac\xff\n\n  two in front\n"


@pytest.mark.parametrize("name", ["../a", "/tmp/a", "b/../../a", "link/a"])
def test_nothing_outside_the_folder_of_the_play_is_touched(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "play"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)
    for touch in (lambda: make(folder, f"@make {name} 1 byte"), lambda: fault(folder, f"@file {name} exists")):
        with pytest.raises(CannotPlay, match="is outside the folder of the play"):
            touch()
    with pytest.raises(CannotPlay):
        fault(folder, f"@file {name} missing")
    assert list(tmp_path.iterdir()) == [folder]


LOG = "1; 01 Jun 2022 21:30:04; Yoda; hi\n2; 01 Jun 2022 21:30:05; Hans; a; b\n"
CHECKS = [
    ("has 1; {time}; Yoda; hi", ""),
    ('has "2; {time}; Hans; a; b"', ""),
    ("has /2; .*b/", ""),
    ("has ${one}", ""),
    ("has Yoda; hi", "no line of log is that:\n    1; 01 Jun 2022 21:30:04; Yoda; hi\n    2; 01 Jun 2022 21:30:05; "
     "Hans; a; b"),
    ("lacks Yoda; hi", ""),
    ("lacks 1; {text}", "log has the line: 1; 01 Jun 2022 21:30:04; Yoda; hi"),
    ("lines 2", ""),
    ("lines 0", "log has 2 lines:\n    1; 01 Jun 2022 21:30:04; Yoda; hi\n    2; 01 Jun 2022 21:30:05; Hans; a; b"),
    ("exists", ""),
    ("missing", "log is there: it has 70 bytes"),
    ("over 69 bytes", ""),
    ("over 70 bytes", "log has 70 bytes"),
    ("same as twin", ""),
    ("same as longer", "log has 70 bytes, longer 71"),
    ("same as other", "log and other differ within 1048576 bytes from byte 0"),
    ("same as nothing", "there is no file nothing"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "told"), CHECKS)
def test_a_file_is_as_the_step_has_it_or_the_difference_is_told(tmp_path: Path, check: str, told: str) -> None:
    for name, text in {"log": LOG, "twin": LOG, "longer": LOG + "x", "other": "x" * len(LOG)}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert fault(tmp_path, f"@file log {check}", one="1; 01 Jun 2022 21:30:04; Yoda; hi") == told


@pytest.mark.parametrize("check", ["has x", "lacks x", "lines 0", "exists", "over 0 bytes", "same as b/c"])
def test_a_file_that_is_not_there_fulfils_nothing_but_that(tmp_path: Path, check: str) -> None:
    assert fault(tmp_path, "@file a missing") == ""
    assert fault(tmp_path, f"@file a {check}") == "there is no file a; there are none"
    make(tmp_path, "@make b/c 1 byte")
    assert fault(tmp_path, f"@file a {check}") == "there is no file a; there are b/c"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert fault(tmp_path, "@file a exists") == "there is no file a; there are none"
    assert fault(tmp_path, "@file a missing") == "a is there: a folder"


def test_a_difference_in_a_later_block_is_found(tmp_path: Path) -> None:
    make(tmp_path, "@make a 2 MiB zeros")
    (tmp_path / "b").write_bytes(bytes((2 << 20) - 1) + b"\1")
    assert fault(tmp_path, "@file a same as b") == "a and b differ within 1048576 bytes from byte 1048576"


@pytest.mark.parametrize(("data", "lines"), [(b"", 0), (b"\n", 1), (b"a", 1), (b"a\n", 1), (b"a\nb", 2), (b"a\r\n", 1)])
def test_the_last_line_may_lack_its_end(tmp_path: Path, data: bytes, lines: int) -> None:
    (tmp_path / "a").write_bytes(data)
    assert fault(tmp_path, f"@file a lines {lines}") == ""


def test_bytes_that_are_no_text_are_lines_too(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xff\nb\n")
    assert fault(tmp_path, "@file a lines 2") == ""
    assert fault(tmp_path, "@file a has b") == ""


@pytest.mark.parametrize(
    ("log", "port"),
    [
        ("1; 01 Jun 2022 21:30:04; Yoda; 127.0.0.1; 6666\n", 6666),
        ("1; 01 Jun 2022 21:30:04; Hans; 127.0.0.1; 6666\n", None),
        ("1; 01 Jun 2022 21:30:04; Yoda; 127.0.0.1; soon\n", None),
        ("1; 01 Jun 2022 21:30:04; Yoda\n", None),
        ("", None),
    ],
)
def test_the_port_of_an_actor_stands_in_the_log_of_users(tmp_path: Path, log: str, port: object) -> None:
    (tmp_path / "userlog.txt").write_text(log, encoding="utf-8")
    assert files.udp_port(tmp_path / "userlog.txt", "Yoda") == port
    assert files.udp_port(tmp_path / "none.txt", "Yoda") is None
