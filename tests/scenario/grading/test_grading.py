"""`messenger grade`: our own program gets full marks, bad ones none that they don't deserve; wrong usage is told."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, Final, List, NamedTuple, Tuple
from xml.etree import ElementTree

import pytest

from messenger.scenario.grading.marks import FEATURES
from tests.support.processes import PROJECT, environment

GRADED: Final = PROJECT / "tests" / "support" / "graded"
OWN_SERVER: Final = f"{sys.executable} {PROJECT / 'Server.py'} {{port}} {{attempts}}"
OWN_CLIENT: Final = f"{sys.executable} {PROJECT / 'Client.py'} {{host}} {{port}} {{udp_port}}"

TALKS: Final = """# A message arrives.
@marks 2 talking
@timeout 30
@actor Yoda, Hans
Yoda > /msgto Hans hello ${run}
Hans < hello ${run}
"""
SENDS: Final = """# A file arrives.
@marks 3 sending
@timeout 6
@make Yoda/a.mp4 100 kB
@actor Yoda, Hans
Yoda > /p2pvideo Hans a.mp4
@file Hans/Yoda_a.mp4 same as Yoda/a.mp4
"""
JOINS: Final = """# A group is joined.
@marks 4 groups
@timeout 6
@actor Yoda, Hans
Yoda > /creategroup FORCE Hans
@answered Yoda
Hans > /joingroup FORCE
Hans < joined
"""


class Grading(NamedTuple):
    """What a run came to."""

    status: int
    report: str
    errors: str

    @property
    def marks(self) -> Dict[str, str]:
        """The table."""
        return dict(re.findall(r"^\| (\w+) \| (.+) \|$", self.report, re.MULTILINE)[1:])

    @property
    def evidence(self) -> List[str]:
        """What stands for each loss."""
        return re.findall(r"```text\n(.*?)```", self.report, re.DOTALL)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Grade in an empty folder."""
    monkeypatch.chdir(tmp_path)


def grade(server: str, client: str, *arguments: str, timeout: float = 50) -> Grading:
    """Grade in a process of its own: plays are forked."""
    command = [sys.executable, "-m", "messenger", "grade", "--server-command", server, "--client-command", client]
    ran = subprocess.run(
        [*command, *arguments], env=environment(), capture_output=True, text=True, timeout=timeout, check=False
    )
    assert "Traceback" not in ran.stderr
    return Grading(ran.returncode, ran.stdout, ran.stderr)


def script(name: str, *arguments: str) -> str:
    """The command of a program in this folder of tests."""
    return " ".join([sys.executable, str(GRADED / name), *arguments])


def foreign(name: str) -> Tuple[str, str]:
    """The commands of a server and a client that belong together."""
    server = script(f"{name}_server.py", "{port}", "{attempts}")
    return server, script(f"{name}_client.py", "{host}", "{port}", "{udp_port}")


def spoilt(fault: str) -> Tuple[str, str]:
    """The commands of this package with a client that has a fault."""
    return OWN_SERVER, script("spoilt_client.py", fault, "{host}", "{port}", "{udp_port}")


def write(**texts: str) -> str:
    """Write scenarios into a folder and return its name."""
    Path("play").mkdir()
    for name, text in texts.items():
        Path("play", f"{name}.scenario").write_text(text)
    return "play"


def processes_of(word: str) -> List[str]:
    """Return the command lines on this machine with this word."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it has ended meanwhile
            continue
        found += [line] if word in line else []
    return found


@pytest.mark.timeout(180)
def test_our_own_program_gets_full_marks() -> None:
    # Other tests run meanwhile: steps may take longer.
    graded = grade(OWN_SERVER, OWN_CLIENT, "--timeout-factor", "3", "--junit", "j.xml", timeout=170)
    assert (graded.status, graded.evidence, graded.errors) == (0, [], "")
    assert graded.report.startswith("# 100 of 100 marks\n")
    assert set(graded.marks) == {"login", "presence", "messages", "groups", "files", "survival"}
    root = ElementTree.parse("j.xml").getroot()
    assert (root.attrib["failures"], root.attrib["skipped"]) == ("0", "0")
    assert len(list(root.iter("testcase"))) == graded.report.count("- [x]")


@pytest.mark.timeout(180)
def test_who_says_the_right_words_and_does_nothing_gets_no_marks() -> None:
    graded = grade(*foreign("nothing"), "--timeout-factor", "0.5", "--jobs", "12", timeout=170)
    assert (graded.status, graded.errors) == (1, "")
    assert graded.report.startswith("# 0 of 100 marks\n")
    assert "[x]" not in graded.report
    by_name = {evidence.strip().split(".scenario")[0]: evidence for evidence in graded.evidence}
    assert len(by_name) == graded.report.count("- [ ]")
    assert "Hans did not see this within" in by_name["messages/private"]
    assert "Welcome to Tessenger!" in by_name["messages/private"]
    assert "there is no file Hans/Yoda_byte.bin" in by_name["files/contents"]
    assert "other: it is logged in" in by_name["login/accounts"]
    assert "the server takes this number of attempts" in by_name["survival/attempts"]


def test_who_corrupts_files_gets_the_marks_of_everything_else() -> None:
    graded = grade(*spoilt("corrupts"), write(talks=TALKS, sends=SENDS))
    assert (graded.status, graded.marks) == (1, {"talking": "2 of 2", "sending": "0 of 3"})
    assert "Yoda_a.mp4 and a.mp4 differ" in graded.evidence[0]


@pytest.mark.parametrize("fault", ["hangs", "dies"])
def test_who_hangs_or_dies_loses_the_marks_of_that_only_and_leaves_no_process(fault: str, tmp_path: Path) -> None:
    graded = grade(
        *spoilt(f"{fault}@{tmp_path.name}"),
        write(talks=TALKS, joins=JOINS),
        "--markdown",
        "r.md",
        "--artifacts",
        "kept",
    )
    assert (graded.status, graded.marks) == (1, {"talking": "2 of 2", "groups": "0 of 4"})
    assert graded.evidence == []
    report = Path("r.md").read_text()
    assert "joins.scenario:8: Hans < joined" in report
    assert f"kept in kept{os.sep}joins" in report
    assert "/joingroup FORCE" in Path("kept/joins/timeline.txt").read_text()
    assert processes_of(f"{fault}@{tmp_path.name}") == []


def test_a_server_that_takes_somebody_along_with_a_stranger_loses_the_marks_of_who_is_killed() -> None:
    server = script("spoilt_server.py", "takes-along", "{port}", "{attempts}")
    graded = grade(server, OWN_CLIENT, str(FEATURES / "survival" / "killed-client.scenario"), "--timeout-factor", "2")
    assert graded.marks == {"survival": "0 of 2"}
    assert "@file userlog.txt" in graded.evidence[0]


def test_a_server_that_waits_for_its_terminal_loses_the_marks_of_one_that_is_paused() -> None:
    server = script("spoilt_server.py", "waits", "{port}", "{attempts}")
    graded = grade(server, OWN_CLIENT, str(FEATURES / "survival" / "paused-terminal.scenario"), "--timeout-factor", "2")
    assert graded.marks == {"survival": "0 of 1"}
    assert re.search(r"Hans < one|Leia was not logged in|Yoda < two", graded.evidence[0])


def test_a_server_that_is_not_there_costs_all_marks_and_a_client_that_ignores_its_end_is_killed() -> None:
    server = f"sh -c 'echo no port {{port}} for {{attempts}}; exit 3' {sys.executable}"
    graded = grade(server, OWN_CLIENT, write(talks=TALKS))
    assert (graded.status, graded.marks) == (1, {"talking": "0 of 2"})
    assert "the server ended with status 3" in graded.evidence[0]
    assert "no port " in graded.evidence[0]
    sleep = f"sleep {10**6 + os.getpid()}"
    stubborn = f"sh -c 'trap \"\" HUP TERM INT; setsid {sleep} & {sleep} & wait' {{host}} {{port}} {{udp_port}}"
    graded = grade(OWN_SERVER, stubborn, "play", "--timeout-factor", "0.25")
    assert "Yoda showed nothing in 5 s" in graded.evidence[0]
    assert processes_of(sleep) == []


DIALECT: Final = r"""
first = login
username = ^\* who are you
password = ^\* and your secret
welcome = ^you are in
prompt = \d+ (here|so far); what now\?
joins = whispers$
barrier = who
barrier_answer = ^here:
ready = open for business
credentials = people
msgto = send
"""


def test_a_program_of_other_words_is_graded_with_a_dialect_file() -> None:
    Path("terse.dialect").write_text(DIALECT)
    play = write(talks=TALKS.replace("hello", "hello  there;"))
    shutil.copy(FEATURES / "messages" / "private.scenario", play)
    shutil.copy(FEATURES / "messages" / "refused.scenario", play)
    arguments = ["--dialect", "terse.dialect", "--timeout-factor", "3"]
    graded = grade(*foreign("terse"), play, *arguments)
    assert (graded.status, graded.evidence) == (0, [])
    assert graded.marks == {"talking": "2 of 2", "messages": "9 of 9"}


def test_a_marks_file_and_a_choice_of_features_change_what_counts() -> None:
    Path("my.marks").write_text("talking = 20\nsends = 0\n")
    graded = grade(OWN_SERVER, OWN_CLIENT, write(talks=TALKS, sends=SENDS), "--marks", "my.marks", "--only", "talking")
    assert (graded.status, graded.marks) == (0, {"talking": "20 of 20"})


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--dialect", "nothing"], "nothing: No such file or directory"),
        (["--marks", "wrong"], "wrong:1: expected KEY = VALUE"),
        (["--dialect", "wrong"], "wrong:1: expected KEY = VALUE"),
        (["--only", "flying"], "there is no feature flying; there are files, groups, login,"),
        (["nowhere"], "nothing was graded"),
        (["--client-command", "python3 client.py {port}"], "--client-command: {host} is missing in"),
    ],
)
def test_wrong_usage_is_told_in_one_line_and_nothing_is_played(arguments: List[str], fault: str) -> None:
    Path("wrong").write_text("a line\n")
    graded = grade(OWN_SERVER, OWN_CLIENT, *arguments)
    assert (graded.status, graded.report) == (2, "")
    assert graded.errors.strip().split("\n")[-1].startswith(f"messenger: {fault}")


def test_the_help_tells_what_a_dialect_may_say() -> None:
    shown = grade(OWN_SERVER, OWN_CLIENT, "--help").report
    assert "    barrier = COMMAND        a command that the server answers and that leaves no trace" in shown
    assert "NAME = MARKS" in shown
