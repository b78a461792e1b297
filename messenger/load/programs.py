"""The programs of a load run: the server, if it is ours, and Locust, each a child process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Dict, Final, List, Tuple

from messenger.errors import ConfigError
from messenger.load.profiles import Profile

ATTEMPTS: Final = 5
READY_SECONDS: Final = 30.0
_PACKAGE: Final = Path(__file__).parent.parent
_READY: Final = re.compile(r"ready on .* port (\d+)")
_METRICS: Final = re.compile(r"metrics.*?(http://\S+)")


class ServerProgram:
    """A server of our own in a folder, which keeps its files over a restart."""

    def __init__(self, folder: Path, credentials: Path) -> None:
        """Start it; raises `ConfigError` with what it said if it does not."""
        self._folder = folder
        self._credentials = credentials
        self.port = 0
        self.metrics = ""
        """Where its metrics are."""
        self.process = self._start()

    def restart(self) -> None:
        """Kill it and start it again, on the same port."""
        self.kill()
        self.process = self._start()

    def kill(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.wait()

    def pause(self, seconds: float) -> None:
        """Stop it for so long; returns at once."""
        process = self.process
        process.send_signal(signal.SIGSTOP)
        threading.Timer(seconds, lambda: process.send_signal(signal.SIGCONT)).start()

    def close(self) -> None:
        """End it as its logs like it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()

    def _start(self) -> subprocess.Popen[bytes]:
        console = self._folder / "console.txt"
        before = console.stat().st_size if console.exists() else 0
        command = [
            sys.executable, "-m", "messenger", "serve", str(self.port), str(ATTEMPTS),
            "--bind", "127.0.0.1", "--credentials", str(self._credentials), "--metrics", "127.0.0.1:0",
        ]  # fmt: skip
        with console.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - this package
                command, cwd=self._folder, env=environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            said = console.read_text(encoding="utf-8", errors="replace")[before:]
            ready, metrics = _READY.search(said), _METRICS.search(said)
            if ready and metrics:
                self.port, self.metrics = int(ready[1]), metrics[1]
                return process
            if process.poll() is not None:
                break
            time.sleep(0.02)
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
            options["--run-time"] = f"{profile.duration:g}s"
        if workers > 1:
            options["--processes"] = workers
        command = [sys.executable, "-m", "locust", "-f", str(locustfile()), "--headless", "--only-summary"]
        for name, value in options.items():
            command += [name, str(value)]
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(  # noqa: S603 - Locust, with our options
                [*command, *more], cwd=folder, env=environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    def close(self) -> None:
        """End it, if it has not ended."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


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
