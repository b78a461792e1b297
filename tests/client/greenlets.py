"""Run by `test_gevent` in a process of its own: the library as it is, on gevent's sockets, threads and queues."""

# ruff: noqa: E402 - the patch comes before everything else
from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import sys
from typing import List

import gevent

from messenger import Client
from messenger.errors import LoginRefused, Refused
from messenger.protocol.messages import GroupMessage, Invited, Message
from tests.support.files import ACCOUNTS

NAMES = ["Yoda", "Hans", "Leia"]
ROUNDS = 20


def talk(client: Client, name: str) -> List[str]:
    """Write to everybody else in turn, and read what they write, in other greenlets at the same time."""
    others = [other for other in NAMES if other != name]

    def write() -> None:
        for number in range(ROUNDS):
            for other in others:
                client.send(other, f"{name} {number}", timeout=10)

    def read() -> List[str]:
        events = [client.next_event(10) for _ in range(ROUNDS * len(others))]
        return [event.text for event in events if isinstance(event, Message)]

    writing, reading = gevent.spawn(write), gevent.spawn(read)
    gevent.joinall([writing, reading], timeout=20, raise_error=True)
    found: List[str] = reading.value
    for other in others:
        mine = [text for text in found if text.startswith(other)]
        assert mine == [f"{other} {number}" for number in range(ROUNDS)], mine
    return found


def main(port: int) -> None:
    """Go through logins, messages both ways, groups, refusals and logouts."""
    clients = {name: Client.connect("127.0.0.1", port) for name in NAMES}
    try:
        clients["Yoda"].login("Yoda", "wrong")
    except LoginRefused as refusal:
        assert refusal.code == "login_failed"
    logins = [gevent.spawn(client.login, name, ACCOUNTS[name]) for name, client in clients.items()]
    gevent.joinall(logins, timeout=10, raise_error=True)
    talks = [gevent.spawn(talk, client, name) for name, client in clients.items()]
    gevent.joinall(talks, timeout=30, raise_error=True)
    assert all(len(one.value) == 2 * ROUNDS for one in talks)

    yoda, hans, leia = (clients[name] for name in NAMES)
    yoda.create_group("club", ["Hans", "Leia"])
    for client in (hans, leia):
        assert client.next_event(5) == Invited("club", "Yoda")
        client.join_group("club")
    sent = leia.send_group("club", "hi")
    for client in (yoda, hans):
        assert client.next_event(5) == GroupMessage("club", "Leia", "hi", sent.time, sent.number)
    try:
        yoda.send("Obi-Wan", "hi")
    except Refused as refusal:
        assert refusal.code == "offline"
    gevent.joinall([gevent.spawn(client.logout) for client in clients.values()], timeout=10, raise_error=True)
    sys.stdout.write("ok\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
