"""The transfer benchmark sends, compares and reports; a file that arrives changed would end it."""

from __future__ import annotations

import json
import resource
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, List

import pytest

from loadtest import carried, stolen, transfer, transfer_end
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


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> List[Any]:
    """The processes that the benchmark starts, receiver and sender."""
    started: List[Any] = []

    class Remembered(subprocess.Popen):  # type: ignore[type-arg]  # a class of text only when it is built
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Remembered)
    return started


def test_no_process_outlives_a_benchmark_that_is_interrupted(
    ends: List[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        assert len(ends) == 2
        assert ends[0].poll() is None  # the receiver waits to be told the end
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "communicate", interrupt)
    assert transfer.main(["--quick", "--rows", "file"]) == 130
    assert capsys.readouterr().err == "interrupted\n"
    assert [end.poll() for end in ends] == [-9, -9]


def test_no_process_outlives_a_benchmark_that_fails(
    ends: List[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_random = transfer._write_random
    monkeypatch.setattr(transfer, "_write_random", lambda path, size: write_random(path.with_name("other"), size))
    assert transfer.main(["--quick", "--rows", "file"]) == 1
    assert "FAILED: 1 GiB, defaults: " in capsys.readouterr().err
    assert len(ends) == 2
    assert all(end.poll() is not None for end in ends)


def test_a_receiver_that_does_not_start_fails() -> None:
    with pytest.raises(transfer.Failed, match="1 GiB, defaults: the receiver did not start"):
        transfer.measure(transfer.ROWS[1]._replace(options=("--nonsense",)), 1000)


def test_memory_is_told_in_millions_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrusage", lambda who: SimpleNamespace(ru_maxrss=60_000))
    assert transfer_end.peak_memory() == pytest.approx(61.44)


def test_a_link_is_filled_to_the_end_although_nobody_listens_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that stands still for a moment ends the receiver first."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ended:
        ended.bind(("127.0.0.1", 0))
        monkeypatch.setattr(carried, "PORT", ended.getsockname()[1])
    monkeypatch.setattr(carried, "RECEIVER_ADDRESS", "127.0.0.1")
    monkeypatch.setattr(carried, "WARM_SECONDS", 0.0)
    monkeypatch.setattr(carried, "SECONDS", 0.05)
    carried._send(10.0)


def test_the_link_is_measured_with_what_it_carries_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = (row for row in transfer.ROWS if row.key == "link")
    figures = transfer._measure(row, quick=True)
    if figures is None:
        pytest.skip(capsys.readouterr().out)
    assert 0.3 < figures["carried"] < 1.05
    assert 0 < figures["rate"] * 8 < 100e6
    transfer._print_table([row], {"link": [figures, {**figures, "rate": 11e6, "carried": 0.97}]})
    assert "88% of the link, which itself carried " in capsys.readouterr().out


def test_what_the_host_takes_is_a_part_of_all_time() -> None:
    since = stolen.Stolen()
    assert 0.0 <= since.share() <= 1.0


def test_where_it_is_told_what_the_host_takes_is_counted_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["cpu 10 0 10 70 0 0 0 10 5 0", "cpu 20 0 20 130 0 0 0 30 9 0"]
    monkeypatch.setattr(Path, "read_text", lambda self, encoding: lines[0] + "\ncpu0 1 2 3 4 5 6 7 8 9 0")
    since = stolen.Stolen()
    lines.pop(0)
    assert since.share() == pytest.approx(0.2)
