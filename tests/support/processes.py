"""A server in a process of its own, as somebody starts it from a shell."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, Dict, Final, List, Optional, Sequence, Union

from tests.support.files import write_credentials
from tests.support.waiting import eventually

PROJECT: Final = Path(__file__).resolve().parents[2]
"""The top of the project."""


def environment() -> Dict[str, str]:
    """Return the environment of programs under test: this project can be imported from any folder."""
    paths = [str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def run_messenger(*arguments: str, cwd: Path, timeout: float = 20) -> subprocess.CompletedProcess[str]:
    """Run `python -m messenger` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "messenger", *arguments],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


class Serve:
    """`messenger serve` on a free port; ready when built. Console and diagnostics go to files beside the logs."""

    def __init__(
        self,
        folder: Path,
        *options: str,
        attempts: int = 3,
        credentials: Optional[Path] = None,
        stdout: Union[int, IO[bytes], None] = None,
        wrapper: Sequence[str] = (),
        nofile: int = 0,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.data_dir = folder
        self._port_file = folder / "port"
        self._port_file.unlink(missing_ok=True)
        accounts = credentials or write_credentials(folder / "credentials.txt")
        arguments: List[str] = ["serve", "0", str(attempts), "--bind", "127.0.0.1", "--credentials", str(accounts)]
        arguments += ["--data-dir", str(folder), "--port-file", str(self._port_file), *options]
        limit = ["sh", "-c", f'ulimit -n {nofile} && exec "$@"', "sh"] if nofile else []
        with open(folder / "stdout", "ab") as out, open(folder / "stderr", "ab") as err:
            self.process = subprocess.Popen(
                [*wrapper, *limit, sys.executable, "-m", "messenger", *arguments],
                cwd=folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=out if stdout is None else stdout,
                stderr=err,
            )
        eventually(self._is_ready, 20, "the server is ready")
        self.port = int(self._port_file.read_text())

    @property
    def console(self) -> str:
        """What the server has shown so far."""
        return (self.data_dir / "stdout").read_text(encoding="utf-8")

    @property
    def diagnostics(self) -> str:
        """What the server has written to stderr so far."""
        return (self.data_dir / "stderr").read_text(encoding="utf-8")

    @property
    def rss_kib(self) -> int:
        """The memory that the server holds now, in KiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    def end(self, number: int = signal.SIGTERM) -> int:
        """Ask the server to end, and return its exit status; fails if that takes over 5 s."""
        self.process.send_signal(number)
        return self.process.wait(5)

    def kill(self) -> None:
        """End the server as a crash does."""
        self.process.kill()
        self.process.wait(5)

    def _is_ready(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}: {self.diagnostics}")
        return self._port_file.exists()
