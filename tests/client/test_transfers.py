"""What is said about files, as the library sees it: replies to whoever asked, events in their order."""

from __future__ import annotations

import queue
from typing import List

import pytest

from messenger.errors import Refused
from messenger.protocol.limits import RESUME_MAX
from messenger.protocol.messages import (
    Answer,
    Answered,
    AnyEvent,
    Message,
    Offer,
    Offered,
    Outcome,
    Relayed,
    TransferOutcome,
)
from tests.client.conftest import Enter

ID = "5f2b8c0e9d7a41633e1c7b90a4d8f256"
KEY = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="


def test_offer_answer_and_outcome_come_to_the_other_as_events(enter: Enter) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    offer = yoda.submit(Offer, user="Hans", transfer=ID, name="a.mp4", size=5, key=KEY, udp_port=14000)
    assert offer.result(5) == Relayed(offer.id)
    assert hans.next_event(5) == Offered(ID, "Yoda", "a.mp4", 5, KEY, "aes-128-gcm", "127.0.0.1", 14000)
    resume = "A" * RESUME_MAX
    answer = hans.submit(Answer, user="Yoda", transfer=ID, accepted=True, key=KEY, udp_port=14001, resume=resume)
    assert answer.result(5) == Relayed(answer.id)
    assert yoda.next_event(5) == Answered(ID, "Hans", True, "127.0.0.1", KEY, 14001, resume=resume)
    outcome = hans.submit(Outcome, user="Yoda", transfer=ID, code="done", message="it is here")
    assert outcome.result(5) == Relayed(outcome.id)
    assert yoda.next_event(5) == TransferOutcome(ID, "Hans", "done", "it is here")
    assert yoda.events.empty()
    assert hans.events.empty()


def test_they_go_to_the_callback_among_the_messages(enter: Enter) -> None:
    told: queue.Queue[AnyEvent] = queue.Queue()
    yoda = enter("Yoda")
    hans = enter("Hans", on_event=told.put)
    yoda.send("Hans", "before")
    yoda.submit(Outcome, user="Hans", transfer=ID, code="failed")
    yoda.send("Hans", "after")
    events: List[AnyEvent] = [told.get(timeout=5) for _ in range(3)]
    assert [type(event) for event in events] == [Message, TransferOutcome, Message]
    assert hans.events.empty()


def test_a_refusal_is_raised_to_whoever_waits(enter: Enter) -> None:
    yoda = enter("Yoda")
    for user, code in (("Nobody", "unknown_user"), ("Hans", "offline"), ("Yoda", "yourself")):
        with pytest.raises(Refused) as caught:
            yoda.submit(Outcome, user=user, transfer=ID, code="done").result(5)
        assert caught.value.code == code
    with pytest.raises(Refused) as caught:
        yoda.submit(Offer, user="Hans", transfer=ID, name="a\nb", size=5, key=KEY, udp_port=14000).result(5)
    assert caught.value.code == "bad_text"
    yoda.ping()
