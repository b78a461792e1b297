"""What is typed goes to the server, what that says is shown: `terse_client.py HOST PORT UDP_PORT`."""

# ruff: noqa: T201 - it is a program that prints

from __future__ import annotations

import os
import socket
import sys
import threading

connection = socket.create_connection((sys.argv[1], int(sys.argv[2])))
connection.sendall(sys.argv[3].encode() + b"\n")


def show() -> None:
    for line in connection.makefile():
        print(line, end="", flush=True)
    os._exit(0)


threading.Thread(target=show, daemon=True).start()
for typed in sys.stdin:
    connection.sendall(typed.encode())
