"""README is true: what it shows is run here, and what it lists is what the program has."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple, Type

import pytest

from messenger.client.commands import ALL_COMMANDS, Sleep, Wait
from messenger.client.render import TransferInfo, TransferList, TransferOffered
from messenger.client.status import Status
from messenger.config import parse_size
from messenger.peer.handle import AnyTransferEvent, TransferEvent
from messenger.protocol.usage import help_line, usage
from messenger.transfer.controllers import CONTROLLERS, DEFAULT_CONTROLLER
from tests.support.processes import PROJECT, environment
from tests.support.waiting import eventually

README = (PROJECT / "README.md").read_text(encoding="utf-8")
TIME = r"\d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d"
PORT = "12000"


def blocks(language: str) -> List[str]:
    """Return README's code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def steps(block: str) -> Iterator[Tuple[str, List[str]]]:
    """Cut a console block into commands and the lines that each shows."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *shown = part.rstrip("\n").split("\n")
        yield command, shown


def matches(shown: str, printed: str) -> bool:
    """Compare, whatever the time, and however long it took."""
    pattern = re.sub(r"01\\ Jun\\ 2022\\ [\d:]{8}", lambda _: TIME, re.escape(shown))
    pattern = re.sub(r"(\\ )+\d+\\\.\d+\\ s", lambda _: r" +\d+\.\d+ s", pattern)
    return re.fullmatch(pattern, printed) is not None


@pytest.fixture
def shell(tmp_path: Path) -> Dict[str, str]:
    """Return an environment in which `messenger` is this project's."""
    program = tmp_path / "bin" / "messenger"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m messenger "$@"\n')
    program.chmod(0o755)
    (tmp_path / "credentials.txt").write_bytes((PROJECT / "credentials.txt").read_bytes())
    (tmp_path / "plans.mp4").write_bytes(b"plans" * 1000)
    for name, beginning in (("leia.txt", "Leia\n"), ("private.scenario", "# A private message ")):
        (tmp_path / name).write_text(next(block for block in blocks("text") if block.startswith(beginning)))
    return {**environment(), "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture
def port(tmp_path: Path, shell: Dict[str, str]) -> Iterator[str]:
    """Start the server as README's first console block does, but on a free port."""
    ((command, shown),) = steps(blocks("console")[0])
    assert command == f"messenger serve {PORT} 3"
    out = tmp_path / "server.out"
    with out.open("wb") as file:
        arguments = [*command.replace(PORT, "0").split(), "--port-file", "port"]
        process = subprocess.Popen(arguments, cwd=tmp_path, env=shell, stdout=file)
        try:
            eventually(lambda: (tmp_path / "port").exists() and out.read_text().endswith("\n"), 20, "the server is up")
            number = (tmp_path / "port").read_text()
            assert out.read_text().split("\n")[0] == shown[0].replace(PORT, number)
            yield number
        finally:
            process.terminate()
            assert process.wait(10) == 0


@contextmanager
def luke_online(tmp_path: Path, shell: Dict[str, str], port: str) -> Iterator[None]:
    """Luke is online and answers, as README says."""
    lines = "Luke\nred.five\n/wait where are you\n/msgto Leia on Tatooine\n/wait --timeout 60 stay there\n"
    (tmp_path / "luke.txt").write_text(lines)
    arguments = ["messenger", "chat", "127.0.0.1", port, "0", "--script", "luke.txt"]
    with subprocess.Popen(arguments, cwd=tmp_path, env=shell, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"Welcome")
        yield
        assert process.wait(10) == 0


@contextmanager
def leia_online(tmp_path: Path, shell: Dict[str, str], port: str) -> Iterator[None]:
    """Leia gets a file, and it is the one that was sent."""
    (tmp_path / "waiting.txt").write_text("Leia\nr3bel-princess\n/wait received plans.mp4 from Luke\n")
    arguments = ["messenger", "chat", "127.0.0.1", port, "0", "--script", "waiting.txt"]
    with subprocess.Popen(arguments, cwd=tmp_path, env=shell, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"Welcome")
        yield
        assert process.wait(10) == 0
    assert (tmp_path / "Luke_plans.mp4").read_bytes() == (tmp_path / "plans.mp4").read_bytes()


def test_the_console_sessions_print_what_readme_shows(tmp_path: Path, shell: Dict[str, str], port: str) -> None:
    for block in blocks("console")[1:]:
        commands = [(command, shown) for command, shown in steps(block)]
        script = "; echo ===; ".join(command.replace(PORT, port) for command, _ in commands)
        script = script.replace("echo ===; echo $?", "status=$?; echo ===; echo $status")
        script = script.replace("--username", f"--server 127.0.0.1:{port} --username")
        with contextlib.ExitStack() as others:
            for word, online in (("leia.txt", luke_online), ("push Leia", leia_online)):
                if word in block:
                    others.enter_context(online(tmp_path, shell, port))
            ran = subprocess.run(
                ["bash", "-c", script], cwd=tmp_path, env=shell, capture_output=True, text=True, timeout=40, check=False
            )
        printed = [part.strip("\n") for part in ran.stdout.split("===\n")]
        for (command, shown), output in zip(commands, printed):
            assert matches("\n".join(shown), output), f"$ {command}\n{output}{ran.stderr}"


def test_the_library_example_runs(tmp_path: Path, shell: Dict[str, str], port: str) -> None:
    (example,) = blocks("python")
    example = example.replace(PORT, port)
    ran = subprocess.run(
        [sys.executable, "-c", example],
        cwd=tmp_path,
        env=shell,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert (ran.stdout, ran.stderr) == ("1 Do or do not.\n['Yoda']\n", "")


def test_the_table_of_commands_is_the_one_of_the_program() -> None:
    shown = dict(re.findall(r"^\| `(/[^`]+)` \| (.+?) \|$", README, re.MULTILINE))
    assert shown == {usage(kind): help_line(kind) for kind in ALL_COMMANDS if kind not in (Wait, Sleep)}


def test_the_table_of_options_names_options_and_their_values(shell: Dict[str, str], tmp_path: Path) -> None:
    ran = subprocess.run(
        ["messenger", "chat", "--help"], cwd=tmp_path, env=shell, capture_output=True, text=True, timeout=20, check=True
    )
    options = re.findall(r"^\| `(--[a-z-]+)(?: ([A-Z]+))?` \| (.+?) \|$", README, re.MULTILINE)
    assert len(options) == 5
    for option, _, meaning in options:
        assert option in ran.stdout
        if option == "--congestion-control":
            assert re.findall("`([a-z]+)`", meaning) == list(CONTROLLERS)
            assert f"`{DEFAULT_CONTROLLER}` (the default)" in meaning
    for size in re.findall(r"`(\d+[kMG]i?)`", README):
        assert parse_size(size, "SIZE") > 0


def test_every_event_of_transfers_is_listed_with_its_fields() -> None:
    kinds: List[Type[Any]] = [TransferOffered, *AnyTransferEvent.__args__]  # type: ignore[attr-defined]  # typing has no name for it
    rows = dict(re.findall(r"^\| `(transfer[a-z_]*)` \| ?(.*?) ?\|$", README, re.MULTILINE))
    common = TransferEvent.__struct_fields__
    for kind in kinds:
        own = [field for field in kind.__struct_fields__ if field not in common]
        assert re.findall("`([a-z_]+)`", rows.pop(kind.__struct_config__.tag)) == own
    listed = re.findall("`([a-z_]+)`", rows.pop("transfers"))
    assert [name for name in listed if name in TransferInfo.__struct_fields__] == list(TransferInfo.__struct_fields__)
    assert TransferList.__struct_fields__ == ("transfers",)
    assert rows == {}
    (sentence,) = re.findall(r"All but the last have (.*?); fields", README, re.DOTALL)
    assert [name for name in re.findall("`([a-z]+)`", sentence) if name in common] == list(common)


def test_every_exit_status_is_listed() -> None:
    listed = {int(status) for status in re.findall(r"^\| (\d+) \| ", README, re.MULTILINE)}
    assert listed == {int(status) for status in Status}


def test_the_two_commands_are_those_that_ci_runs() -> None:
    install_and_demo, *_, install_and_test = (block.strip() for block in blocks("sh"))
    assert install_and_demo == "python3 -m pip install . && python3 -m messenger demo"
    assert install_and_test == "python3 -m pip install '.[dev]' && python3 -m pytest"
    ci = (PROJECT / ".ci" / "run").read_text()
    assert install_and_test.replace("install ", "install -q ") in ci
    assert "python3 -m messenger demo" in ci
