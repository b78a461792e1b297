"""README's section about load tests is true: its commands are run, and what it lists is what there is."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Set

import pytest
from click.testing import CliRunner

from messenger.cli import main
from messenger.config import ServerConfig
from messenger.load.faults import impairment_of
from messenger.load.plan import ROLES
from messenger.load.profiles import FAULTS, parse_fault, read_profile
from messenger.load.thresholds import parse_threshold
from messenger.server import Server
from tests.support.processes import PROJECT, environment

SECTION = re.findall(
    r"^## Load tests\n(.*?)^## ", (PROJECT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
)[0]
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL) for line in block.splitlines()
]
SMALL = ["--people", "10", "--duration", "2", "--ramp", "0", "--think", "0.1"]


def paragraph(begin: str) -> str:
    found: str = re.findall(rf"^{begin}.*?(?:\n\n|\Z)", SECTION, re.MULTILINE | re.DOTALL)[0]
    return found


def test_the_commands_of_messenger_run(tmp_path: Path) -> None:
    (tmp_path / "scenarios").symlink_to(PROJECT / "scenarios")
    ran: Dict[str, str] = {}
    for command in COMMANDS:
        # On a machine that runs other tests, too, nothing is known of latencies.
        quick = command.replace("10 restart-server", "0.5 restart-server").replace("200ms", "10s")
        program, *arguments = shlex.split(quick)
        if program == "messenger" and arguments[0] in ("load", "compare"):
            more = SMALL if arguments[0] == "load" else []
            ended = subprocess.run(
                [sys.executable, "-m", program, *arguments, *more],
                cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=40, check=False,
            )  # fmt: skip
            assert ended.returncode in (0, 1) if "--fault" in arguments else ended.returncode == 0, ended
            ran[command] = ended.stdout
    assert len(ran) == 4
    assert "Mann-Whitney U test" in [*ran.values()][-1]
    assert [fault["what"] for fault in json.loads((tmp_path / "restarted/report.json").read_text())["faults"]] == [
        "restart-server"
    ]


def test_the_server_that_plain_locust_needs_has_the_accounts_that_were_generated(tmp_path: Path) -> None:
    generate, serve, locust = COMMANDS[-3:]
    assert serve == "messenger serve 12000 3"
    program, *arguments = shlex.split(generate.partition(" > ")[0])
    made = CliRunner().invoke(main, arguments)
    assert (program, made.exit_code) == ("messenger", 0)
    (tmp_path / "credentials.txt").write_text(made.output)
    with Server(ServerConfig(0, 3, ("127.0.0.1",), tmp_path / "credentials.txt", tmp_path)) as server:
        _, *arguments = shlex.split(locust.replace("12000", str(server.port)))
        arguments[1] = str(PROJECT / arguments[1])
        ended = subprocess.run(
            [sys.executable, "-m", "locust", *arguments, "--headless", "-u", "2", "-t", "1s", "--think", "0.1"],
            cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=40, check=False,
        )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert " 0 lost" in ended.stderr


def test_all_profiles_are_listed_by_their_titles() -> None:
    listed = dict(re.findall(r"^\| ([a-z-]+) \| (.*?) \|$", SECTION, re.MULTILINE))
    listed.pop("profile")
    listed.pop("---")
    paths = (PROJECT / "loadtest" / "profiles").glob("*.ini")
    assert listed == {path.stem: read_profile(path).title for path in paths}


def test_all_roles_and_entries_are_listed() -> None:
    text = paragraph("A profile is a small file")
    assert re.findall(r"`([a-z-]+)`", text.partition("of roles:")[2]) == list(ROLES)
    options: Set[str] = set(re.findall(r"`(--[a-z-]+)", text))
    helped = CliRunner().invoke(main, ["load", "--help"]).output
    assert options == {f"--{name}" for name in re.findall(r"--(\S+) VALUE", helped)}


@pytest.mark.parametrize("option", sorted(set(re.findall(r"`(--[a-z-]+)", SECTION.partition("| profile")[0]))))
def test_the_options_exist(option: str) -> None:
    assert option in CliRunner().invoke(main, ["load", "--help"]).output


def test_thresholds_and_faults_are_those_that_can_be_read() -> None:
    shown: List[str] = re.findall(r"`([^`]*[<=>][^`]*)`", paragraph("The exit status is 1"))
    assert len([parse_threshold(text) for text in shown]) == 7
    faults = [parse_fault(f"1 {text}") for text in re.findall(r"`([^`]+)`", paragraph("Faults, "))[: len(FAULTS)]]
    assert {fault.what for fault in faults} == set(FAULTS)
    assert impairment_of(faults[-1].how).corrupt == 0.01
