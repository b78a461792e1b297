"""Latencies in the open model are told from when a message was due: who cannot send meanwhile does not hide it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.processes import PROJECT, environment

SENDER = """
import json
from types import SimpleNamespace

from messenger.load import people, users
from messenger.load.accounts import Pool
from messenger.load.people import Account, Person, Traffic
from messenger.load.plan import Plan
from messenger.load.recorder import Recorder
from messenger.load.shared import Load
from messenger.protocol.messages import Sent

now, blocked, told = 0.0, [0.0, 0.0, 1.0], []


class Told(Recorder):
    def latency(self, operation, seconds, at):
        told.append((operation, round(seconds, 6)))


def sleep(seconds):
    global now
    now += seconds


def submit(kind, on_reply, **fields):
    sleep(blocked.pop(0) if blocked else 0.0)
    on_reply(Sent(1, "", 1))


clock = SimpleNamespace(monotonic=lambda: now, time=lambda: now)
people.time = users.time = clock
users.gevent = SimpleNamespace(sleep=sleep)
users.random = SimpleNamespace(expovariate=lambda rate: 1 / rate)
plan, traffic = Plan(rate=10.0), Traffic(Told(), "run")
user = object.__new__(users.MessagesUser)
users.MessengerUser.load = Load(plan, Pool([]), traffic)
user.plan, user.traffic, user.next_due = plan, traffic, 0.0
sender = Person(Account("Hans", ""), ("", 0), traffic)
sender._client = SimpleNamespace(submit=submit, error=None)
lane = traffic.open("messages", ["Luke"])
for _ in range(14):
    user.send(sender, lane, "Luke")
print(json.dumps([told, now]))
"""
"""Ten messages a second by a clock that only moves when somebody waits; the third is held up for a second.

In a process of its own: Locust patches the one that imports it.
"""


def test_a_sender_that_is_blocked_tells_latencies_from_when_messages_were_due() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SENDER], cwd=PROJECT, env=environment(), capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    told, now = json.loads(ended.stdout)
    late = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]
    assert told == [["ack", pytest.approx(seconds, abs=1e-5)] for seconds in [0, 0, *late, 0, 0]]
    assert now == pytest.approx(1.3), "it has caught up with its times"
