"""The client of this package with a fault: `spoilt_client.py FAULT HOST PORT UDP_PORT`.

FAULT is `corrupts` (the first byte of each file that it calls received), `hangs` (for ever, at /joingroup) or `dies`
(there). What stands behind an @ in it is for whoever looks for the process.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from messenger.cli.chatting import chat
from messenger.client import chat as running
from messenger.client.commands import parse
from messenger.peer.part import PartFile

finish = PartFile.finish


def finish_wrongly(self: PartFile) -> Path:
    """Put a file in its place that is not the one that was verified."""
    first = os.pread(self._fd, 1, 0)
    os.pwrite(self._fd, bytes(255 - byte for byte in first), 0)
    return finish(self)


def parse_as_far_as_it_goes(line: str) -> Any:
    """Read a line that was typed, unless that is too much."""
    if line.startswith("/joingroup") and fault == "hangs":
        time.sleep(3600)
    elif line.startswith("/joingroup") and fault == "dies":
        os._exit(1)
    return parse(line)


fault, *arguments = sys.argv[1:]
fault = fault.partition("@")[0]
if fault == "corrupts":
    PartFile.finish = finish_wrongly  # type: ignore[method-assign]  # that is the fault
else:
    running.parse = parse_as_far_as_it_goes  # type: ignore[attr-defined]  # that is the fault
chat(arguments)
