"""What people on the wire make of what happens: by a client that does as it is told, and by a real server."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Callable, Dict, List, Optional, Tuple, Type

import pytest

from messenger.config import ServerConfig
from messenger.errors import ConnectionLost, MessengerError, ReplyTimeout
from messenger.load.people import Account, Person, Traffic
from messenger.load.recorder import Recorder
from messenger.load.streams import Fates
from messenger.protocol.messages import AnyEvent, Error, Message, Sent
from messenger.server import Server
from tests.support.files import ACCOUNTS, write_credentials
from tests.support.waiting import eventually


class ObedientClient:
    """Keeps what is sent, and ends a logout as it is told."""

    error = None

    def __init__(self, at_logout: Optional[MessengerError] = None) -> None:
        self.sent: List[Tuple[str, Callable[[AnyEvent], None]]] = []
        self._at_logout = at_logout

    def submit(self, kind: Type[Any], on_reply: Callable[[AnyEvent], None], **fields: str) -> None:
        self.sent.append((fields["text"], on_reply))

    def logout(self) -> None:
        if self._at_logout is not None:
            raise self._at_logout

    def __enter__(self) -> ObedientClient:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        pass


def person(traffic: Traffic, name: str, client: ObedientClient) -> Person:
    found = Person(Account(name, ""), ("", 0), traffic)
    found._client = client  # type: ignore[assignment]
    return found


def see(receiver: Person, text: str) -> None:
    receiver._take(Message("Hans", text, "", 1))


def fates(traffic: Traffic, kind: str = "messages") -> Fates:
    return Fates(**traffic.recorder.take()["fates"].get(kind, {}))


def test_a_text_is_compared_to_its_last_character() -> None:
    traffic, client = Traffic(Recorder(), "run"), ObedientClient()
    hans, luke = person(traffic, "Hans", client), person(traffic, "Luke", ObedientClient())
    lane = traffic.open("messages", ["Luke"])
    for _ in range(4):
        hans.send(lane, "Luke", 0.0, 500)
    one, two, three, four = (text for text, _ in client.sent)
    assert {len(text) for text in (one, two, three, four)} == {500}
    see(luke, one[:12])
    see(luke, two[:-1] + "?")
    see(luke, three[:250] + four[250:])
    see(luke, four + "x")
    assert fates(traffic) == Fates(sent=4, unfinished=4, corrupted=4)
    for text in (one, two, three, four):
        see(luke, text)
    assert fates(traffic) == Fates(sent=4, delivered=4, corrupted=4)


def test_a_copy_for_a_third_person_is_counted_whoever_sees_it() -> None:
    traffic, client = Traffic(Recorder(), "run"), ObedientClient()
    lane = traffic.open("messages", ["Luke"])
    person(traffic, "Hans", client).send(lane, "Luke", 0.0, 40)
    ((text, _),) = client.sent
    leia = person(traffic, "Leia", ObedientClient())
    see(leia, text)
    assert fates(traffic) == Fates(sent=1, unfinished=1, misdelivered=1)
    traffic.close(lane)
    see(leia, text)
    see(person(traffic, "Luke", ObedientClient()), text)  # in time for nobody, and to the right one
    assert fates(traffic) == Fates(sent=1, unfinished=1, misdelivered=2)


def test_what_is_sent_after_the_connection_was_dropped_is_refused() -> None:
    """A fault may drop it while its person waits for the time of the next message."""
    traffic = Traffic(Recorder(), "run")
    lane = traffic.open("messages", ["Luke"])
    hans = person(traffic, "Hans", ObedientClient())
    hans._client = None
    assert hans.send(lane, "Luke", 0.0) is None
    piece = traffic.recorder.take()
    assert piece["fates"]["messages"] == Fates(sent=1, refused=1).as_dict()
    assert piece["failures"] == [["ack", "no connection", 1]]


def test_what_belongs_nowhere_is_counted_apart() -> None:
    traffic = Traffic(Recorder(), "run")
    leia = person(traffic, "Leia", ObedientClient())
    see(leia, "another.1.1 xyz")
    see(leia, "run.77.1")
    see(leia, "run.1.")
    assert fates(traffic, "stray") == Fates(misdelivered=2, corrupted=1)


def test_an_answer_after_the_drain_changes_nothing() -> None:
    """By then everybody logs out, and who sends to somebody who has left is refused."""
    traffic, client = Traffic(Recorder(), "run"), ObedientClient()
    lane = traffic.open("messages", ["Luke"])
    for _ in range(2):
        person(traffic, "Hans", client).send(lane, "Luke", 0.0)
    traffic.is_over = True
    client.sent[0][1](Error("not_online", "Luke is not online"))
    client.sent[1][1](Sent(1, "", 1))
    piece = traffic.recorder.take()
    assert piece["fates"]["messages"] == Fates(sent=2, unfinished=2).as_dict()
    assert piece["failures"] == []


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ReplyTimeout("no answer"), Fates(sent=1, acked=1, unfinished=1)),
        (ConnectionLost("gone"), Fates(sent=1, acked=1, lost=1)),
        (None, Fates(sent=1, acked=1, lost=1)),
    ],
)
def test_who_was_told_goodbye_or_has_gone_gets_nothing_more(error: Optional[MessengerError], expected: Fates) -> None:
    traffic, client = Traffic(Recorder(), "run"), ObedientClient()
    lane = traffic.open("messages", ["Luke"])
    person(traffic, "Hans", client).send(lane, "Luke", 0.0)
    client.sent[0][1](Sent(1, "", 1))
    person(traffic, "Luke", ObedientClient(error)).log_out()
    assert fates(traffic) == expected
    traffic.close(lane)
    assert fates(traffic) == expected


def test_what_waits_for_a_slow_reader_is_unfinished_and_not_lost(tmp_path: Path) -> None:
    config = ServerConfig(0, 3, ("127.0.0.1",), write_credentials(tmp_path / "credentials.txt"), tmp_path)
    reads_on = threading.Event()

    def wait() -> None:
        reads_on.wait(10)

    traffic = Traffic(Recorder(), "run")
    with Server(config) as server:
        people: Dict[str, Person] = {}
        for name in ("Hans", "Yoda"):
            people[name] = Person(Account(name, ACCOUNTS[name]), ("127.0.0.1", server.port), traffic)
            assert people[name].log_in()
        people["Yoda"].on_message = wait
        lane = traffic.open("messages", ["Yoda"])
        for _ in range(3):
            pending = people["Hans"].send(lane, "Yoda", time.monotonic())
            assert pending is not None
            pending.result(10)
        leaving = threading.Thread(target=people["Yoda"].log_out)
        leaving.start()
        expected = Fates(sent=3, acked=3, delivered=1, unfinished=2)
        eventually(lambda: fates(traffic) == expected, what="one is read, two wait")
        reads_on.set()
        leaving.join(10)
        assert fates(traffic) == Fates(sent=3, acked=3, delivered=3)
        people["Hans"].log_out()
