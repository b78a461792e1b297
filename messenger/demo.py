"""`messenger demo`: a server on a free port and the sample workflow, played by scripted clients and shown live."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Dict, Final, Iterator, List, NamedTuple, Optional

from rich.console import Console
from rich.text import Text

from messenger.errors import ConfigError

DEMO_SECONDS: Final = 30.0
"""After which the demo counts as failed."""

EXPECTED: Final[Dict[str, int]] = {"Obi-Wan": 0, "Hans": 1, "Yoda": 0}
"""Exit status of each client; Hans sends to a group that he has not joined yet, which is refused."""

VIDEO: Final = "lecture.mp4"
"""The file that Yoda sends to Obi-Wan."""

VIDEO_BYTES: Final = 5_000_000

_COLOURS: Final = {"server": "bright_black", "Obi-Wan": "cyan", "Hans": "yellow", "Yoda": "green"}


class _Line(NamedTuple):
    who: str
    text: Optional[str]
    """None: the program has ended."""


def run() -> bool:
    """Play the sample workflow; True if everyone saw what they waited for. Raises `ConfigError`."""
    console = Console(highlight=False)
    scripts = sorted(sample_workflow().glob("*.txt"))
    seen: queue.Queue[_Line] = queue.Queue()
    with tempfile.TemporaryDirectory(prefix="messenger-demo-") as folder, contextlib.ExitStack() as running:
        data = Path(folder)
        logins = [script.read_text().split("\n")[:2] for script in scripts]
        (data / "credentials.txt").write_text("".join(f"{name} {password}\n" for name, password in logins))
        server = running.enter_context(_program("server", data, seen, "serve", "0", "3", "--port-file", "port"))
        show = _Show(console, seen, time.monotonic() + DEMO_SECONDS)
        show.until("server", "ready on")
        port = (data / "port").read_text()
        statuses = {}
        clients = {}
        for name, _ in logins:
            (data / name).mkdir()
        (data / "Yoda" / VIDEO).write_bytes(os.urandom(VIDEO_BYTES))
        for (name, _), script in zip(logins, scripts):
            arguments = ["chat", "127.0.0.1", port, "0", "--script", str(script.resolve())]
            clients[name] = running.enter_context(_program(name, data / name, seen, *arguments))
            show.until(name, "Welcome")
        for name, client in clients.items():
            show.until(name, None)
            statuses[name] = client.wait()
        server.terminate()
        show.until("server", None)
        for log in ("messagelog.txt", "FORCE_messagelog.txt"):
            console.print(f"\n[bold]{log}[/bold]")
            console.print(Text((data / log).read_text().rstrip()), soft_wrap=True)
        received = data / "Obi-Wan" / f"Yoda_{VIDEO}"
        is_same = received.exists() and received.read_bytes() == (data / "Yoda" / VIDEO).read_bytes()
        console.print(f"\n[bold]{received.name}[/bold]\n{'the bytes' if is_same else 'NOT the bytes'} that Yoda sent")
    passed = statuses == EXPECTED and is_same
    told = "everyone saw what they waited for" if passed else f"exit statuses {statuses}, expected {EXPECTED}"
    console.print(f"\n[bold]{'passed' if passed else 'FAILED'}[/bold]: {len(clients)} clients, one server: {told}")
    return passed


def sample_workflow() -> Path:
    """Return the folder of the sample workflow: one in `scenarios/` here comes before the one installed."""
    package = Path(__file__).parent
    for place in (Path("scenarios"), package / "scenarios", package.parent / "scenarios"):
        folder = place / "sample-workflow"
        if all(any(folder.glob(f"*-{name.lower()}.txt")) for name in EXPECTED):
            return folder
    raise ConfigError("the folder scenarios/sample-workflow is missing from this installation")


class _Show:
    def __init__(self, console: Console, seen: queue.Queue[_Line], deadline: float) -> None:
        self._console = console
        self._seen = seen
        self._deadline = deadline
        self._past: List[_Line] = []

    def until(self, who: str, text: Optional[str]) -> None:
        """Show what comes until `who` has shown `text`, or ended if that is None; raises `ConfigError` if late."""
        while not any(_is_met(line, who, text) for line in self._past):
            try:
                line = self._seen.get(timeout=max(0.0, self._deadline - time.monotonic()))
            except queue.Empty:
                raise ConfigError(f"the demo waited in vain for {who}: {text or 'its end'}") from None
            self._past.append(line)
            if line.text is not None:
                self._console.print(
                    Text(f"{line.who:>8} │ {line.text}", style=_COLOURS.get(line.who, "")), soft_wrap=True
                )
            elif text is not None and line.who == who:
                raise ConfigError(f"the demo's {who} ended early")


def _is_met(line: _Line, who: str, text: Optional[str]) -> bool:
    if line.who != who:
        return False
    return line.text is None if text is None else text in (line.text or "")


@contextlib.contextmanager
def _program(who: str, folder: Path, seen: queue.Queue[_Line], *arguments: str) -> Iterator[subprocess.Popen[str]]:
    # The child finds the package where this one does, wherever it runs.
    start = (
        f"import sys; sys.path[:0] = {[str(Path(__file__).parent.parent)]!r}; from messenger.cli import main; main()"
    )
    process = subprocess.Popen(  # noqa: S603 - this package, with arguments of its own
        [sys.executable, "-c", start, *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    assert process.stdout is not None
    output = process.stdout

    def read() -> None:
        for line in output:
            seen.put(_Line(who, line.rstrip("\n")))
        seen.put(_Line(who, None))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        reader.join(5)
        output.close()
