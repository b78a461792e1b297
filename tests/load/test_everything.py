"""Every role, every fault and every way to end in a few runs: whatever happens, the report accounts for it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path
from typing import IO, Any, Dict, Iterator, List, Tuple

import psutil
import pytest

from messenger.config import ServerConfig
from messenger.load import conduct as conducting
from messenger.load.conduct import Surroundings, conduct
from messenger.load.plan import Plan
from messenger.load.profiles import Fault, Profile
from messenger.load.programs import ServerProgram
from messenger.server import Server
from tests.support.files import log_lines, log_rows
from tests.support.processes import PROJECT, environment
from tests.support.waiting import eventually

COMMAND = [sys.executable, "-m", "messenger", "load"]
LOCUST = [sys.executable, "-m", "locust", "-f", str(PROJECT / "loadtest" / "locustfile.py")]
ROLES = "messages,groups,presence,logins,wrong-passwords,reconnects,slow-readers,files"

Loaded = Tuple[Path, int]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Loaded]:
    """A server with accounts, its folder and its port."""
    (tmp_path / "credentials.txt").write_text("".join(f"load-{number} secret{number}\n" for number in range(60)))
    with Server(ServerConfig(0, 3, ("127.0.0.1",), tmp_path / "credentials.txt", tmp_path)) as running:
        yield tmp_path, running.port


def run(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=folder, env=environment(), capture_output=True, text=True, timeout=55, check=False,
    )  # fmt: skip


def report_in(folder: Path) -> Dict[str, Any]:
    found: Dict[str, Any] = json.loads((folder / "report.json").read_text())
    return found


def happened(folder: Path) -> List[str]:
    """Return what the server logged of people: login, logout, lost, refused, blocked."""
    return [line.rpartition("; ")[2] for line in log_lines(folder / "activitylog.txt")]


def failures(report: Dict[str, Any]) -> Dict[Tuple[str, str], int]:
    return {(one["operation"], one["reason"]): one["count"] for one in report["failures"]}


def test_every_role_at_once_is_accounted_for_by_the_server_s_logs(server: Loaded) -> None:
    folder, port = server
    ended = run(
        folder, "smoke", "--mix", ROLES, "--people", 44, "--duration", 4, "--ramp", 1, "--think", 0.05,
        "--group-size", 4, "--file-size", "20kB-50kB", "--server", f"127.0.0.1:{port}",
    )  # fmt: skip
    report = report_in(folder)
    operations = report["operations"]
    assert {"login", "logout", "ack", "delivery", "activeuser", "creategroup", "joingroup", "refusal", "file"} <= {
        *operations
    }, ended.stderr
    activity = happened(folder)
    assert operations["login"]["count"] == activity.count("login")
    assert operations["logout"]["count"] == activity.count("logout")
    assert operations["refusal"]["count"] == activity.count("refused") + activity.count("blocked") > 0
    assert operations["login"]["count"] - operations["logout"]["count"] == activity.count("lost") > 0, "reconnects"
    assert operations["ack"]["count"] == len(log_rows(folder / "messagelog.txt"))
    fates = report["messages"]
    assert min(fates[role]["delivered"] for role in ("messages", "groups", "reconnects", "slow-readers")) > 0
    assert (fates["all"]["lost"], fates["all"]["unfinished"]) == (0, 0)
    assert fates["all"]["refused"] == sum(count for (name, _), count in failures(report).items() if name == "ack")
    assert (report["files"]["failures"], report["files"]["unfinished"]) == (0, 0)
    assert report["files"]["count"] > 0
    assert report["problems"] == []


def test_every_fault_is_named_with_what_it_broke(tmp_path: Path) -> None:
    faults = [
        "0.5 udp loss=5% delay=1ms duplicate=5% reorder=5%",
        "1 pause-receivers 500ms 50%",
        "2 pause-server 500ms",
        "3 kill-clients 50%",
        "5 restart-server",
        "7 udp loss=100%",
        "8.5 kill-server",
    ]
    given = [part for fault in faults for part in ("--fault", fault)]
    ended = run(
        tmp_path, "smoke", "--mix", "messages=80,files=20", "--people", 20, "--rate", 40, "--duration", 10, "--ramp", 0,
        "--file-size", "50kB", "--drain", 1, "--expect", "unsent == 0", *given,
    )  # fmt: skip
    report = report_in(tmp_path)
    assert [one["what"] for one in report["faults"]] == [fault.partition(" ")[2] for fault in faults], ended.stderr
    assert ended.returncode == 1
    operations = report["operations"]
    assert operations["delivery"]["max"] > 300_000, "messages were due while nobody read"
    # Each login came to an end: half of the twenty people were cut off once, all others lost the server.
    assert operations["login"]["count"] == operations["connection"]["failures"] + 10
    assert operations["login"]["count"] > 30
    assert failures(report)["login", "cannot connect"] > 0
    assert report["undone"]["unsent"] > 0
    assert report["files"]["count"] > 0
    assert report["files"]["unfinished"] > 0, "of which nothing has arrived any more"
    broken = set(re.findall(r"BROKEN: (.*?) \(", ended.stdout))
    assert {"login.failures == 0", "connection.failures == 0", "unsent == 0", "files.unfinished == 0"} <= broken
    assert report["problems"] == [], "nothing happened that nobody asked for"


def test_a_search_for_the_highest_rate_goes_through_its_stages_again_and_again(tmp_path: Path) -> None:
    (tmp_path / "mine.ini").write_text(
        "[load]\nstages = 0:4 1:12 3:12 4:4\nrate = 10\nfind-max = 10\nexpect = sent < 60\n    lost == 0\n"
    )
    ended = run(tmp_path, "mine.ini")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "10 messages/s: passed" in ended.stdout
    assert "100 messages/s: failed" in ended.stdout
    report = report_in(tmp_path)
    assert any(line.startswith("highest rate that kept all thresholds: 10 messages/s") for line in report["search"])
    assert report["plan"]["rate"] == 100
    assert report["operations"]["login"]["count"] == 12, "whoever is there at the peak came once"
    assert report["server"]["online_max"] == 12


class Kept(ServerProgram):
    """A server whose log of messages outlives its folder."""

    folder: Path

    def close(self) -> None:
        super().close()
        (self.folder / "messagelog.txt").write_bytes((self._folder / "messagelog.txt").read_bytes())


def test_a_restart_of_the_server_loses_nothing_that_it_had_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conducting, "ServerProgram", type("KeptHere", (Kept,), {"folder": tmp_path}))
    profile = Profile("x", people=20, rate=100, duration=7, ramp=1, plan=Plan(), faults=(Fault(2, "restart-server"),))
    report = conduct(profile, Surroundings())
    assert [fault["what"] for fault in report["faults"]] == ["restart-server"]
    assert failures(report)["connection", "lost connection"] == 20
    assert report["operations"]["login"]["count"] == 40
    fates = report["messages"]["all"]
    logged = len(log_rows(tmp_path / "messagelog.txt"))
    assert fates["sent"] - fates["refused"] - fates["unfinished"] <= logged <= fates["sent"] - fates["refused"]
    assert fates["acked"] <= logged
    again = report["faults"][0]["at"]
    after = [online for at, online in zip(report["server"]["time"], report["server"]["online"]) if at > again]
    assert 20 in after, "its metrics are where they were"
    assert report["problems"] == []


def until(stream: IO[str], text: str) -> None:
    assert any(text in line for line in stream), f"it has never said {text}"


def started(folder: Path, *options: str) -> subprocess.Popen[str]:
    """Start a run that would last for five minutes, as a shell does: in a process group of its own."""
    return subprocess.Popen(
        [*COMMAND, "smoke", "--mix", "messages", "--people", "20", "--duration", "300", "--ramp", "1", *options],
        cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def test_ctrl_c_in_a_terminal_ends_with_a_report_of_what_was_until_then(tmp_path: Path) -> None:
    """There, it comes to every process of the group."""
    with started(tmp_path) as running:
        assert running.stderr is not None
        until(running.stderr, "20 online")
        until(running.stderr, "20 online")
        until(running.stderr, "20 online")
        os.killpg(running.pid, signal.SIGINT)
        told, _ = running.communicate(timeout=40)
    assert running.returncode == 1, told
    report = report_in(tmp_path)
    (problem,) = report["problems"]
    assert re.fullmatch(r"interrupted after \d+ of 300 s", problem)
    fates = report["messages"]["all"]
    assert fates["sent"] == fates["delivered"] > 0, told
    assert fates["unfinished"] == 0
    assert report["operations"]["logout"]["count"] == 20
    assert report["operations"]["ack"]["rate"] > 0
    assert report["phases"]["steady"] > 0


def test_a_server_and_a_worker_that_die_are_in_the_report_and_no_process_is_left(tmp_path: Path) -> None:
    faults = ("--fault", "0.1 kill-clients 10%", "--fault", "200 kill-clients 10%")
    with started(tmp_path, "--workers", "2", "--drain", "1", *faults) as running:
        assert running.stderr is not None
        until(running.stderr, "20 online")
        children = psutil.Process(running.pid).children(recursive=True)
        (serving,) = [child for child in children if "serve" in child.cmdline()]
        opened = [
            one for child in children for one in child.net_connections("inet") if one.status == psutil.CONN_LISTEN
        ]
        assert {one.laddr.ip for one in opened} == {"127.0.0.1"}, "passwords go over one of them"
        parents = {child.ppid() for child in children}
        worker = next(child for child in children if child.pid not in parents and child.pid != serving.pid)
        serving.kill()
        worker.kill()
        until(running.stderr, " s")
        until(running.stderr, " s")
        running.send_signal(signal.SIGTERM)
        told, _ = running.communicate(timeout=50)
    assert running.returncode == 1, told
    report = report_in(tmp_path)
    problems = report["problems"]
    for begin in ("the server ended by itself", "interrupted after", "1 of 2 workers were lost"):
        assert any(problem.startswith(begin) for problem in problems), problems
    assert [fault["what"] for fault in report["faults"]] == ["kill-clients 10%"], "the other was not done"
    eventually(lambda: not any(child.is_running() for child in children), what="no process is left")


def test_the_web_page_starts_a_run_and_shows_its_statistics(server: Loaded) -> None:
    folder, port = server
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        web = free.getsockname()[1]
    url = f"http://127.0.0.1:{web}"

    def ask(path: str, **form: object) -> str:
        data = urllib.parse.urlencode(form).encode() if form else None
        with urllib.request.urlopen(url + path, data, timeout=10) as answer:
            text: str = answer.read().decode()
        return text

    def statistics() -> Dict[str, int]:
        return {one["name"]: one["num_requests"] for one in json.loads(ask("/stats/requests"))["stats"]}

    command = [*LOCUST, "--host", f"127.0.0.1:{port}", "--web-host", "127.0.0.1", "--web-port", str(web)]
    with subprocess.Popen(
        [*command, "--think", "0.05"], cwd=folder, env=environment(), stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr is not None
        until(running.stderr, "Starting web interface")
        eventually(lambda: is_listening(web), within=20, what="the page is there")
        assert "<title>Locust" in ask("/")
        asked = ask("/swarm", user_count=4, spawn_rate=4, host=f"127.0.0.1:{port}", mix="messages,presence")
        assert json.loads(asked)["success"]
        eventually(lambda: min(map(statistics().get, ("delivery", "activeuser"), (0, 0))) > 5, within=20)
        assert json.loads(ask("/stats/requests"))["user_count"] == 4
        running.terminate()
        said = running.communicate(timeout=40)[1]
    assert "messages: " in said
    assert " 0 lost" in said
    activity = happened(folder)
    assert activity.count("login") == activity.count("logout") > 4


def is_listening(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def test_what_is_left_out_of_a_scenario_is_told_once_and_stands_in_the_report(tmp_path: Path) -> None:
    scenario = PROJECT / "scenarios" / "messages" / "private.scenario"
    ended = run(tmp_path, scenario, "--people", 6, "--duration", 1, "--ramp", 0, "--think", 0.1)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    report = report_in(tmp_path)
    assert len(report["skipped"]) == 4
    for text in report["skipped"]:
        assert ended.stderr.count(f"left out under load: {text}\n") == 1
    assert report["operations"]["scenario"]["count"] > 0
    assert report["undone"]["plays"] == 0
