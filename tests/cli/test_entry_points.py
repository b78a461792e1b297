"""The ways to start it, and the locales to start it in."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Dict

import pytest

from messenger.server import Server
from tests.cli.conftest import StartProgram
from tests.cli.programs import login_lines
from tests.conftest import Connect
from tests.support.processes import PROJECT
from tests.support.waiting import eventually


def test_server_py_and_client_py_work_in_a_checkout(tmp_path: Path) -> None:
    """With nothing installed, started from the folder that holds them."""
    for name in ("Server.py", "Client.py", "credentials.txt"):
        shutil.copy(PROJECT / name, tmp_path)
    (tmp_path / "messenger").symlink_to(PROJECT / "messenger")
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    server = subprocess.Popen(
        [sys.executable, "Server.py", "0", "3", "--port-file", "port"], cwd=tmp_path, env=env, stdout=subprocess.PIPE
    )
    try:
        assert server.stdout is not None
        ready = server.stdout.readline()
        eventually((tmp_path / "port").exists)
        port = (tmp_path / "port").read_text()
        assert port.encode() in ready
        client = subprocess.run(
            [sys.executable, "Client.py", "127.0.0.1", port, "0"],
            cwd=tmp_path,
            env=env,
            input=login_lines("Yoda", "/activeuser", "/logout"),
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert client.stdout == "Welcome to the messenger, Yoda!\nno other active user\nGoodbye, Yoda!\n"
        assert (client.returncode, client.stderr) == (0, "")
        server.send_signal(signal.SIGTERM)
        assert server.wait(5) == 0
        assert (tmp_path / "userlog.txt").exists(), "logs are in the working directory"
    finally:
        server.kill()
        server.wait()
        if server.stdout is not None:
            server.stdout.close()


@pytest.mark.parametrize("name", ["Client.py", "Server.py"])
def test_their_usage_errors_are_status_2(name: str) -> None:
    ended = subprocess.run([sys.executable, name], cwd=PROJECT, capture_output=True, text=True, timeout=20, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"Usage: {name} " in ended.stderr


@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"LANG": "C"}, {"LC_ALL": "POSIX"}, {"LC_ALL": "de_DE.UTF-8"}])
def test_text_passes_unchanged_whatever_the_locale(
    server: Server, chat: StartProgram, connect: Connect, locale: Dict[str, str]
) -> None:
    cleared = dict.fromkeys(("LC_ALL", "LC_CTYPE", "LANG", "PYTHONIOENCODING", "PYTHONUTF8"), "")
    yoda = chat(env={**cleared, **locale})
    yoda.type("Yoda", "comp9331")
    yoda.until("Welcome")
    hans = connect(server.port, "Hans")
    yoda.type("/msgto Hans Ünï ☕ 漢字")
    assert hans.read()["text"] == "Ünï ☕ 漢字"
    hans.send("msgto", user="Yoda", text="zurück ☕")
    yoda.until(", Hans: zurück ☕\n")
    assert re.search(r"sent at \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) ", yoda.end().out)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_an_output_cannot_show_is_escaped(
    server: Server, chat: StartProgram, connect: Connect, encoding: str
) -> None:
    yoda = chat(env={"PYTHONIOENCODING": encoding})
    yoda.type("Yoda", "comp9331")
    yoda.until("Welcome")
    connect(server.port, "Hans").ask("msgto", user="Yoda", text="☕ on")
    yoda.until(r"Hans: \u2615 on")
    assert yoda.end().result == [0, ""]
