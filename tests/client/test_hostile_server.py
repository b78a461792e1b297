"""The client trusts the server no more than the server trusts it."""

from __future__ import annotations

import queue
from concurrent.futures import ThreadPoolExecutor

import pytest

from messenger.client import Client
from messenger.errors import ConnectionLost, MessengerError, ProtocolError
from messenger.protocol.limits import EVENT_LINE_MAX
from messenger.protocol.messages import Active, ActiveUser, ActiveUserInfo, Invited, Message
from tests.client.fakes import FakeServer, Peer

HOSTILE = "a\x00\x07\x1b[2J\r\n\x7f\x9b\u2028\u202e\u2066z"
SEEN = "a␀␇␛[2J␍␊<U+007F><U+009B><U+2028><U+202E><U+2066>z"


def last_words(fake: FakeServer, data: bytes) -> MessengerError:
    """Return the error that this ends a connection with."""
    lost: queue.Queue[MessengerError] = queue.Queue()
    client, peer = fake.meet(on_lost=lost.put)
    peer.push(data)
    error = lost.get(timeout=5)
    with pytest.raises(type(error)):
        client.ping()
    return error


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"\xff\xfe\x00",
        b"{",
        b"[]",
        b"null",
        b"17",
        b'"text"',
        b"{}",
        b'{"type":7}',
        b'{"type":"message"}',
        b'{"type":"message","from":"Hans","text":7,"time":"now","number":1}',
        b'{"type":"sent","id":"one","time":"now","number":1}',
        b'{"type":"welcome","id":1,"username":"Yoda","time":"now","groups":"none"}',
        b'{"type":"message","from":"Hans","text":"\xff","time":"now","number":1}',
        b"[" * 100_000,
        b'{"type":' * 50_000,
        b'{"type":"sent","id":' + b"9" * 5000 + b',"time":"now","number":1}',
    ],
    ids=lambda line: line[:20].decode("ascii", "replace"),
)
def test_a_line_that_is_no_event_ends_the_connection_with_a_clear_error(fake: FakeServer, line: bytes) -> None:
    error = last_words(fake, line + b"\n")
    assert isinstance(error, ProtocolError)
    assert len(str(error)) < 500


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_line_without_bounds_ends_the_connection(fake: FakeServer, end: bytes) -> None:
    error = last_words(fake, b" " * (EVENT_LINE_MAX + 1) + end)
    assert isinstance(error, ProtocolError)
    assert str(EVENT_LINE_MAX) in str(error)


def test_half_a_line_and_then_the_end_is_a_lost_connection(fake: FakeServer) -> None:
    error = last_words(fake, b'{"type":"message","from":"Hans","te')
    assert isinstance(error, ConnectionLost)


def test_unknown_events_fields_and_empty_lines_are_passed_over(fake: FakeServer) -> None:
    client, peer = fake.meet()
    peer.send({"type": "typing", "user": "Hans"}, {"type": "x" * 1000, "id": 7, "deep": [[[{"a": None}]]]})
    peer.send_bytes(b"\n\r\n  \n")
    peer.send({"type": "invited", "group": "club", "by": "Hans", "colour": "red"})
    assert client.next_event(5) == Invited("club", "Hans")
    client.close()


def test_everything_that_a_server_sends_comes_out_clean(fake: FakeServer) -> None:
    client, peer = fake.meet()
    peer.send({"type": "message", "from": HOSTILE, "text": HOSTILE, "time": HOSTILE, "number": 1})
    assert client.next_event(5) == Message(SEEN, SEEN, SEEN, 1)
    pending = client.submit(ActiveUser)
    user = {"name": HOSTILE, "address": HOSTILE, "udp_port": 1, "since": HOSTILE}
    peer.send({"type": "active", "id": peer.expect("activeuser"), "users": [user]})
    reply = pending.result(5)
    assert isinstance(reply, Active)
    assert reply.users == [ActiveUserInfo(SEEN, SEEN, 1, SEEN)]
    client.close()


def test_lone_surrogates_never_come_out(fake: FakeServer) -> None:
    """JSON can escape them, but nothing can be written of them."""
    error = last_words(fake, b'{"type":"message","from":"Hans","text":"a\\ud800b","time":"now","number":1}\n')
    assert isinstance(error, ProtocolError)


def test_a_refusal_of_a_hostile_server_is_clean(fake: FakeServer) -> None:
    client, peer = fake.meet()
    pending = client.submit(ActiveUser)
    peer.send({"type": "error", "id": peer.expect("activeuser"), "code": HOSTILE, "message": HOSTILE})
    with pytest.raises(MessengerError) as caught:
        pending.result(5)
    assert str(caught.value) == SEEN
    client.close()


def _answer(peer: Peer, kind: str, answer: str) -> None:
    peer.send({"type": answer, "id": peer.expect(kind)})


def test_a_reply_of_the_wrong_type_is_a_protocol_error(fake: FakeServer) -> None:
    client, peer = fake.meet()
    with ThreadPoolExecutor(1) as pool:
        for kind, call in (
            ("login", lambda: client.login("Yoda", "comp9331", timeout=5)),
            ("msgto", lambda: client.send("Hans", "hi", timeout=5)),
            ("activeuser", lambda: client.active_users(timeout=5)),
        ):
            pool.submit(_answer, peer, kind, "pong")
            with pytest.raises(ProtocolError, match="Pong"):
                call()
    client.close()


def test_replies_to_nothing_are_passed_over(fake: FakeServer) -> None:
    client, peer = fake.meet()
    peer.send({"type": "pong", "id": 99}, {"type": "goodbye", "id": -5}, {"type": "error", "code": "x", "message": "y"})
    peer.send({"type": "hello", "protocol": 9, "server": "again"})
    peer.send({"type": "invited", "group": "club", "by": "Hans"})
    assert client.next_event(5) == Invited("club", "Hans")
    client.close()


def test_what_came_before_garbage_is_not_lost_with_it(fake: FakeServer) -> None:
    """However the bytes were cut on the way."""
    lost: queue.Queue[MessengerError] = queue.Queue()
    client, peer = fake.meet(on_lost=lost.put)
    peer.send_bytes(b'{"type":"invited","group":"club","by":"Hans"}\ngarbage\n')
    assert isinstance(lost.get(timeout=5), ProtocolError)
    assert client.next_event(0) == Invited("club", "Hans")


def test_a_server_that_closes_during_the_login_is_told(fake: FakeServer) -> None:
    client, peer = fake.meet()
    assert isinstance(client, Client)
    peer.close()
    with pytest.raises(ConnectionLost):
        client.login("Yoda", "comp9331", timeout=5)
