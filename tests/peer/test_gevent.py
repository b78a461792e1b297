"""Transfers under gevent, in a process of its own because gevent patches all of a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from messenger.server import Server
from tests.support.processes import environment


def test_files_are_sent_unchanged_under_gevent(server: Server, tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.peer.greenlets", str(server.port), str(tmp_path)],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "ok\n", "")
