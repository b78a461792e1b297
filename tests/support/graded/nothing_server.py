"""A server that accepts connections, has its log files, and does nothing: `nothing_server.py PORT ATTEMPTS`."""

# ruff: noqa: T201 - it is a program that prints

from __future__ import annotations

import socket
import sys
import threading
from pathlib import Path

for name in ("userlog.txt", "messagelog.txt", "FORCE_messagelog.txt"):
    Path(name).touch()
listener = socket.create_server(("", int(sys.argv[1])))
print("Server is ready", flush=True)
while True:
    connection, _ = listener.accept()
    threading.Thread(target=connection.recv, args=(1,), daemon=True).start()
