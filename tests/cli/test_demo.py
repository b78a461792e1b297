"""`messenger demo`: the sample workflow, shown while it happens, with or without a terminal."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Set
from xml.etree.ElementTree import fromstring

import pexpect
import pytest
from click.testing import CliRunner

from messenger.cli import main
from messenger.scenario import collection
from tests.support.files import ACCOUNTS
from tests.support.processes import PROJECT, environment

COMMAND = [sys.executable, "-m", "messenger", "demo"]
BY_LIBRARY = """
import messenger.demo as demo
from messenger.cli import main
from messenger.cli.chatting import read_chat
from messenger.scenario.library import LibraryDriver
demo.PACE_SECONDS = 0
demo.TerminalDriver = lambda *_, **settings: LibraryDriver(read_chat)
main(["demo"])
"""
"""How it is shown is the same, whatever plays it; in terminals it takes ten times as long."""
FROM_FOLDER = """
import sys
from pathlib import Path
from messenger.cli import main
from messenger.scenario import collection
collection._PACKAGE = Path(sys.argv[1])
main(["demo"])
"""
PEOPLE = ["Obi-Wan", "Hans", "Yoda", "server"]


def cells(shown: str, column: int) -> str:
    """Return what stands in a column, in one line."""
    rows = [row.split("│") for row in shown.splitlines() if row.count("│") == len(PEOPLE)]
    return " ".join(cell for cell in (row[column].strip() for row in rows) if cell)


def neutral() -> Dict[str, str]:
    """Return an environment that says nothing of terminals; that of pytest's workers tells their width."""
    said = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
    return {name: value for name, value in environment().items() if name not in said}


@contextmanager
def in_terminal(folder: Path, columns: int, settings: Dict[str, str]) -> Iterator[Any]:
    """Show it in a terminal, without the pauses in which people read, to a good end."""
    shown = pexpect.spawn(
        sys.executable, ["-c", BY_LIBRARY], cwd=str(folder), env={**neutral(), **settings}, dimensions=(40, columns),
        encoding="utf-8",
    )  # fmt: skip
    try:
        yield shown
        shown.expect(pexpect.EOF, timeout=10)
    finally:
        shown.close()
    assert shown.exitstatus == 0


class Ended(NamedTuple):
    """A whole demo that has been played: what it has shown, and the files that are there now."""

    stdout: str
    texts: Dict[str, str]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """Play it once, in terminals."""
    folder = tmp_path_factory.mktemp("whole")
    ran = subprocess.run(
        [*COMMAND, "--cast", "casts"], cwd=folder, env=neutral(), capture_output=True, text=True, timeout=50,
        check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    files = [path for path in folder.rglob("*") if path.is_file()]
    return Ended(ran.stdout, {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in files})


def test_the_whole_demo_has_a_column_for_everybody_and_its_last_line_says_what_was_proved(whole: Ended) -> None:
    ended = whole
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


@pytest.mark.parametrize(
    ("columns", "settings", "row"),
    [
        (100, {"TERM": "xterm-256color"}, r"\d │ +│ > Hans +│"),
        (80, {"TERM": "xterm-256color", "NO_COLOR": "1"}, r"\d  Hans +> Hans\r?\n"),
        (30, {"TERM": "dumb"}, r"\d  Hans +> Hans\r?\n"),
    ],
)
def test_a_terminal_shows_columns_where_there_is_room_for_them_and_colours_where_they_are_wanted(
    tmp_path: Path, columns: int, settings: Dict[str, str], row: str
) -> None:
    with in_terminal(tmp_path, columns, settings) as shown:
        shown.expect("passed in ", timeout=20)
        assert re.search(row, re.sub(r"\x1b\[[\d;]*m", "", shown.before)) is not None
        assert (re.search(r"\x1b\[[\d;]*3[1-6]m", shown.before) is not None) == (columns == 100)
        assert re.search(r"\x1b\[[\d;]*[^\d;m]", shown.before) is None, "the cursor stays at the end"


def test_the_whole_demo_writes_casts_where_it_was_told_to_and_readme_shows_them_as_they_are_now(whole: Ended) -> None:
    assert "written: casts/sample-workflow.svg" in whole.stdout
    ends = ("svg", "end.svg", *(f"{who}.cast" for who in PEOPLE))
    assert set(whole.texts) == {f"casts/sample-workflow.{end}" for end in ends}, "it leaves nothing else behind"
    texts = {name.partition("/")[2]: text for name, text in whole.texts.items()}
    assert json.loads(texts["sample-workflow.Yoda.cast"].splitlines()[0])["version"] == 2
    assert not any(secret in text for secret in ACCOUNTS.values() for text in texts.values())

    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert "(scenarios/sample-workflow.svg)" in readme
    picture = (PROJECT / "scenarios" / "sample-workflow.svg").read_text(encoding="utf-8")
    remedy = "messenger demo --cast DIR draws the picture that belongs into scenarios/"
    assert rows_of(picture) >= {f">{line}" for line in typed_lines()}, remedy
    shown, wanted = ends_of(picture), ends_of(texts["sample-workflow.svg"])
    assert list(shown) == list(wanted) == PEOPLE
    for who in PEOPLE:
        assert shown[who].endswith(wanted[who]) or wanted[who].endswith(shown[who]), remedy


def typed_lines() -> List[str]:
    """Return what is typed in the sample workflow, without blanks."""
    text = (PROJECT / "scenarios" / "sample-workflow.scenario").read_text(encoding="utf-8")
    return [line.replace(" ", "") for line in re.findall(r"^[\w-]+ +> (.+)$", text, re.MULTILINE)]


def rows_of(picture: str) -> Set[str]:
    """Return all rows that a terminal has shown at some time, without blanks."""
    return {"".join(row.itertext()).replace(" ", "") for row in fromstring(picture).iterfind("{*}defs/{*}g")}


def ends_of(picture: str) -> Dict[str, str]:
    """Return the last rows of each terminal, in one piece, whatever the times, ports and speeds."""
    drawing = fromstring(picture)
    rows = {f"#{row.get('id')}": "".join(row.itertext()) for row in drawing.iterfind("{*}defs/{*}g")}
    ends = {}
    for tile in drawing.iterfind("{*}g"):
        (terminal,) = tile.iterfind("{*}svg")
        last = max(float(use.get("y", 0)) for use in terminal.iterfind(".//{*}use")) // float(terminal.get("height", 0))
        shown = [
            rows[use.get("href", "")]
            for use in terminal.iterfind(".//{*}use")
            if float(use.get("y", 0)) // float(terminal.get("height", 0)) == last
        ]
        text = re.sub(r"\s|\([\d.]+ *%\)", "", "".join(shown))  # a share of segments is told if there were any
        ends[tile.findtext("{*}text", "")] = re.sub(r"[\d.]+([mk]?s|[kM]?B/s)?", "0", text)
    return ends


def ship(folder: Path, name: str, old: str = "", new: str = "") -> None:
    """Write a folder as the package brings one, with the sample workflow under this name and something else in it."""
    scenarios = folder / "scenarios"
    scenarios.mkdir()
    (folder / "credentials.txt").write_bytes((PROJECT / "credentials.txt").read_bytes())
    text = (PROJECT / "scenarios" / "sample-workflow.scenario").read_text(encoding="utf-8")
    (scenarios / f"{name}.scenario").write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Obi-Wan < no other active user", "Obi-Wan <0.2 a ghost", "Obi-Wan <0.2 a ghost"),
        ("attempts=3", "attempts=3 --bind 192.0.2.1", "messenger: cannot listen on 192.0.2.1"),
    ],
)
def test_what_does_not_come_true_is_shown_and_makes_status_1(tmp_path: Path, old: str, new: str, said: str) -> None:
    ship(tmp_path, "sample-workflow", old, new)
    ran = subprocess.run(
        [sys.executable, "-c", FROM_FOLDER, str(tmp_path)], cwd=tmp_path, env=neutral(), capture_output=True, text=True,
        timeout=30, check=False,
    )  # fmt: skip
    assert ran.returncode == 1
    assert said in ran.stdout.rpartition("FAILED: ")[2]
    assert "Traceback" not in ran.stdout + ran.stderr


def test_casts_that_cannot_be_written_are_told_of_before_the_play(tmp_path: Path) -> None:
    (tmp_path / "casts").write_text("a file")
    ran = CliRunner().invoke(main, ["demo", "--cast", str(tmp_path / "casts")])
    assert (ran.exit_code, ran.output) == (1, f"messenger: {tmp_path}/casts cannot be made a folder: File exists\n")


def test_an_installation_without_the_scenario_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ship(tmp_path, "other")
    monkeypatch.setattr(collection, "_PACKAGE", tmp_path)
    ran = CliRunner().invoke(main, ["demo"])
    assert ran.exit_code == 1
    assert ran.output.splitlines() == [
        f"messenger: {tmp_path}/scenarios/sample-workflow.scenario is missing from this installation"
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_who_interrupts_sees_no_traceback_and_no_program_goes_on(tmp_path: Path, number: signal.Signals) -> None:
    demo = subprocess.Popen(
        COMMAND, cwd=tmp_path, env={**neutral(), "TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert demo.stdout is not None
    while "Welcome" not in demo.stdout.readline():
        assert demo.poll() is None
    assert folders_of_processes(tmp_path) > {str(tmp_path)}
    demo.send_signal(number)
    _, said = demo.communicate(timeout=20)
    assert (demo.returncode, said) == (130, "")
    assert folders_of_processes(tmp_path) == set()
    assert list(tmp_path.iterdir()) == []


def folders_of_processes(folder: Path) -> Set[str]:
    """Return in which folders in this one processes run."""
    found = set()
    for process in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):  # ended, or somebody else's
            found.add(str(process.readlink()))
    return {place for place in found if place.startswith(str(folder))}
