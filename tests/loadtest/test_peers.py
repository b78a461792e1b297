"""The peer benchmark runs, and sees what a server does wrong."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.support.processes import PROJECT, environment

compiler = shutil.which("cc") or ""
needs_compiler = pytest.mark.skipif(not compiler, reason="the load generator is a C program and there is no compiler")


@needs_compiler
def test_the_benchmark_measures_our_server_and_loses_nothing(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    arguments = ["--rounds", "1", "--seconds", "0.2", "--rows", "pairs,login", "--json", str(report)]
    ran = subprocess.run(
        [sys.executable, "-m", "loadtest.peers", *arguments],
        cwd=PROJECT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Nothing was lost, duplicated or reordered." in ran.stdout
    assert "logins per second" in ran.stdout
    assert json.loads(report.read_text())


@needs_compiler
def test_the_generator_refuses_a_server_that_says_no(tmp_path: Path) -> None:
    """What the server refuses ends the run with its own words, not with a figure."""
    program = tmp_path / "chatload"
    subprocess.run([compiler, "-O1", "-o", str(program), str(PROJECT / "loadtest" / "chatload.c")], check=True)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def refuse() -> None:
            accepted, _ = listener.accept()
            with accepted:
                accepted.sendall(b'{"type":"hello","protocol":1,"server":"test"}\n')
                accepted.recv(4096)
                accepted.sendall(b'{"type":"error","code":"busy","message":"not today","id":1}\n')
                accepted.recv(4096)

        thread = threading.Thread(target=refuse, daemon=True)
        thread.start()
        ran = subprocess.run(
            [str(program), "-a", "messenger", "-m", "pairs", "-p", str(port), "-n", "1", "-c", "1"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        thread.join(5)
    assert ran.returncode == 1
    assert "not today" in ran.stderr
