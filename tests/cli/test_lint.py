"""`messenger lint`: what is wrong with a scenario, with file and line, and what looks like a mistake."""

from __future__ import annotations

from pathlib import Path
from typing import List, Tuple

import pytest
from click.testing import CliRunner

from messenger.cli import main

USUAL = "# It claims something.\n@actor Yoda\n"


def lint(*places: Path) -> Tuple[int, List[str]]:
    result = CliRunner().invoke(main, ["lint", *map(str, places)])
    return result.exit_code, result.output.splitlines()


def lint_text(folder: Path, text: str) -> List[str]:
    """Return what is said of a scenario without its path, and without the last line."""
    path = folder / "a.scenario"
    path.write_text(text, encoding="utf-8")
    return [line[len(str(path)) + 1 :] for line in lint(path)[1][:-1]]


def test_scenarios_without_a_fault_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.scenario").write_text(f"{USUAL}Yoda < Welcome\n", encoding="utf-8")
    (tmp_path / "b.scenario").write_text(f"{USUAL}Yoda ! Hans\n", encoding="utf-8")
    assert lint(tmp_path) == (0, ["2 files, 0 wrong, 0 warnings"])


def test_what_is_wrong_is_named_in_all_files_before_what_is_doubtful(tmp_path: Path) -> None:
    (tmp_path / "a.scenario").write_text(f"{USUAL}Yoda < Welcome\n@sleep 3\n", encoding="utf-8")
    (tmp_path / "b.scenario").write_text("# b\nYoda hi\n@actr Yoda\n", encoding="utf-8")
    status, lines = lint(tmp_path)
    assert status == 2
    assert [line.partition(" ")[0] for line in lines[:3]] == [
        f"{tmp_path}/b.scenario:2:",
        f"{tmp_path}/b.scenario:3:",
        f"{tmp_path}/a.scenario:4:",
    ]
    assert "did you mean @actor?" in lines[1]
    assert lines[2].startswith(f"{tmp_path}/a.scenario:4: warning: @sleep ")
    assert lines[3] == "2 files, 2 wrong, 1 warning"


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ("Yoda < ${t}", "3: nothing before this line keeps ${t}"),
        ("Yoda < x\n@ends Yoda\nYoda > hi", "5: Yoda has ended: start it again before"),
        ("Yoda < x\n@start server", "4: the server runs: @kill server, or @stop server and @ends server, come before"),
        (
            "@only terminal: so\n@pause Yoda\nYoda ! x",
            "5: Yoda stands still since @pause, and nobody can know what it will see: @resume it",
        ),
        (
            "@only terminal: so\nYoda > hi\\\nYoda ! x",
            "5: Yoda has typed half a line: what it has seen is known when that is entered",
        ),
    ],
)
def test_steps_that_fail_whatever_happens_are_wrong(tmp_path: Path, steps: str, said: str) -> None:
    assert lint_text(tmp_path, f"{USUAL}{steps}\n") == [said]
    assert lint(tmp_path / "a.scenario")[0] == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "@actor Yoda\nYoda < x\n",
            "1: warning: it claims nothing: begin with a comment that says what the file proves",
        ),
        (f"{USUAL}Yoda > x\n", "1: warning: it proves nothing: no step expects anything; <, !, @file or @ends do"),
        (f"{USUAL}Yoda < {{t:time}}\n", "3: warning: t is kept, and ${t} is used nowhere"),
        (f"{USUAL}Yoda < error.*\n", "3: warning: .* is text here: a regular expression stands between / and /"),
        (f"{USUAL}Yoda < x # comment\n", "3: warning: from # on it is text, too: a comment has a line of its own"),
        (f'{USUAL}Yoda < "x"\n', "3: warning: the quotes are part of the text"),
        (f"{USUAL}Yoda < x \n", "3: warning: the text ends with a blank, which has to be seen, too"),
        (
            f"{USUAL}Yoda < x\n@resume Yoda\n@only terminal: so\n",
            "4: warning: Yoda does not stand still: no @pause before",
        ),
        (
            "# Luke is slow.\n@actor Luke pipe\nLuke < x\n@slow Luke\n@resume Luke\n@resume Luke\n@only terminal: so\n",
            "6: warning: Luke does not stand still: no @pause before",
        ),
        (f"{USUAL}Yoda < x\n@actor Yoda\n", "4: warning: Yoda may still run: say @ends Yoda before"),
        (
            f"{USUAL}Yoda < x\n@timeout 3\n",
            "4: warning: @timeout counts for the steps above, too: put it first; <30 is for one step",
        ),
        (
            f"{USUAL}Yoda < x\n@pause Yoda\n@resume Yoda\n",
            "4: warning: this can be played in terminals alone (the library cannot pause a client): say "
            "'@only terminal: WHY'",
        ),
    ],
)
def test_what_looks_like_a_mistake_is_a_warning(tmp_path: Path, text: str, said: str) -> None:
    assert lint_text(tmp_path, text)[0] == said
    assert lint(tmp_path / "a.scenario")[0] == 0


def test_a_file_that_must_wait_may_sleep(tmp_path: Path) -> None:
    assert lint_text(tmp_path, f"{USUAL}@tags slow\nYoda < x\n@sleep 11\n") == []


def test_a_folder_without_scenarios_and_a_file_that_is_not_there_are_usage_errors(tmp_path: Path) -> None:
    status, lines = lint(tmp_path)
    assert (status, lines) == (2, [f"messenger: no file in the folder {tmp_path} ends with .scenario"])
    status, lines = lint(tmp_path / "x.scenario")
    assert (status, lines[0]) == (2, f"{tmp_path}/x.scenario: No such file or directory")


def test_the_scenarios_of_the_project_are_looked_at_unless_others_are_named() -> None:
    status, lines = lint()
    assert status == 0
    assert lines[-1].endswith("files, 0 wrong, 0 warnings")
