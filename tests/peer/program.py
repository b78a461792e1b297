"""A client in a process of its own: `python -m tests.peer.program HOST PORT NAME FOLDER [USER PATH]`.

Its UDP port is UDP_PORT, or any. It logs in, says `ready`, sends a file if one is given, says how that ended as a line
of JSON, and stays until its standard input ends. With STOP, it says `stopped` and stands still at one of `POINTS`, at
the call with a number: `STOP=checking:20`.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Optional, Sequence, Type

from messenger.client import Client
from messenger.config import FileConfig
from messenger.peer import placing
from messenger.peer.handle import TransferFailed
from messenger.peer.part import PartFile
from messenger.transfer.claims import Digest
from tests.support.files import ACCOUNTS
from tests.support.processes import environment


class Program:
    """That process, seen from the test; ready when built."""

    def __init__(self, port: int, name: str, folder: Path, *send: object, wrapper: Sequence[str] = (), **options: Any):
        folder.mkdir(exist_ok=True)
        host = options.pop("host", "127.0.0.1")
        variables = {name.upper(): str(value) for name, value in options.items()}
        arguments = [host, port, name, folder, *send]
        self.process = subprocess.Popen(
            [*wrapper, sys.executable, "-m", "tests.peer.program", *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**environment(), **variables},
        )
        assert self.line() == "ready"

    def line(self) -> str:
        """Return the next line that it says."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().decode().rstrip("\n")

    def outcome(self) -> Any:
        """Return how what it sent has ended."""
        return json.loads(self.line())

    def kill(self) -> None:
        """End it as a crash does."""
        self.process.kill()
        self.process.wait(5)

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.kill()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


POINTS = {
    "checking": (Digest, "add"),  # what an interrupted transfer has left is compared, on either side
    "finishing": (PartFile, "finish"),
    "placing": (placing, "remove"),  # the file has its name, and that of the part as well
}


def stop_at(point: str, number: int) -> None:
    """Stand still at a call."""
    owner, method = POINTS[point]
    right = getattr(owner, method)
    calls = itertools.count()

    def stop(*arguments: Any) -> Any:
        if next(calls) == number:
            say("stopped")
            threading.Event().wait()
        return right(*arguments)

    setattr(owner, method, stop)


def main(host: str, port: str, name: str, folder: str, *send: str) -> None:
    """Be that client."""
    if "STOP" in os.environ:
        point, number = os.environ["STOP"].split(":")
        stop_at(point, int(number))
    files = FileConfig(download_dir=Path(folder), udp_port=int(os.environ.get("UDP_PORT", "0")))
    with Client.connect(host, int(port), files=files) as client:
        client.login(name, ACCOUNTS[name])
        say("ready")
        if send:
            user, path = send
            transfer = client.send_file(user, path)
            try:
                end = transfer.result(60)._asdict()
            except TransferFailed as failed:
                end = {"code": failed.code, "message": str(failed)}
            say(json.dumps({**end, "resumed": transfer.resumed, "size": transfer.size}))
        sys.stdin.read()


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
