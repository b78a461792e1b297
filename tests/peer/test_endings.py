"""How transfers end that do not succeed: told on both sides, with the reason, and nothing half stays."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, List

import pytest

from messenger.peer.handle import (
    TransferAsked,
    TransferDone,
)
from messenger.protocol.messages import Message
from messenger.transfer.datagram import Abort
from tests.conftest import ServeProcess
from tests.peer.conftest import Enter
from tests.peer.endings import SIZE, Gate, failure, told
from tests.support.waiting import eventually


@pytest.mark.parametrize("who", ["Yoda", "Hans"])
def test_either_side_cancels(enter: Enter, monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    people = {name: enter(name) for name in ("Yoda", "Hans")}
    yoda, hans = people["Yoda"], people["Hans"]
    gate = Gate(monkeypatch)
    sent = yoda.client.send_file("Hans", yoda.make("a.bin", SIZE))
    gate.wait()
    assert set(hans.received()) == {"Yoda_a.bin.part", "Yoda_a.bin.part.map"}
    people[who].files.list()[0].cancel()
    gate.open()
    said = ("cancelled", f"{who} cancelled it")
    assert failure(sent) == told(yoda) == told(hans) == said
    eventually(lambda: hans.received() == {}, 5, "what had come is gone")
    assert sent.state() == "failed"
    sent.cancel()  # again, and nothing happens
    assert failure(sent) == said


def test_an_offer_is_refused_or_accepted_by_a_person(enter: Enter) -> None:
    yoda, hans = enter("Yoda"), enter("Hans", accept="ask")
    path = yoda.make("a.bin", 1000)
    first, second = (yoda.client.send_file("Hans", path) for _ in range(2))
    asked = hans.wait_for(TransferAsked, times=2)
    one, two = hans.files.list()
    assert (asked.number, asked.user, asked.name, asked.size) == (two.number, "Yoda", "a.bin", 1000)
    one.refuse()
    assert failure(first) == told(hans) == ("refused", "Hans does not want it")
    assert not second.is_started
    two.accept()
    two.accept()
    second.result(10)
    assert hans.received() == {"Yoda_a.bin": path.read_bytes()}


@pytest.mark.parametrize("who", ["Yoda", "Hans"])
def test_an_offer_whose_other_side_vanishes_ends_at_once(enter: Enter, who: str) -> None:
    """Its program was killed before there was an answer: of that only the server knows."""
    people = {"Yoda": enter("Yoda"), "Hans": enter("Hans", accept="ask")}
    yoda, hans = people["Yoda"], people["Hans"]
    yoda.client.send_file("Hans", yoda.make("a.bin", 1000))
    hans.wait_for(TransferAsked)
    (stays,) = (person for name, person in people.items() if name != who)
    people[who].client._shut_down()  # as the kernel does for it
    assert told(stays) == ("offline", f"{who} is not online any more")
    assert hans.received() == {}


def test_an_offer_that_nobody_answers_ends(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("messenger.peer.outbound.ANSWER_SECONDS", 0.1)
    yoda, hans = enter("Yoda"), enter("Hans", accept="ask")
    assert failure(yoda.client.send_file("Hans", yoda.make("a.bin", 1000)))[0] == "no_answer"
    assert told(hans)[0] == "no_answer"
    monkeypatch.setattr("messenger.peer.outbound.ANSWER_SECONDS", 60)
    monkeypatch.setattr("messenger.peer.asked.ANSWER_SECONDS", 0.1)
    code, message = failure(yoda.client.send_file("Hans", yoda.make("a.bin", 1000)))
    assert code == "no_answer"
    assert message.startswith("Hans did not answer")


@pytest.mark.parametrize(
    ("settings", "code", "message"),
    [
        ({"accept": "none"}, "refused", "Hans does not accept files"),
        ({"accept": "Leia,Obi-Wan"}, "refused", "Hans does not accept files"),
        ({"max_receive_size": 999}, "too_large", "Hans receives at most 999 bytes"),
    ],
)
def test_what_is_not_wanted_is_refused(enter: Enter, settings: Dict[str, Any], code: str, message: str) -> None:
    yoda, hans = enter("Yoda"), enter("Hans", **settings)
    assert failure(yoda.client.send_file("Hans", yoda.make("a.bin", 1000))) == (code, message)
    assert told(hans) == (code, message)
    assert hans.received() == {}


def test_who_is_not_there_gets_nothing(enter: Enter) -> None:
    yoda = enter("Yoda")
    path = yoda.make("a.bin", 1000)
    codes = {name: failure(yoda.client.send_file(name, path))[0] for name in ("Hans", "Nobody", "Yoda")}
    assert codes == {"Hans": "offline", "Nobody": "unknown_user", "Yoda": "yourself"}


def test_a_full_disk_is_seen_before_anything_is_sent(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    state = os.statvfs(hans.inbox)
    fields = [*state]
    fields[4] = 100  # f_bavail
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(fields))
    said = ("no_space", "Hans has not enough space on the disk")
    assert failure(yoda.client.send_file("Hans", yoda.make("a.bin", SIZE))) == told(hans) == said
    assert hans.received() == {}


def test_a_folder_that_is_gone_is_told_whatever_its_name(enter: Enter, tmp_path: Path) -> None:
    folder = tmp_path.joinpath("in\x1b\n\udcff", *["x" * 250] * 3)
    folder.mkdir(parents=True)
    yoda, hans = enter("Yoda"), enter("Hans", download_dir=folder)
    folder.rmdir()
    code, message = failure(yoda.client.send_file("Hans", yoda.make("a.bin", 1000)))
    assert code == "write_failed"
    assert message.startswith("Hans cannot store it: cannot write into ")
    assert "No such file or directory" in told(hans)[1]


def test_a_transfer_needs_no_server_once_it_runs(
    enter: Enter, monkeypatch: pytest.MonkeyPatch, serve_process: ServeProcess, tmp_path: Path
) -> None:
    served = serve_process(folder=tmp_path / "served")
    yoda, hans = enter("Yoda", port=served.port), enter("Hans", port=served.port)
    gate = Gate(monkeypatch)
    path = yoda.make("a.bin", SIZE)
    sent = yoda.client.send_file("Hans", path)
    gate.wait()
    served.kill()
    eventually(lambda: yoda.client.error is not None and hans.client.error is not None, 5, "both have noticed")
    gate.open()
    sent.result(10)
    assert hans.received() == {"Yoda_a.bin": path.read_bytes()}
    hans.wait_for(TransferDone)
    assert failure(yoda.client.send_file("Hans", path))[0] == "connection_lost"


def test_what_a_peer_says_at_the_end_is_made_safe_to_show(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    gate = Gate(monkeypatch)
    sent = yoda.client.send_file("Hans", yoda.make("a.bin", SIZE))
    gate.wait()
    one = next(iter(hans.files._exchanges.values()))
    assert one.endpoint is not None
    tell = one.endpoint._tell
    hans.files.engine.call(lambda: tell(Abort("bad\x1b", "\x1b[2Jgone\u202e\n")))
    gate.open()
    assert failure(sent) == ("bad\u241b", "\u241b[2Jgone<U+202E>\u240a")


def test_chatting_goes_on_beside_a_transfer(enter: Enter) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    sent = yoda.client.send_file("Hans", yoda.make("a.bin", 20_000_000))
    texts: List[str] = [f"message {number}" for number in range(50)]
    for text in texts:
        yoda.client.send("Hans", text)
    sent.result(20)
    hans.wait_for(Message, times=50)
    assert [event.text for event in hans.told if isinstance(event, Message)] == texts
