"""The programs of a load run: the server, if it is ours, and Locust, each a child process.

Each has a session of its own: Ctrl-C comes to this process alone, which then ends them in their order.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Dict, Final, List, Sequence, Tuple

from messenger.errors import ConfigError
from messenger.load.profiles import Profile

ATTEMPTS: Final = 5
READY_SECONDS: Final = 30.0
_PACKAGE: Final = Path(__file__).parent.parent
_READY: Final = re.compile(r"ready on .* port (\d+)")
_METRICS: Final = re.compile(r"metrics.*?(http://127\.0\.0\.1:(\d+)\S*)")


class ServerProgram:
    """A server of our own in a folder, which keeps its files over a restart."""

    def __init__(self, folder: Path, credentials: Path) -> None:
        """Start it; raises `ConfigError` with what it said if it does not."""
        self._folder = folder
        self._credentials = credentials
        self.port = 0
        self.metrics = ""
        """Where its metrics are."""
        self._metrics_port = 0
        self._is_killed = False
        self.process = self._start()

    @property
    def has_died(self) -> bool:
        """Whether it ended, and nobody asked for that."""
        return self.process.poll() is not None and not self._is_killed

    def restart(self) -> None:
        """Kill it and start it again, on the same ports; raises `ConfigError` as the first start does."""
        self.kill()
        self.process = self._start()
        self._is_killed = False

    def kill(self) -> None:
        """Kill it."""
        self._is_killed = True
        self.process.kill()
        self.process.wait()

    def pause(self, seconds: float) -> None:
        """Stop it for so long; returns at once."""
        process = self.process
        process.send_signal(signal.SIGSTOP)
        timer = threading.Timer(seconds, lambda: process.send_signal(signal.SIGCONT))
        timer.daemon = True  # the run may end before
        timer.start()

    def last_words(self) -> str:
        """Return the last line that it wrote."""
        said = (self._folder / "console.txt").read_text(encoding="utf-8", errors="replace").rstrip()
        return said.rpartition("\n")[2]

    def close(self) -> None:
        """End it as its logs like it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
        _end(self.process)

    def _start(self) -> subprocess.Popen[bytes]:
        console = self._folder / "console.txt"
        before = console.stat().st_size if console.exists() else 0
        command = [
            sys.executable, "-m", "messenger", "serve", str(self.port), str(ATTEMPTS),
            "--bind", "127.0.0.1", "--credentials", str(self._credentials),
            "--metrics", f"127.0.0.1:{self._metrics_port}",  # after a restart, whoever looks at them finds them again
        ]  # fmt: skip
        process = _child(command, self._folder, console)
        is_ready, said = False, ""
        try:
            deadline = time.monotonic() + READY_SECONDS
            while not is_ready and time.monotonic() < deadline:
                is_over = process.poll() is not None
                said = console.read_bytes()[before:].decode(errors="replace")
                ready, metrics = _READY.search(said), _METRICS.search(said)
                if ready and metrics:
                    self.port, self.metrics, self._metrics_port = int(ready[1]), metrics[1], int(metrics[2])
                    is_ready = True
                    return process
                if is_over:
                    break
                time.sleep(0.02)
        finally:
            if not is_ready:  # after Ctrl-C, too
                process.kill()
                process.wait()
        raise ConfigError(f"the server did not start: {said.strip() or 'it said nothing'}")


class LocustProgram:
    """Locust, which reads and writes files of a folder."""

    def __init__(
        self, profile: Profile, folder: Path, server: Tuple[str, int], credentials: Path, workers: int, more: List[str]
    ) -> None:
        """Start it; `more` are further options of Locust."""
        self.record = folder / "record.json"
        self.log = folder / "locust.txt"
        self.began = folder / "record.began"
        """A file that appears when the first user starts."""
        plan = profile.plan
        options: Dict[str, object] = {
            "--host": f"{server[0]}:{server[1]}",
            "--credentials": credentials,
            "--load-json": self.record,
            "--message-rate": profile.rate_of_each,
            "--think": plan.think,
            "--text-bytes": plan.text_bytes,
            "--file-size": "-".join(map(str, plan.file_bytes)),
            "--group-size": plan.group_size,
            "--drain": plan.drain,
        }
        if plan.scenario:
            options["--scenario"] = Path(plan.scenario).absolute()
        else:
            options["--mix"] = ",".join(f"{role}={share:g}" for role, share in plan.mix.items())
        if profile.stages:
            options["--stages"] = " ".join(f"{at:g}:{people}" for at, people in profile.stages)
        else:
            users = sum(profile.users.values())
            options["--people"] = profile.people
            options["--spawn-rate"] = max(1.0, users / profile.ramp) if profile.ramp else users
            options["--run-time"] = f"{profile.duration:.0f}s"
        if workers > 1:
            # The accounts' passwords go over this port, and another run may have Locust's usual one.
            port = _free_port()
            options["--processes"] = workers
            options.update({"--master-bind-host": "127.0.0.1", "--master-bind-port": port})
            options.update({"--master-host": "127.0.0.1", "--master-port": port})
        command = [sys.executable, "-m", "locust", "-f", str(locustfile()), "--headless", "--only-summary"]
        for name, value in options.items():
            command += [name, str(value)]
        self.process = _child([*command, *more], folder, self.log)

    def interrupt(self) -> None:
        """Have it stop sending, drain, and write what it has."""
        # Not SIGINT, of which the greenlet dies that happens to run: it may be one that reads messages.
        self.process.terminate()

    def close(self) -> None:
        """End it and its workers, if they have not ended."""
        _end(self.process)


def _child(command: Sequence[str], folder: Path, output: Path) -> subprocess.Popen[bytes]:
    with output.open("ab") as file:
        return subprocess.Popen(  # noqa: S603 - this package, or Locust with our options
            command, cwd=folder, env=environment(), stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            start_new_session=True,
        )  # fmt: skip


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask a child to end; whatever it has left after a while, or when Ctrl-C cuts that short, is killed."""
    try:
        if process.poll() is None:
            process.terminate()
            process.wait(10)
    except subprocess.TimeoutExpired:
        pass
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # nobody is left in its session; macOS says so in other words
            pass
        process.wait()


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        number: int = sock.getsockname()[1]
        return number


def locustfile() -> Path:
    """Return the locustfile: that of a checkout, or the one that was installed; raises `ConfigError`."""
    for folder in (_PACKAGE.parent / "loadtest", _PACKAGE / "loadtest"):
        if (folder / "locustfile.py").is_file():
            return folder / "locustfile.py"
    raise ConfigError("loadtest/locustfile.py is missing from this installation")


def profile_file(name: str) -> Path:
    """Return the file of a profile: one of that path, or of that name among ours; raises `ConfigError`."""
    if Path(name).is_file():
        return Path(name)
    folder = locustfile().parent / "profiles"
    if (folder / f"{name}.ini").is_file():
        return folder / f"{name}.ini"
    known = ", ".join(sorted(path.stem for path in folder.glob("*.ini")))
    raise ConfigError(f"there is no file and no profile {name}; profiles: {known}")


def environment() -> Dict[str, str]:
    """Return the environment of children: they find the package where this one is."""
    path = os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(_PACKAGE.parent), path]))}
