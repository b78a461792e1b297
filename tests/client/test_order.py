"""Replies and events come in the server's order, whoever asks, and however many do."""

from __future__ import annotations

import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, List

import pytest

from messenger.client import connection as module
from messenger.errors import ConnectionLost, Refused
from messenger.protocol.messages import Active, ActiveUser, AnyEvent, Message, MsgTo, Ping, Pong, Sent
from tests.client.conftest import Enter
from tests.client.fakes import TIME, FakeServer, Json


def message(number: int) -> Json:
    return {"type": "message", "from": "Hans", "text": f"text {number}", "time": TIME, "number": number}


def test_replies_and_events_are_told_in_the_order_of_the_server(fake: FakeServer) -> None:
    told: List[str] = []

    def tell(event: AnyEvent) -> None:
        told.append(event.text if isinstance(event, Message) else str(event.__struct_config__.tag))

    client, peer = fake.meet(on_event=tell)
    sent = client.submit(MsgTo, tell, user="Hans", text="hi")
    refused = client.submit(MsgTo, tell, user="Nobody", text="hi")
    last = client.submit(Ping, tell)
    first = peer.expect("msgto")
    peer.send(
        message(1),
        {"type": "sent", "id": first, "time": TIME, "number": 2},
        message(3),
        {"type": "error", "id": first + 1, "code": "unknown_user", "message": "there is no user Nobody"},
        message(4),
        {"type": "pong", "id": first + 2},
    )
    last.result(5)
    assert told == ["text 1", "sent", "text 3", "error", "text 4", "pong"]
    assert sent.is_done
    with pytest.raises(Refused):
        refused.result(0)
    client.close()


def test_one_acknowledgement_of_many_is_each_request_s_own(fake: FakeServer) -> None:
    replies: List[Any] = []
    client, peer = fake.meet()
    pending = [client.submit(MsgTo, replies.append, user="Hans", text=str(i)) for i in range(5)]
    ids = [peer.expect("msgto") for _ in range(5)]
    peer.send({"type": "sent", "id": ids[3], "time": TIME, "number": 104, "count": 4})
    peer.send({"type": "sent", "id": ids[4], "time": TIME, "number": 200})
    found = [one.result(5) for one in pending]
    numbers = [101, 102, 103, 104, 200]
    assert found == replies == [Sent(ident, TIME, number) for ident, number in zip(ids, numbers)]
    client.close()


def test_a_refusal_among_acknowledged_requests_is_told_to_its_own(fake: FakeServer) -> None:
    client, peer = fake.meet()
    pending = [client.submit(MsgTo, user="Hans", text=str(i)) for i in range(3)]
    ids = [peer.expect("msgto") for _ in range(3)]
    peer.send({"type": "sent", "id": ids[0], "time": TIME, "number": 1})
    peer.send({"type": "error", "id": ids[1], "code": "offline", "message": "Hans is not online"})
    peer.send({"type": "sent", "id": ids[2], "time": TIME, "number": 2})
    assert [getattr(pending[i].result(5), "number", None) for i in (0, 2)] == [1, 2]
    with pytest.raises(Refused, match="Hans is not online"):
        pending[1].result(5)
    client.close()


@pytest.mark.parametrize(("ident", "count"), [(3 * 10**7, 3 * 10**7), (2, 3 * 10**7), (5, -3)])
def test_an_absurd_acknowledgement_holds_nothing_up(fake: FakeServer, ident: int, count: int) -> None:
    """Work is done for requests that were made, not for those that the server claims."""
    client, peer = fake.meet()
    start = time.monotonic()
    peer.send({"type": "sent", "id": ident, "time": TIME, "number": ident, "count": count})
    peer.send({"type": "invited", "group": "club", "by": "Hans"})
    client.next_event(20)
    assert time.monotonic() - start < 1
    client.close()


def test_a_long_list_of_users_comes_in_parts_and_is_told_once(fake: FakeServer) -> None:
    told: List[AnyEvent] = []
    client, peer = fake.meet()
    pending = client.submit(ActiveUser, told.append)
    ident = peer.expect("activeuser")
    users = [{"name": f"u{i}", "address": "::1", "udp_port": 1, "since": TIME} for i in range(5)]
    peer.send({"type": "active", "id": ident, "users": users[:2], "more": True})
    peer.send(message(1), {"type": "active", "id": ident, "users": users[2:4], "more": True})
    assert client.next_event(5) == Message("Hans", "text 1", TIME, 1)
    assert not pending.is_done
    peer.send({"type": "active", "id": ident, "users": users[4:]})
    reply = pending.result(5)
    assert isinstance(reply, Active)
    assert [user.name for user in reply.users] == ["u0", "u1", "u2", "u3", "u4"]
    assert told == [reply]
    client.close()


def test_many_threads_share_one_client(enter: Enter) -> None:
    """Each call gets its own reply, and the receiver gets everything in the order of the numbers."""
    yoda, hans = enter("Yoda"), enter("Hans")
    start = threading.Barrier(8)

    def work(name: int) -> List[int]:
        start.wait()
        numbers = []
        for turn in range(10):
            numbers.append(yoda.send("Hans", f"{name} {turn}").number)
            assert [user.name for user in yoda.active_users()] == ["Hans"]
            with pytest.raises(Refused, match=f"Nobody{name}"):
                yoda.send(f"Nobody{name}", "hi")
        return numbers

    with ThreadPoolExecutor(8) as pool:
        numbers = [done.result(20) for done in [pool.submit(work, name) for name in range(8)]]
    received = [hans.next_event(5) for _ in range(80)]
    assert [event.number for event in received if isinstance(event, Message)] == list(range(1, 81))
    by_number = {event.number: event.text for event in received if isinstance(event, Message)}
    assert [[by_number[n] for n in ours] for ours in numbers] == [[f"{w} {t}" for t in range(10)] for w in range(8)]


def test_requests_may_be_sent_ahead(enter: Enter) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    pending = [yoda.submit(MsgTo, user="Hans", text=str(number)) for number in range(1000)]
    assert [getattr(one.result(5), "number", 0) for one in pending] == list(range(1, 1001))
    hans.ping()
    assert [getattr(hans.next_event(0), "text", "") for _ in range(1000)] == [str(number) for number in range(1000)]


def test_events_that_nobody_takes_are_bounded_and_counted(fake: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVENTS_MAX", 10)
    client, peer = fake.meet()
    peer.send(*(message(number) for number in range(1, 101)))
    pending = client.submit(Ping)
    peer.send({"type": "pong", "id": peer.expect("ping")})
    pending.result(5)
    kept = [getattr(client.next_event(0), "number", 0) for _ in range(client.events.qsize())]
    assert kept == list(range(91, 101)), "the oldest are dropped"
    assert client.events_dropped == 90
    client.close()


def test_the_thread_that_reads_refuses_to_wait_for_itself(fake: FakeServer) -> None:
    caught: List[BaseException] = []
    asked = threading.Event()

    def ask(_: AnyEvent) -> None:
        try:
            client.ping()
        except RuntimeError as error:
            caught.append(error)
        asked.set()

    client, peer = fake.meet(on_event=ask)
    peer.send(message(1))
    assert asked.wait(5)
    assert "cannot wait" in str(caught[0])
    client.close()


def fail(_: AnyEvent) -> None:
    raise LookupError("a fault of the caller")


@pytest.fixture
def fault(monkeypatch: pytest.MonkeyPatch) -> queue.Queue[Any]:
    """Gets the exceptions that threads end with."""
    faults: queue.Queue[Any] = queue.Queue()
    monkeypatch.setattr(threading, "excepthook", lambda failure: faults.put(failure.exc_type))
    return faults


def test_a_callback_for_events_that_raises_ends_the_connection(fake: FakeServer, fault: queue.Queue[Any]) -> None:
    """Nobody is left waiting for a thread that is gone."""
    client, peer = fake.meet(on_event=fail)
    pending = client.submit(Ping)
    peer.send(message(1))
    with pytest.raises(ConnectionLost, match="callback"):
        pending.result(5)
    with pytest.raises(ConnectionLost, match="callback"):
        client.ping()
    assert fault.get(timeout=5) is LookupError


def test_a_callback_for_a_reply_that_raises_still_gives_the_reply(fake: FakeServer, fault: queue.Queue[Any]) -> None:
    client, peer = fake.meet()
    pending = client.submit(Ping, fail)
    other = client.submit(Ping)
    peer.send({"type": "pong", "id": peer.expect("ping")})
    with pytest.raises(ConnectionLost, match="callback"):
        other.result(5)
    assert pending.result(0) == Pong(pending.id)
    assert fault.get(timeout=5) is LookupError
