"""Hashed passwords: checked on other threads, while everybody else is served."""

from __future__ import annotations

import os
import select
import threading
from collections import Counter
from pathlib import Path
from typing import Dict, List

import pytest

from messenger.chat.accounts import Accounts, ScryptHash
from messenger.server.login import WAITING_MAX
from tests.conftest import Connect, StartServer
from tests.support.files import ACCOUNTS, hashed, presence_rows
from tests.support.waiting import eventually

MIXED: Dict[str, str] = {**ACCOUNTS, **hashed({"Yoda": ACCOUNTS["Yoda"], "Leia": ACCOUNTS["Leia"]})}


def test_hashed_and_plain_lines_stand_side_by_side(start_server: StartServer, connect: Connect) -> None:
    server = start_server(MIXED)
    for name in ("Yoda", "Hans", "Leia"):
        wire = connect(server.port)
        assert wire.login(name, "wrong")["code"] == "login_failed"
        assert wire.login(name)["type"] == "welcome"


class SlowCheck:
    """Holds every password check until it is let through."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.go_on = threading.Event()
        check = Accounts.check_slow

        def held_check(accounts: Accounts, name: str, password: str) -> bool:
            self.entered.release()
            assert self.go_on.wait(20)
            return check(accounts, name, password)

        self.method = held_check


@pytest.fixture
def slow_check(monkeypatch: pytest.MonkeyPatch) -> SlowCheck:
    check = SlowCheck()
    monkeypatch.setattr(Accounts, "check_slow", check.method)
    return check


def test_commands_behind_a_login_wait_for_it_and_others_do_not(
    start_server: StartServer, connect: Connect, slow_check: SlowCheck
) -> None:
    server = start_server(MIXED)
    hans, yoda = connect(server.port, "Hans"), connect(server.port)
    yoda.send("login", id=1, username="Yoda", password="comp9331")
    yoda.send("ping", id=2)
    assert slow_check.entered.acquire(timeout=5)
    yoda.send("msgto", id=3, user="Hans", text="soon")
    assert hans.barrier() == [], "others are answered meanwhile"
    assert hans.ask("activeuser")["users"] == []
    slow_check.go_on.set()
    assert [(yoda.read()["type"]) for _ in range(3)] == ["welcome", "pong", "sent"]
    assert hans.read()["text"] == "soon"


def test_a_client_that_leaves_during_the_check_is_not_logged_in(
    start_server: StartServer, connect: Connect, slow_check: SlowCheck, data_dir: Path
) -> None:
    server = start_server(MIXED)
    yoda = connect(server.port)
    yoda.send("login", username="Yoda", password="comp9331")
    assert slow_check.entered.acquire(timeout=5)
    yoda.kill()
    eventually(lambda: server.connections_by_thread() == [0])
    slow_check.go_on.set()
    again = connect(server.port)
    eventually(lambda: again.login("Yoda").get("code", "welcome") == "welcome")
    assert [row[-1] for row in presence_rows(data_dir / "activitylog.txt") if row[1] == "Yoda"].count("login") == 1


def test_parallel_guesses_never_get_more_evaluated_than_attempts(
    start_server: StartServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start_server(MIXED, attempts=3)
    evaluated: List[str] = []
    digest = ScryptHash._digest

    def counting(secret: ScryptHash, password: str) -> bytes:
        evaluated.append(password)
        return digest(secret, password)

    monkeypatch.setattr(ScryptHash, "_digest", counting)
    for name in ("Yoda", "Nobody"):
        evaluated.clear()
        wires = [connect(server.port) for _ in range(100)]
        for number, wire in enumerate(wires):
            wire.send("login", username=name, password=f"guess {number}")
        codes = Counter(wire.read()["code"] for wire in wires)
        assert len(evaluated) <= 3
        assert set(codes) <= {"login_failed", "login_in_progress", "blocked"}
        assert codes["login_failed"] <= 2


def test_too_many_checks_at_once_are_refused_as_busy(
    start_server: StartServer, connect: Connect, slow_check: SlowCheck
) -> None:
    accounts = {f"user{n}": "p" for n in range(150)}
    server = start_server({**accounts, **hashed({"Yoda": "x"})})
    wires = {wire.sock: wire for wire in (connect(server.port) for _ in accounts)}
    for number, wire in enumerate(wires.values()):
        wire.send("login", username=f"user{number}", password="wrong")
    may_wait = WAITING_MAX + (os.cpu_count() or 1)
    refused: List[str] = []
    while len(refused) < len(accounts) - may_wait:
        for sock in select.select(wires, [], [], 10)[0]:
            refused.append(wires.pop(sock).read()["code"])
    slow_check.go_on.set()
    codes = Counter(refused) + Counter(wire.read()["code"] for wire in wires.values())
    assert set(refused) == {"busy"}
    assert set(codes) == {"busy", "login_failed"}
    assert codes["login_failed"] >= WAITING_MAX
