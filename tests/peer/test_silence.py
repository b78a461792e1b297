"""Peers that cannot be heard, go silent, or leave while the file gets its place."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable

import pytest

from messenger.peer.handle import TransferDone, TransferEnded, TransferFailed, TransferStalled
from messenger.peer.inbound import Inbound
from messenger.peer.outbound import Outbound
from messenger.peer.part import PartFile
from messenger.protocol.messages import Answered, TransferOutcome
from messenger.transfer import endpoint, incoming, outgoing
from tests.peer.conftest import Enter, Person
from tests.peer.endings import SIZE, Gate, failure, hurry, told
from tests.support.waiting import eventually


def name_a_closed_port(answered: Answered) -> None:
    answered.udp_port = 9


def name_no_address(answered: Answered) -> None:
    answered.addresses = ["fe80::1%eth0", "x", "1.2.3.4\0"]
    answered.address = ""


@pytest.mark.parametrize(
    ("spoil", "tried"),
    [(name_a_closed_port, "tried 127.0.0.1:9"), (name_no_address, "tried no address, as none can be reached")],
)
def test_a_path_that_does_not_open_is_told_to_both_with_what_was_tried(
    enter: Enter, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Answered], None], tried: str
) -> None:
    """As behind a firewall: what the sender sends arrives nowhere."""
    monkeypatch.setattr(outgoing, "OPENING_SECONDS", 0.3)
    on_answered = Outbound.on_answered

    def spoil_and_go_on(outbound: Outbound, answered: Answered) -> None:
        spoil(answered)
        on_answered(outbound, answered)

    monkeypatch.setattr(Outbound, "on_answered", spoil_and_go_on)
    yoda, hans = enter("Yoda"), enter("Hans")
    started = time.monotonic()
    code, message = failure(yoda.client.send_file("Hans", yoda.make("a.bin", SIZE)))
    assert time.monotonic() - started < 3
    assert code == "no_path"
    assert message.startswith("no path opened to Hans: ")
    assert tried in message
    assert told(hans) == told(yoda) == ("no_path", message)
    assert hans.received() == {}


def test_a_receiver_whose_sender_is_never_heard_gives_up_by_itself(
    enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "WAITING_SECONDS", 0.2)
    monkeypatch.setattr(Outbound, "on_answered", lambda *_: None)
    yoda, hans = enter("Yoda"), enter("Hans")
    sent = yoda.client.send_file("Hans", yoda.make("a.bin", SIZE))
    assert told(hans) == failure(sent)
    code, message = failure(sent)
    assert code == "no_path"
    assert message.startswith(f"nothing arrived from Yoda: tried 127.0.0.1:{yoda.files.port}")
    assert message.endswith("; is UDP blocked on the way?")
    assert hans.received() == {}


@pytest.mark.parametrize("who", ["Yoda", "Hans"])
def test_a_silent_peer_is_told_of_and_then_given_up(enter: Enter, monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    hurry(monkeypatch)
    yoda, hans = enter("Yoda"), enter("Hans")
    gate = Gate(monkeypatch)
    sent = yoda.client.send_file("Hans", yoda.make("a.bin", 2 * SIZE))  # more than fits the socket at once
    gate.wait()
    silent = hans if who == "Hans" else yoda
    mute(silent)
    gate.open()
    code, message = failure(sent)
    assert code == "peer_gone"
    assert "nothing was heard from the other side" in message
    watching = yoda if silent is hans else hans
    assert watching.wait_for(TransferStalled).seconds >= 0.1
    assert told(hans)[0] == told(yoda)[0] == "peer_gone"
    assert set(hans.received()) == {"Yoda_a.bin.part", "Yoda_a.bin.part.map"}
    kinds = [type(event) for event in watching.told]
    assert kinds[-1] is TransferEnded
    assert kinds.count(TransferStalled) == 1


def mute(person: Person) -> None:
    """Let nothing that this person's client sends by UDP leave any more."""
    port = person.files.engine.port

    def lose(*_: Any) -> None:
        raise OSError(1, "Operation not permitted")

    port._send = port._send_many = port._send_pieces = lose  # type: ignore[method-assign, assignment]  # that is what this is about


def test_a_receipt_that_only_the_server_brings_counts(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    monkeypatch.setattr(endpoint, "LINGER", 0.0)
    monkeypatch.setattr(outgoing, "PING_INTERVAL", 0.02)
    yoda, hans = enter("Yoda"), enter("Hans")
    monkeypatch.setattr(incoming.Incoming, "finished", lambda *_: mute(hans))
    yoda.client.send_file("Hans", yoda.make("a.bin", SIZE)).result(10)
    assert set(hans.received()) == {"Yoda_a.bin"}
    eventually(lambda: not yoda.files._exchanges, 5, "it is forgotten")
    assert type(yoda.told[-1]) is TransferDone


@pytest.mark.parametrize("proof", ["", "q83vEjRWeJCrze8SNFZ4kA=="])
def test_a_receipt_that_the_server_has_made_up_does_not_count(
    enter: Enter, monkeypatch: pytest.MonkeyPatch, proof: str
) -> None:
    """All was sent, and the file has not got its place yet."""
    yoda, hans = enter("Yoda"), enter("Hans")
    gate = Gate(monkeypatch, kind=PartFile)
    path = yoda.make("a.bin", SIZE)
    sent = yoda.client.send_file("Hans", path)
    gate.wait()
    yoda.files.take(TransferOutcome(sent.id, "Hans", "received", proof=proof))
    heard = threading.Event()
    yoda.files.engine.call(heard.set)
    assert heard.wait(5)
    assert not sent.is_ended
    gate.open()
    sent.result(10)
    assert hans.received() == {"Yoda_a.bin": path.read_bytes()}


def test_a_receiver_that_lies_about_its_receipt_learns_nothing_more(
    enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has a file that was not sent to its end: what it said ends the transfer as a failure."""
    yoda, hans = enter("Yoda"), enter("Hans")
    gate = Gate(monkeypatch)
    sent = yoda.client.send_file("Hans", yoda.make("a.bin", 5 * SIZE))  # more than is sent before the lie is heard
    gate.wait()
    inbound = next(iter(hans.files._exchanges.values()))
    assert isinstance(inbound, Inbound)
    lied = threading.Event()
    proof = inbound._receipt
    hans.files.engine.call(lambda: inbound._tell_outcome("received", proof=proof))
    hans.files.engine.call(lied.set)
    assert lied.wait(5)
    hans.client.ping()
    yoda.client.ping()
    gate.open()
    with pytest.raises(TransferFailed) as failed:
        sent.result(10)
    assert failed.value.code == "bad_peer"
    eventually(lambda: hans.files.list()[0].is_ended, 5, "the receiver is told that there is no more")
    assert "Yoda_a.bin" not in hans.received()


def test_what_is_whole_cannot_be_cancelled_by_its_receiver(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    gate = Gate(monkeypatch, kind=PartFile)
    path = yoda.make("a.bin", SIZE)
    sent = yoda.client.send_file("Hans", path)
    gate.wait()
    hans.files.list()[0].cancel()
    engine_is_done = threading.Event()
    hans.files.engine.call(engine_is_done.set)
    assert engine_is_done.wait(5)
    gate.open()
    sent.result(10)
    hans.wait_for(TransferDone)
    assert hans.received() == {"Yoda_a.bin": path.read_bytes()}


def test_what_its_sender_cancels_while_it_gets_its_place_is_gone(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    gate = Gate(monkeypatch, kind=PartFile)
    sent = yoda.client.send_file("Hans", yoda.make("a.bin", SIZE))
    gate.wait()
    sent.cancel()
    assert told(hans) == told(yoda) == ("cancelled", "Yoda cancelled it")
    gate.open()
    eventually(lambda: list(hans.inbox.iterdir()) == [], 5, "nothing stays")


def test_a_receiver_that_leaves_while_the_file_gets_its_place_gives_the_receipt(
    enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    gate = Gate(monkeypatch, kind=PartFile)
    path = yoda.make("a.bin", SIZE)
    sent = yoda.client.send_file("Hans", path)
    gate.wait()
    is_leaving = threading.Event()
    cancel = hans.files.list()[0].on_cancel

    def cancel_and_tell(code: str) -> None:
        cancel(code)
        hans_engine.call(is_leaving.set)

    hans_engine = hans.files.engine
    hans.files.list()[0].on_cancel = cancel_and_tell
    leaving = threading.Thread(target=hans.client.close)
    leaving.start()
    assert is_leaving.wait(5)
    gate.open()
    sent.result(5)
    leaving.join(10)
    assert hans.received() == {"Yoda_a.bin": path.read_bytes()}


@pytest.mark.parametrize("leave", ["close", "vanish"])
def test_what_is_whole_is_received_though_its_sender_leaves_while_it_gets_its_place(
    enter: Enter, monkeypatch: pytest.MonkeyPatch, leave: str
) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    gate = Gate(monkeypatch, kind=PartFile)
    path = yoda.make("a.bin", SIZE)
    sent = yoda.client.send_file("Hans", path)
    gate.wait()
    if leave == "close":
        yoda.client.close()
    else:
        yoda.files.engine.call(lambda: next(iter(yoda.files._exchanges.values())).fail("peer_gone", "not heard"))
    assert failure(sent)[0] == ("closed" if leave == "close" else "peer_gone")
    hans.client.ping()  # what the server had to say of it has come
    engine_is_done = threading.Event()
    hans.files.engine.call(engine_is_done.set)
    assert engine_is_done.wait(5)
    gate.open()
    done = hans.wait_for(TransferDone)
    assert done.path == str(hans.inbox / "Yoda_a.bin")
    assert hans.files.list()[0].state() == "delivered"
    assert hans.received() == {"Yoda_a.bin": path.read_bytes()}
