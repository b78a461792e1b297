"""Whole runs: a server, Locust and their figures, which agree with the server's own logs to the message.

Locust is only ever started as a child: it patches the process that imports it.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Set, Tuple

import pytest
from click.testing import CliRunner

from messenger.cli import main
from messenger.config import ServerConfig
from messenger.errors import ConfigError
from messenger.load.options import add_options, mix_of
from messenger.load.plan import ROLES
from messenger.server import Server
from tests.load.reports import documented_fields, fields_of

CHECKOUT = Path(__file__).parent.parent.parent
COMMAND = [sys.executable, "-m", "messenger"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
SMALL = ["--people", "20", "--duration", "3", "--ramp", "1", "--think", "0.1"]

Loaded = Tuple[Path, int]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Loaded]:
    """A server with accounts, its folder and its port."""
    (tmp_path / "credentials.txt").write_text("".join(f"load-{number} secret{number}\n" for number in range(60)))
    with Server(ServerConfig(0, 3, ("127.0.0.1",), tmp_path / "credentials.txt", tmp_path)) as running:
        yield tmp_path, running.port


def load(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, "load", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=55, check=False)


def report_in(folder: Path) -> Dict[str, Any]:
    found: Dict[str, Any] = json.loads((folder / "report.json").read_text())
    assert (folder / "report.html").stat().st_size > 5000
    return found


def lines(path: Path) -> List[str]:
    return path.read_text().rstrip("\n").split("\n")


@pytest.mark.parametrize("workers", [1, 2])
def test_figures_are_those_of_the_server_s_logs(server: Loaded, workers: int) -> None:
    folder, port = server
    mix = "messages=60,groups=20,logins=10,files=10"
    ended = load(
        folder, "smoke", *SMALL, "--mix", mix, "--group-size", 4, "--file-size", "20kB-200kB", "--workers", workers,
        "--server", f"127.0.0.1:{port}", "--credentials", "credentials.txt",
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    report = report_in(folder)
    logged = [line.split("; ", 3)[2] for line in lines(folder / "messagelog.txt")]
    people = {f"load-{number}" for number in range(60)}
    fates = report["messages"]
    assert fates["messages"]["acked"] == fates["messages"]["delivered"] == sum(to in people for to in logged)
    to_groups = sum(to not in people for to in logged)
    assert to_groups > 0
    assert fates["groups"]["delivered"] == fates["groups"]["sent"] == 3 * to_groups
    activity = [line.rsplit("; ", 1)[1] for line in lines(folder / "activitylog.txt")]
    assert report["operations"]["login"]["count"] == activity.count("login")
    assert report["operations"]["logout"]["count"] == activity.count("logout")
    assert activity.count("lost") == 0
    assert report["files"]["count"] > 0
    assert report["plan"]["workers"] == workers
    assert len(report["generator"]["workers"]) == workers
    documented, found = documented_fields(), fields_of(report)
    assert (found["plan"], found["machine"]) == (documented["plan"], documented["machine"])


def test_a_server_that_is_down_is_a_failed_login_and_no_silent_zero(tmp_path: Path) -> None:
    (tmp_path / "credentials.txt").write_text("".join(f"load-{number} x\n" for number in range(60)))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers there
        ended = load(tmp_path, "smoke", *SMALL, "--mix", "messages", "--server", f"127.0.0.1:{taken.getsockname()[1]}",
                     "--expect", "login.failures == 0")  # fmt: skip
    assert ended.returncode == 1, ended.stderr
    assert "failed: login: cannot connect" in ended.stdout
    assert "BROKEN: login.failures == 0" in ended.stdout
    assert report_in(tmp_path)["operations"]["login"]["failures"] > 0


def test_too_few_accounts_are_told_before_anything_starts(server: Loaded) -> None:
    folder, port = server
    ended = load(folder, "smoke", "--mix", "messages", "--people", 500, "--server", f"127.0.0.1:{port}")
    assert ended.returncode == 2
    assert "500 accounts are needed, and credentials.txt has 60" in ended.stderr
    assert "messenger credentials generate 500" in ended.stderr
    assert not (folder / "report.json").exists()
    plain = [sys.executable, "-m", "locust", "-f", str(CHECKOUT / "loadtest" / "locustfile.py"), "--headless"]
    ended = subprocess.run(
        [*plain, "--host", f"127.0.0.1:{port}", "-u", "250", "-t", "30s"],
        cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "500 accounts are needed, and credentials.txt has 60" in ended.stderr
    assert lines(folder / "activitylog.txt") == [""]


def test_an_expectation_that_breaks_is_named(tmp_path: Path) -> None:
    ended = load(tmp_path, "smoke", *SMALL, "--mix", "messages", "--expect", "delivery.p99 < 1us")
    assert ended.returncode == 1
    assert "BROKEN: delivery.p99 < 1us" in ended.stdout


def test_plain_locust_works_as_its_users_expect(server: Loaded) -> None:
    folder, port = server
    command = [
        sys.executable, "-m", "locust", "-f", str(CHECKOUT / "loadtest" / "locustfile.py"),
        "--host", f"127.0.0.1:{port}", "--headless", "-u", "4", "-r", "4", "-t", "3s", "--think", "0.1",
        "--csv", "figures", "--html", "page.html", "--only-summary",
    ]  # fmt: skip
    ended = subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=50, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "delivery" in (folder / "figures_stats.csv").read_text()
    assert (folder / "page.html").stat().st_size > 10_000
    assert "0 lost" in ended.stderr


def test_a_master_and_its_workers_share_accounts_and_add_up(server: Loaded) -> None:
    """The workers know nothing but where their master is: what to play, for whom, comes from there."""
    folder, port = server
    # As many as there are people, of whom the group is one worker's, and more than half.
    text = (folder / "credentials.txt").read_text()
    (folder / "few.txt").write_text("\n".join(text.split("\n")[:40]))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = str(free.getsockname()[1])
    locust = [sys.executable, "-m", "locust", "-f", str(CHECKOUT / "loadtest" / "locustfile.py")]
    master = [
        "--master", "--expect-workers", "2", "--master-bind-host", "127.0.0.1", "--master-bind-port", number,
        "--host", f"127.0.0.1:{port}", "--headless", "-t", "4s", "--mix", "messages,groups", "--people", "40",
        "--group-size", "20", "--think", "0.1", "-r", "20", "--credentials", "few.txt",
        "--load-json", "record.json", "--only-summary",
    ]  # fmt: skip
    programs = [
        subprocess.Popen([*locust, *options], cwd=folder, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
        for options in (master, *[["--worker", "--master-port", number]] * 2)
    ]
    said = [program.communicate(timeout=50)[1] for program in programs]
    assert [program.returncode for program in programs] == [0, 0, 0], said
    record = json.loads((folder / "record.json").read_text())
    logged = [line.split("; ", 3)[2] for line in lines(folder / "messagelog.txt")]
    to_people = sum(to.startswith("load-") for to in logged)
    assert record["workers"] == 2
    assert record["fates"]["messages"]["delivered"] == record["fates"]["messages"]["sent"] == to_people > 0
    assert record["fates"]["groups"]["delivered"] == record["fates"]["groups"]["sent"] == 19 * (len(logged) - to_people)
    activity = [line.rsplit("; ", 1)[1] for line in lines(folder / "activitylog.txt")]
    assert (activity.count("login"), activity.count("logout"), len(activity)) == (40, 40, 80)


@pytest.mark.parametrize(
    ("arguments", "roles"),
    [
        ([], {"messages"}),
        (["--mix", "groups=2,files"], {"groups", "files"}),
        (["--tags", "presence", "wrong-passwords"], {"presence", "wrong-passwords"}),
        (["--exclude-tags", "files", "logins"], set(ROLES) - {"files", "logins"}),
        (["--mix", "groups,files", "--exclude-tags", "files"], {"groups"}),
        (["SlowReadersUser", "FilesUser"], {"slow-readers", "files"}),
    ],
)
def test_who_plays_is_chosen_by_mix_class_or_tag(arguments: List[str], roles: Set[str]) -> None:
    parser = argparse.ArgumentParser()
    add_options(parser)
    parser.add_argument("--tags", nargs="*")
    parser.add_argument("--exclude-tags", nargs="*")
    parser.add_argument("user_classes", nargs="*")
    assert set(mix_of(parser.parse_args(arguments))) == roles
    with pytest.raises(ConfigError, match="nobody is left"):
        mix_of(parser.parse_args([*arguments, "--exclude-tags", *ROLES]))


def test_the_locustfile_lists_its_options() -> None:
    parser = argparse.ArgumentParser()
    add_options(parser)
    listed = (CHECKOUT / "loadtest" / "locustfile.py").read_text().split('"""')[1]
    for action in parser._actions:
        assert f"    {action.option_strings[-1]} " in listed or action.dest == "help"


def test_what_cannot_be_run_is_told_in_one_line(tmp_path: Path) -> None:
    for arguments, said in (
        (["nothing"], "there is no file and no profile nothing"),
        (["smoke", "--people", "x"], "people cannot be 'x'"),
        (["smoke", "--expect", "speed"], "--expect must be like"),
        (["smoke", "--expect", "files.failures == 0"], "nothing is called files.failures"),
        (["smoke", "--fault", "1 burn-server"], "a fault is SECONDS WHAT"),
        (["smoke", "--fault", "1 kill-clients ten"], "kill-clients: expected a share, like 10%, not 'ten'"),
        (["smoke", "--fault", "15 kill-clients"], "is never done: the run ends after 15 s"),
        (["smoke", "--server", "127.0.0.1:1", "--fault", "1 kill-server"], "only possible with a server"),
        (["missing.scenario"], "cannot read the scenario"),
    ):
        ended = CliRunner().invoke(main, ["load", *arguments, "--output", str(tmp_path)])
        assert ended.exit_code == 2, arguments
        assert said in ended.output
        assert len(lines_of(ended.output)) == 1, ended.output
    assert not [*tmp_path.iterdir()]


def test_what_is_no_report_is_not_compared(tmp_path: Path) -> None:
    (tmp_path / "one.html").write_text("<!doctype html>")
    for name, said in (("one.html", "one.html is no report of messenger load"), ("two", "cannot read two: No such")):
        ended = subprocess.run(
            [*COMMAND, "compare", name, name],
            cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ended.returncode == 2
        assert ended.stderr.startswith(f"messenger: {said}")
        assert ended.stderr.count("\n") == 1


def lines_of(text: str) -> List[str]:
    return text.rstrip("\n").split("\n")
