"""The transfer benchmark sends, compares and reports; a file that arrives changed would end it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from loadtest import transfer
from tests.support.processes import PROJECT, environment


def test_the_quick_benchmark_reports_every_row_that_it_ran(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    done = subprocess.run(
        [sys.executable, "-m", "loadtest.transfer", "--quick", "--rows", "tcp,file,portable", "--json", str(figures)],
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT,
        env=environment(),
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "Every file was identical." in done.stdout
    results = json.loads(figures.read_text(encoding="utf-8"))
    assert set(results) == {"tcp", "file", "portable"}
    assert all(run["rate"] > 0 and run["cpu_per_gib"] > 0 for runs in results.values() for run in runs)


def test_what_is_not_identical_fails(tmp_path: Path) -> None:
    row = transfer.ROWS[1]
    (tmp_path / "received").mkdir()
    (tmp_path / "file0").write_bytes(b"what was sent")
    (tmp_path / "received" / "sender_file0").write_bytes(b"what was seen")
    with pytest.raises(transfer.Failed, match="not identical"):
        transfer._compare(row, tmp_path)
