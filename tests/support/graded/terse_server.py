"""A small server of its own words, for `terse_client.py`: `terse_server.py PORT ATTEMPTS`. It has messages only.

Lines in, lines out. Who has connected types `login`, a name and a secret, and then `send NAME TEXT`, `who` or `bye`.
"""

# ruff: noqa: T201 - it is a program that prints

from __future__ import annotations

import socket
import sys
import threading
import time
from pathlib import Path
from typing import Dict, Final, List, TextIO

ACCOUNTS: Final = dict(line.split(" ", 1) for line in Path("people").read_text().splitlines())
LOCK: Final = threading.Lock()
ONLINE: Final[Dict[str, TextIO]] = {}
USERS: Final[List[str]] = []
MESSAGES: Final[List[str]] = []


def log(name: str, lines: List[str]) -> None:
    Path(name).write_text("".join(f"{number}; {line}\n" for number, line in enumerate(lines, 1)))


def tell(stream: TextIO, *lines: str) -> None:
    stream.write("".join(line + "\n" for line in lines))
    stream.flush()


def obey(me: str, stream: TextIO, line: str) -> None:
    word, _, rest = line.partition(" ")
    to, _, text = rest.partition(" ")
    if word == "who":
        tell(stream, f"here: {[name for name in ONLINE if name != me]}")
    elif word == "send" and text.strip() and to in ONLINE and to != me:
        MESSAGES.append(f"{now()}; {to}; {text}")
        log("messagelog.txt", MESSAGES)
        tell(ONLINE[to], f"{me} whispers", f"    {text}")
        tell(stream, "done")
    else:
        tell(stream, "no such thing")


def now() -> str:
    return time.strftime("%d %b %Y %H:%M:%S")


def serve(connection: socket.socket, address: str) -> None:
    typed, stream = connection.makefile("r"), connection.makefile("w")
    udp_port = typed.readline().strip()
    tell(stream, "hello; type login to begin")
    while typed.readline().strip() != "login":
        tell(stream, "type login to begin")
    while True:
        tell(stream, "* who are you")
        me = typed.readline().strip()
        tell(stream, "* and your secret")
        if ACCOUNTS.get(me) == typed.readline().strip():
            break
        tell(stream, "that was wrong")
    with LOCK:
        ONLINE[me] = stream
        USERS.append(f"{now()}; {me}; {address}; {udp_port}")
        log("userlog.txt", USERS)
        tell(stream, "you are in", f"{len(ONLINE)} here; what now?")
    for line in typed:
        with LOCK:
            obey(me, stream, line.rstrip("\n"))
            tell(stream, f"{len(MESSAGES)} so far; what now?")


if __name__ == "__main__":
    for file in ("userlog.txt", "messagelog.txt"):
        log(file, [])
    listener = socket.create_server(("", int(sys.argv[1])))
    print("open for business", flush=True)
    while True:
        accepted, (host, _) = listener.accept()
        threading.Thread(target=serve, args=(accepted, host), daemon=True).start()
