"""`messenger replay`: what passes, what fails and why, what is written of it, and how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import List, Tuple
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from messenger.cli import main
from messenger.server import Server
from tests.support.files import ACCOUNTS
from tests.support.processes import PROJECT, environment

PASSES = "# Yoda is let in.\n@actor Yoda\nYoda < no other active user\n".replace("Yoda <", "Yoda > /activeuser\nYoda <")
FAILS = """# Hans hears what was said.
@actor Yoda, Hans
Yoda > /msgto Hans Hello there!
Hans ! anything else before
Hans <0.3 {time}, Yoda: Hello their!
"""
"""Once Hans knows that he has seen all, he waits in vain for a short while only."""


@pytest.fixture(autouse=True)
def credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Play in a folder of its own, with the usual accounts."""
    (tmp_path / "credentials.txt").write_text("".join(f"{name} {secret}\n" for name, secret in ACCOUNTS.items()))
    monkeypatch.chdir(tmp_path)


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def names_here() -> List[str]:
    return sorted(path.name for path in Path().iterdir())


def replay(*arguments: str) -> Tuple[int, str]:
    """Play by library, in a process of its own: plays are forked, and this one has threads."""
    command = [sys.executable, "-m", "messenger", "replay", "--driver", "library", *arguments]
    ran = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=50, check=False)
    assert "Traceback" not in ran.stderr + ran.stdout
    assert not any(secret in ran.stdout + ran.stderr for secret in ACCOUNTS.values())
    return ran.returncode, ran.stdout + ran.stderr


def test_a_folder_of_scenarios_that_pass_ends_with_status_0_and_leaves_nothing() -> None:
    write("play/a.scenario", PASSES)
    write("play/b/c.scenario", PASSES.replace("Yoda", "Hans"))
    status, shown = replay("play")
    assert status == 0
    assert sorted(line.split()[:2] for line in shown.splitlines()[:2]) == [["passed", "a"], ["passed", "b/c"]]
    assert shown.splitlines()[-1].startswith("2 passed in ")
    assert names_here() == ["credentials.txt", "play"]


def test_a_failure_names_the_step_what_was_expected_and_what_was_seen_beside_everybodys_timeline() -> None:
    write("a.scenario", FAILS)
    write("b.scenario", PASSES)
    status, shown = replay("a.scenario", "b.scenario")
    assert status == 1
    assert "a.scenario:5: Hans <0.3 {time}, Yoda: Hello their!" in shown
    assert "Yoda: Hello there!" in shown.split("a.scenario:5:", 1)[1]
    header = next(line for line in shown.splitlines() if "│ Yoda" in line)
    assert [cell.strip() for cell in header.split("│")[1:]] == ["Yoda", "Hans", "server"]
    assert "> /msgto Hans Hello" in shown
    why, counts = shown.splitlines()[-2:]
    assert re.fullmatch(r"failed   a +\d+\.\d\d s  a\.scenario:5: Hans <0\.3 \{time\}, Yoda: Hello their!", why), (
        "said again, as the table has taken it out of sight"
    )
    assert counts.startswith("1 passed, 1 failed in ")


def test_nothing_is_played_if_a_file_is_wrong() -> None:
    write("a.scenario", PASSES)
    write("b.scenario", "# b\nYoda hi\n")
    status, shown = replay("a.scenario", "b.scenario", "c.scenario")
    assert status == 2
    assert "b.scenario:2: expected " in shown
    assert "c.scenario: No such file or directory" in shown
    assert shown.splitlines()[-1] == "messenger: nothing was played: 2 lines to be corrected"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--update", "--repeat", "2"], "--update plays a file as often as it needs to: leave --repeat out"),
        (["--cast", "casts"], "--cast shows terminals: leave --driver library out"),
        (["--server", "127.0.0.1:1", "--jobs", "2"], "with --server files are played one after the other"),
        (["--tags", "x"], "no file has these tags"),
        (["--credentials", "none.txt"], "none.txt cannot be read: No such file or directory"),
        (["--timeout-factor", "0"], "Invalid value for '--timeout-factor'"),
    ],
)
def test_options_that_make_no_sense_are_named(arguments: List[str], said: str) -> None:
    write("a.scenario", PASSES)
    result = CliRunner().invoke(main, ["replay", "a.scenario", "--driver", "library", *arguments])
    assert result.exit_code == 2
    assert said in result.output


def test_tags_choose_and_leave_out() -> None:
    write("a.scenario", f"{PASSES}@tags slow\n")
    write("b.scenario", f"{PASSES}@tags fast\n")
    write("c.scenario", PASSES)
    files = ["a.scenario", "b.scenario", "c.scenario"]
    names = {
        tags: sorted(line.split()[1] for line in replay(*files, *tags)[1].splitlines()[:-1])
        for tags in (("--tags", "slow"), ("--tags", "slow,fast"), ("--skip-tags", "slow"))
    }
    assert list(names.values()) == [["a"], ["a", "b"], ["b", "c"]]


def test_repeats_are_counted_and_each_is_a_play_of_its_own() -> None:
    write("a.scenario", f"{PASSES}@file userlog.txt lines 1\n")
    write("b.scenario", FAILS)
    status, shown = replay("a.scenario", "b.scenario", "--repeat", "3")
    assert status == 1
    assert "none of 3 failed" in shown
    assert "3 of 3 failed" in shown
    assert "(3 of 6 plays failed)" in shown.splitlines()[-1]


def test_update_puts_what_was_seen_in_the_place_of_words_that_were_wrong() -> None:
    path = write("a.scenario", FAILS)
    status, shown = replay("a.scenario", "--update")
    assert status == 0
    assert path.read_text(encoding="utf-8") == FAILS.replace("their", "there")
    assert "  - Hans <0.3 {time}, Yoda: Hello their!" in shown
    assert "  + Hans <0.3 {time}, Yoda: Hello there!" in shown


def test_update_changes_nothing_if_more_is_wrong_than_words() -> None:
    path = write("a.scenario", FAILS.replace("{time}, Yoda: Hello their!", "Goodbye"))
    assert replay("a.scenario", "--update")[0] == 1
    assert "Goodbye" in path.read_text(encoding="utf-8")


def test_reports_for_ci_and_for_people_say_the_same() -> None:
    write("a.scenario", FAILS)
    write("b.scenario", PASSES)
    write("c.scenario", f"{PASSES}@only terminal: so\n")
    replay("a.scenario", "b.scenario", "c.scenario", "--junit", "j.xml", "--html", "r.html")
    suite = ElementTree.parse("j.xml").getroot()
    assert [suite.get(name) for name in ("tests", "failures", "skipped")] == ["3", "1", "1"]
    cases = {case.attrib["name"]: [child.tag for child in case] for case in suite.iter("testcase")}
    assert cases == {"a": ["failure", "system-out"], "b": [], "c": ["skipped"]}
    page = Path("r.html").read_text(encoding="utf-8")
    text: List[str] = []
    parser = HTMLParser()
    parser.handle_data = text.append  # type: ignore[method-assign,assignment]  # all of the page's text, and nothing else
    parser.feed(page)
    assert {"Hans hears what was said.", "Yoda is let in."} <= {line.strip() for line in text}
    assert "://" not in page, "a page that needs nothing else"
    assert not any(secret in page for secret in ACCOUNTS.values())


def test_what_a_failed_play_leaves_behind_is_kept_where_it_was_told_to() -> None:
    write("a.scenario", FAILS)
    write("b.scenario", PASSES)
    _, shown = replay("a.scenario", "b.scenario", "--artifacts", "kept")
    assert "kept in kept/a" in shown
    assert [path.name for path in Path("kept").iterdir()] == ["a"]
    kept = {path.relative_to("kept/a").as_posix() for path in Path("kept/a").rglob("*") if path.is_file()}
    assert any(name.endswith("messagelog.txt") for name in kept)
    texts = b"".join(path.read_bytes() for path in Path("kept").rglob("*") if path.is_file())
    assert not any(secret.encode() in texts for secret in ACCOUNTS.values())


def test_casts_show_each_terminal_and_all_of_them_without_passwords() -> None:
    write("a.scenario", PASSES)
    status, _ = replay("a.scenario", "--driver", "terminal", "--repeat", "2", "--cast", "casts")
    assert status == 0
    paths = sorted(Path("casts").iterdir())
    assert [path.name for path in paths] == ["a.Yoda.cast", "a.end.svg", "a.server.cast", "a.svg"]
    for path in paths:
        text = path.read_text(encoding="utf-8")
        assert not any(secret in text for secret in ACCOUNTS.values())
        if path.suffix == ".svg":
            assert ElementTree.fromstring(text).tag.endswith("svg")
        else:
            assert json.loads(text.split("\n", 1)[0])["version"] == 2


def test_a_server_that_runs_already_is_played_with(server: Server) -> None:
    write("a.scenario", PASSES)
    write("b.scenario", f"@server attempts=2\n{PASSES}")
    status, shown = replay("a.scenario", "b.scenario", "--server", f"127.0.0.1:{server.port}")
    assert status == 0
    assert shown.splitlines()[-1].startswith("1 passed, 1 skipped in ")
    assert replay("a.scenario", "--server", "127.0.0.1:1")[0] == 1


def test_slow_machines_have_more_time() -> None:
    text = "# So.\n@timeout 0.1\n@actor Yoda\n@write t\n| Hans\n| ${password:Hans}\n| /sleep 0.4\n| /msgto Yoda hi\n"
    write("a.scenario", f"{text}@client Hans --script ../t\nYoda < Hans: hi\n")
    assert replay("a.scenario")[0] == 1
    assert replay("a.scenario", "--timeout-factor", "50")[0] == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_interrupts_leaves_no_program_behind(number: signal.Signals, tmp_path: Path) -> None:
    write("a.scenario", "# So.\n@tags slow\n@actor Yoda\nYoda <50 nothing of the kind\n")
    command = [sys.executable, "-u", "-m", "messenger", "replay", "a.scenario", "--artifacts", "kept"]
    folder = {"TMPDIR": str(tmp_path)}
    ran = subprocess.Popen(
        command, env={**environment(), **folder}, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        log = "*/0/userlog.txt"
        while not any("Yoda" in path.read_text() for path in tmp_path.glob(log)):
            assert ran.poll() is None
        ran.send_signal(number)
        shown = ran.communicate(timeout=30)[0]
    finally:
        ran.kill()
        ran.wait()
    assert ran.returncode == 130
    assert "interrupted" in shown.splitlines()[-1]
    assert names_here() == ["a.scenario", "credentials.txt"]
    with pytest.raises(ProcessLookupError):
        os.killpg(ran.pid, 0)


def test_without_files_those_of_the_folder_here_are_played() -> None:
    write("scenarios/x/mine.scenario", PASSES)
    assert replay()[1].splitlines()[0].split()[:2] == ["passed", "x/mine"]
    assert (PROJECT / "scenarios").is_dir()
