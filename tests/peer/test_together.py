"""Files that are offered at the same time begin at the same time, so that none has the path for itself at first."""

from __future__ import annotations

import threading
from typing import List

import pytest

from messenger.peer import outbound
from messenger.peer.handle import TransferAsked, TransferDone, TransferStarted
from tests.peer.conftest import Enter, Person


def all_was_done(person: Person, other: Person) -> None:
    """Return when `other` has taken in, and acted on, all that `person` has told it through the server."""
    for engine in (person.files.engine, other.files.engine):
        done = threading.Event()
        engine.call(done.set)
        assert done.wait(10)
        person.client.ping()
        other.client.ping()
    done = threading.Event()
    other.files.engine.call(done.set)
    assert done.wait(10)


def started(person: Person) -> List[str]:
    return [event.name for event in person.told if isinstance(event, TransferStarted)]


def test_who_was_accepted_first_waits_for_those_that_were_offered_with_it(
    enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "TOGETHER_SECONDS", 30.0)
    yoda, hans = enter("Yoda"), enter("Hans", accept="ask")
    sent = [yoda.client.send_file("Hans", yoda.make(name, 1000)) for name in ("a", "b", "c")]
    hans.wait_for(TransferAsked, 3)
    asked = hans.files.list()
    for one in asked[:2]:
        one.accept()
        all_was_done(hans, yoda)
        assert started(yoda) == []
    asked[2].refuse()
    hans.wait_for(TransferDone, 2)
    assert started(yoda) == ["a", "b"]
    assert [one.result(10).done for one in sent[:2]] == [1000, 1000]


def test_nobody_waits_long_for_an_answer_to_another_file(enter: Enter) -> None:
    yoda, hans = enter("Yoda"), enter("Hans", accept="ask")
    first, second = (yoda.client.send_file("Hans", yoda.make(name, 1000)) for name in ("a", "b"))
    hans.wait_for(TransferAsked, 2)
    hans.files.list()[0].accept()
    assert first.result(10).done == 1000
    assert not second.is_ended


def test_a_file_that_waits_for_others_can_be_cancelled(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "TOGETHER_SECONDS", 30.0)
    yoda, hans = enter("Yoda"), enter("Hans", accept="ask")
    first, second = (yoda.client.send_file("Hans", yoda.make(name, 1000)) for name in ("a", "b"))
    hans.wait_for(TransferAsked, 2)
    one, other = hans.files.list()
    one.accept()
    all_was_done(hans, yoda)
    first.cancel()
    other.accept()
    assert second.result(10).done == 1000
    assert started(yoda) == ["b"]
    assert set(hans.received()) == {"Yoda_b"}
