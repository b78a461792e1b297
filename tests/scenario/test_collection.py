"""Which files are scenarios, what they are called, and what is wrong with those that cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import List

import pytest

from messenger.errors import ConfigError
from messenger.scenario import collection
from messenger.scenario.collection import (
    collect,
    find,
    project_scenarios,
    read_accounts,
    shipped_scenarios,
    usual_credentials,
)
from tests.support.processes import PROJECT

TEXT = "# It claims something.\n@actor Yoda\nYoda < x\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Everything happens in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, text: str = TEXT) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def names(*places: str) -> List[str]:
    return [name for _, name in find([Path(place) for place in places])]


def test_a_folder_holds_all_its_scenarios_in_order_named_by_their_way_from_there() -> None:
    for name in ("s/b.scenario", "s/a/z.scenario", "s/a/notes.txt", "s/a/deep/er.scenario"):
        write(name)
    assert names("s") == ["a/deep/er", "a/z", "b"]
    assert names("s/a", "s/b.scenario") == ["deep/er", "z", "b"]


def test_a_file_that_is_named_may_end_otherwise() -> None:
    write("anything.txt")
    assert names("anything.txt") == ["anything"]


def test_no_file_is_found_twice_and_no_two_have_one_name() -> None:
    write("s/a.scenario")
    write("t/a.scenario")
    Path("link.scenario").symlink_to("s/a.scenario")
    assert names("s", "s/a.scenario", "./s/../s", "link.scenario", "t") == ["a", "t/a"]


def test_a_folder_without_scenarios_is_named() -> None:
    write("s/notes.txt")
    with pytest.raises(ConfigError, match=r"^no file in the folder s ends with \.scenario$"):
        collect([Path("s")])


def test_everything_that_is_wrong_is_told_and_what_is_right_is_read_all_the_same() -> None:
    write("s/a.scenario")
    write("s/b.scenario", "# b\nYoda hi\n@nothing\n")
    Path("s/c.scenario").write_bytes(b"# c\n# \xff\n")
    collected = collect([Path("s"), Path("none.scenario")])
    assert collected.files == 4
    assert [source.name for source in collected.sources] == ["a"]
    assert [fault.partition(": ")[0] for fault in collected.faults] == [
        "s/b.scenario:2",
        "s/b.scenario:3",
        "s/c.scenario:2",
        "none.scenario",
    ]
    assert collected.faults[2:] == [
        "s/c.scenario:2: expected text in UTF-8",
        "none.scenario: No such file or directory",
    ]


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    path = Path("a.scenario")
    path.write_text(TEXT, encoding="utf-8-sig")
    (source,) = collect([path]).sources
    assert (source.text, source.scenario.claim) == (TEXT, "It claims something.")


def test_scenarios_here_come_before_those_that_are_installed() -> None:
    assert project_scenarios() == shipped_scenarios() == PROJECT / "scenarios"
    write("scenarios/notes.txt")
    assert project_scenarios() == PROJECT / "scenarios"
    write("scenarios/mine.scenario")
    assert project_scenarios() == Path("scenarios")


def test_a_package_without_scenarios_says_so(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "_PACKAGE", here / "messenger")
    with pytest.raises(ConfigError, match=r"there is no folder scenarios .*: name files or folders"):
        project_scenarios()
    with pytest.raises(ConfigError, match=r"there is no credentials\.txt here: name one with --credentials FILE"):
        usual_credentials()


def test_the_accounts_are_those_of_this_folder_or_of_the_folder_of_the_scenarios() -> None:
    assert usual_credentials() == PROJECT / "credentials.txt"
    write("credentials.txt", "Yoda x\n")
    assert usual_credentials() == Path("credentials.txt")
    assert usual_credentials(PROJECT / "scenarios") == PROJECT / "credentials.txt"


def test_hashes_are_no_passwords_that_anybody_could_type() -> None:
    hashed = f"Rey $scrypt$ln=4,r=8,p=1${'A' * 22}${'A' * 43}"
    path = write("credentials.txt", f"Yoda comp 9331\n{hashed}\n")
    assert read_accounts(path) == {"Yoda": "comp 9331"}


def test_what_is_wrong_with_a_credentials_file_is_told_with_its_name() -> None:
    with pytest.raises(ConfigError, match=r"^none\.txt cannot be read: No such file or directory$"):
        read_accounts(Path("none.txt"))
    with pytest.raises(ConfigError, match=r"^bad\.txt: .*line 1"):
        read_accounts(write("bad.txt", "Yoda\n"))
