"""Run by `test_gevent` in a process of its own: transfers as they are, on gevent's sockets, threads and queues."""

# ruff: noqa: E402 - the patch comes before everything else
from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import sys
from pathlib import Path

import gevent

from messenger import Client
from messenger.config import FileConfig
from messenger.peer.handle import Transfer
from tests.support.files import ACCOUNTS

SIZE = 2_000_000


def main(port: int, folder: Path) -> None:
    """Send a file each way at the same time, while messages go."""
    people = {}
    for name in ("Yoda", "Hans"):
        (folder / name).mkdir()
        people[name] = Client.connect("127.0.0.1", port, files=FileConfig(download_dir=folder / name))
        people[name].login(name, ACCOUNTS[name])
        (folder / f"{name}.bin").write_bytes(name.encode() * (SIZE // len(name)))
    sent = [people[a].send_file(b, folder / f"{a}.bin") for a, b in (("Yoda", "Hans"), ("Hans", "Yoda"))]
    for number in range(20):
        people["Yoda"].send("Hans", str(number), timeout=10)
    gevent.joinall([gevent.spawn(Transfer.result, one, 20) for one in sent], timeout=25, raise_error=True)
    for a, b in (("Yoda", "Hans"), ("Hans", "Yoda")):
        assert (folder / b / f"{a}_{a}.bin").read_bytes() == (folder / f"{a}.bin").read_bytes()
    for client in people.values():
        client.close()
    sys.stdout.write("ok\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
