"""Fixtures that more than one folder of tests uses."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any, Callable, Iterator, List, Mapping

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from messenger.config import ServerConfig
from messenger.server import Server
from tests.support.files import ACCOUNTS, write_credentials
from tests.support.processes import Serve
from tests.support.wire import Wire, logged_in

MakeConfig = Callable[..., ServerConfig]
StartServer = Callable[..., Server]
ServeProcess = Callable[..., Serve]
Connect = Callable[..., Wire]

# A suite that a shell started in the background has SIGINT ignored, and so would have every program that it starts.
# SIGHUP is ignored under nohup.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Programs under test are started by the hundred: they are compiled once.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# How long an example takes depends on what else runs.
hypothesis.settings.register_profile("no deadline", hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("no deadline")

MOST_WORKERS = 8

SHARING = ("test_the_scenario_passes", "test_the_whole_demo_")
"""How the names of tests begin that look into the same play."""


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors, as tests often wait."""
    return min((os.cpu_count() or 1) + 1, MOST_WORKERS)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Any worker takes any test, but one takes all that look into the same play, which each would play again.

    The marker for this, `xdist_group`, is overlooked by xdist 3.8 with pytest 9.2.
    """
    scheduling = LoadScopeScheduling(config, log)
    scheduling._split_scope = _replay_or_test
    return scheduling


def _replay_or_test(nodeid: str) -> str:
    file, _, test = nodeid.partition("::")
    driver = test.rpartition("-")[2] if "[" in test else ""  # those of a driver share a play
    return next((f"{file}::{beginning}{driver}" for beginning in SHARING if test.startswith(beginning)), nodeid)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """The folder of the logs of this test's server."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def make_config(tmp_path: Path, data_dir: Path) -> MakeConfig:
    """Make configurations of servers on a free port of 127.0.0.1, with the usual accounts unless told otherwise."""

    def make(accounts: Mapping[str, str] = ACCOUNTS, **settings: Any) -> ServerConfig:
        credentials = write_credentials(tmp_path / "credentials.txt", accounts)
        usual = {"port": 0, "attempts": 3, "bind": ("127.0.0.1",), "credentials": credentials, "data_dir": data_dir}
        return ServerConfig(**{**usual, **settings})

    return make


@pytest.fixture
def start_server(make_config: MakeConfig) -> Iterator[StartServer]:
    """Start servers in this process; all are stopped at the end, and none of their threads may have failed."""
    hook = threading.excepthook
    running: List[Server] = []

    def start(accounts: Mapping[str, str] = ACCOUNTS, **settings: Any) -> Server:
        server = Server(make_config(accounts, **settings))
        server.start()
        running.append(server)
        return server

    yield start
    failed = []
    for server in running:
        server.end()
        failed.append(not server.wait())
        server.stop()
    threading.excepthook = hook
    assert not any(failed), "a thread of the server failed"


@pytest.fixture
def server(start_server: StartServer) -> Server:
    """A server in this process."""
    return start_server()


@pytest.fixture
def serve_process(tmp_path: Path) -> Iterator[ServeProcess]:
    """Start servers as processes, in `tmp_path / "data"` unless told otherwise; all are killed at the end."""
    started: List[Serve] = []

    def serve(*options: str, folder: Path = tmp_path / "data", **settings: Any) -> Serve:
        served = Serve(folder, *options, **settings)
        started.append(served)
        return served

    yield serve
    for served in started:
        served.kill()


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Open connections by port, and logged in if a name is given; all are closed at the end."""
    opened: List[Wire] = []

    def open_one(port: int, name: str = "", **options: Any) -> Wire:
        wire = logged_in(port, name, **options) if name else Wire(port, **options)
        opened.append(wire)
        return wire

    yield open_one
    for wire in opened:
        wire.close()
