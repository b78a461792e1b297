"""`messenger demo`: the sample workflow, shown while it happens, with or without a terminal."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator

import pexpect
import pytest
from click.testing import CliRunner

from messenger.cli import main
from messenger.scenario import collection
from tests.support.files import ACCOUNTS
from tests.support.processes import PROJECT, environment

COMMAND = [sys.executable, "-m", "messenger", "demo"]
PEOPLE = ["Obi-Wan", "Hans", "Yoda", "server"]


def cells(shown: str, column: int) -> str:
    """Return what stands in a column, in one line."""
    rows = [row.split("│") for row in shown.splitlines() if row.count("│") == len(PEOPLE)]
    return " ".join(cell for cell in (row[column].strip() for row in rows) if cell)


@contextmanager
def in_terminal(folder: Path, columns: int, settings: Dict[str, str]) -> Iterator[Any]:
    """Play it in a terminal, without the pauses in which people read, to a good end."""
    code = "import messenger.demo as demo; demo.PACE_SECONDS = 0; from messenger.cli import main; main(['demo'])"
    variables = {name: value for name, value in environment().items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    shown = pexpect.spawn(
        sys.executable, ["-c", code], cwd=str(folder), env={**variables, **settings}, dimensions=(40, columns),
        encoding="utf-8",
    )  # fmt: skip
    try:
        yield shown
        shown.expect(pexpect.EOF, timeout=10)
    finally:
        shown.close()
    assert shown.exitstatus == 0


def test_everybody_has_a_column_and_the_last_line_says_what_was_proved(tmp_path: Path) -> None:
    started = time.monotonic()
    ended = subprocess.run(
        COMMAND, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=30, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert time.monotonic() - started < 30
    assert [cell.strip() for cell in ended.stdout.splitlines()[0].split("│")[1:]] == PEOPLE
    obi_wan, hans, yoda, server = (cells(ended.stdout, column) for column in (1, 2, 3, 4))
    assert "Yoda: Hello there!" in obi_wan
    assert "received lecture.mp4 from Yoda: Yoda_lecture.mp4" in obi_wan
    assert "Obi-Wan: Patience, my friends" in hans
    assert "> /msgto Obi-Wan Hello there!" in yoda
    assert "delivered lecture.mp4 to Obi-Wan: 5.0 MB" in yoda
    assert "Yoda logged in from" in server
    assert re.search(r"^7; .*; FORCE; Never tell me the odds$", ended.stdout, re.MULTILINE)
    assert ended.stdout.splitlines()[-1].startswith("passed in ")
    assert "\x1b" not in ended.stdout
    assert not any(secret in ended.stdout for secret in ACCOUNTS.values())
    assert list(tmp_path.iterdir()) == [], "it leaves nothing behind"


@pytest.mark.parametrize(
    ("columns", "row"), [(100, r"\d │ +│ > Hans +│"), (80, r"\d  Hans +> Hans\r\n"), (30, r"\d  Hans +> Hans\r\n")]
)
def test_a_terminal_shows_columns_where_there_is_room_for_them_and_otherwise_names(
    tmp_path: Path, columns: int, row: str
) -> None:
    with in_terminal(tmp_path, columns, {"TERM": "dumb"}) as shown:
        shown.expect(row, timeout=20)
        shown.expect("passed in [\\d.]+ s: 3 clients", timeout=20)


@pytest.mark.parametrize(("settings", "colours"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_only_who_wants_colours_gets_them(tmp_path: Path, settings: Dict[str, str], colours: bool) -> None:
    with in_terminal(tmp_path, 120, {"TERM": "xterm-256color", **settings}) as shown:
        shown.expect("passed in ", timeout=20)
        assert (re.search("\x1b\\[[\\d;]*3[1-6]m", shown.before) is not None) == colours
        assert re.search("\x1b\\[[\\d;]*[^\\d;m]", shown.before) is None, "the cursor stays at the end"


def test_casts_are_written_where_it_was_told_to(tmp_path: Path) -> None:
    ran = subprocess.run(
        [*COMMAND, "--cast", "casts"], cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=30,
        check=False,
    )  # fmt: skip
    assert ran.returncode == 0
    assert "written: casts/sample-workflow.svg" in ran.stdout
    names = {path.name for path in (tmp_path / "casts").iterdir()}
    assert names == {f"sample-workflow.{end}" for end in ("svg", "end.svg", *(f"{who}.cast" for who in PEOPLE))}
    header = (tmp_path / "casts" / "sample-workflow.Yoda.cast").read_text(encoding="utf-8").splitlines()[0]
    assert json.loads(header)["version"] == 2


def ship(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, old: str = "", new: str = "") -> None:
    """Have the sample workflow come with the package under this name, with something else in it."""
    scenarios = folder / "scenarios"
    scenarios.mkdir()
    (folder / "credentials.txt").write_bytes((PROJECT / "credentials.txt").read_bytes())
    text = (PROJECT / "scenarios" / "sample-workflow.scenario").read_text(encoding="utf-8")
    (scenarios / f"{name}.scenario").write_text(text.replace(old, new, 1), encoding="utf-8")
    monkeypatch.setattr(collection, "_PACKAGE", folder)


def test_what_does_not_come_true_is_shown_and_makes_status_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ship(tmp_path, monkeypatch, "sample-workflow", "no other active user\n", "a ghost\n@timeout 0.2\n")
    ran = CliRunner().invoke(main, ["demo"])
    assert ran.exit_code == 1
    assert "FAILED: " in ran.output
    assert "Obi-Wan < a ghost" in ran.output
    assert "Traceback" not in ran.output


def test_an_installation_without_the_scenario_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ship(tmp_path, monkeypatch, "other")
    ran = CliRunner().invoke(main, ["demo"])
    assert ran.exit_code == 1
    assert ran.output.splitlines() == [
        f"messenger: {tmp_path}/scenarios/sample-workflow.scenario is missing from this installation"
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_interrupts_sees_no_traceback(tmp_path: Path, number: signal.Signals) -> None:
    demo = subprocess.Popen(
        COMMAND, cwd=tmp_path, env={**environment(), "TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert demo.stdout is not None
    while "Obi-Wan" not in demo.stdout.readline():
        assert demo.poll() is None
    demo.send_signal(number)
    _, said = demo.communicate(timeout=20)
    assert (demo.returncode, said) == (130, "")
    assert list(tmp_path.iterdir()) == []
