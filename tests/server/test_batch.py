"""The sink of effects: what goes out together, what may wait, and what is taken back."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Iterator, List, Tuple

import pytest

from messenger.chat.state import State
from messenger.protocol.messages import Message, Pong, Relayed, Sent, TransferOutcome
from messenger.server.batch import Batch, refuse_messages
from messenger.server.connection import Connection
from messenger.server.journal import Journal

TIME = "01 Jun 2022 21:30:04"


@pytest.fixture
def batch(tmp_path: Path) -> Iterator[Batch]:
    journal = Journal(tmp_path, durable=False)
    yield Batch(journal, lambda connection, login: False)
    journal.close()


@pytest.fixture
def connections() -> Iterator[Tuple[Connection, Connection]]:
    sockets = socket.socketpair()
    first, second = (Connection(sock, "127.0.0.1", None, 0.0) for sock in sockets)  # type: ignore[arg-type]
    yield first, second
    for sock in sockets:
        sock.close()


def sent_to(batch: Batch, connection: Connection) -> List[object]:
    return [event for one, events in batch.take_pending() if one is connection for event in events]


def test_an_acknowledgement_alone_waits_until_hurried(batch: Batch, connections: Tuple[Connection, Connection]) -> None:
    yoda, _ = connections
    acks = [Sent(1, TIME, 1), Sent(2, TIME, 3)]
    for ack in acks:
        batch.acknowledge(yoda, ack)
        assert batch.take_pending() == []
    assert batch.late
    batch.hurry()
    assert sent_to(batch, yoda) == acks
    assert not batch.late


def test_an_acknowledgement_goes_out_with_the_next_event_and_in_order(
    batch: Batch, connections: Tuple[Connection, Connection]
) -> None:
    yoda, hans = connections
    batch.acknowledge(yoda, Sent(1, TIME, 1))
    batch.deliver(hans, Message("Yoda", "hi", TIME, 1))
    assert sent_to(batch, hans) == [Message("Yoda", "hi", TIME, 1)]
    batch.deliver(yoda, Pong(2))
    assert sent_to(batch, yoda) == [Sent(1, TIME, 1), Pong(2)]
    batch.hurry()
    assert batch.take_pending() == [], "nothing goes out twice"


def test_messages_that_could_not_be_stored_are_refused_but_older_acknowledgements_stay(
    batch: Batch, connections: Tuple[Connection, Connection]
) -> None:
    yoda, hans = connections
    state = State(frozenset(), number=5)
    batch.acknowledge(yoda, Sent(1, TIME, 5))  # stored with an earlier batch, waiting to be sent
    assert batch.take_pending() == []
    batch.record("6; ...\n")
    batch.record("7; ...\n")
    state.number = 7
    batch.deliver(hans, Message("Yoda", "lost", TIME, 6))
    batch.acknowledge(yoda, Sent(3, TIME, 7, 2))
    batch.take_back_messages(state)
    work = dict(batch.take_pending())
    assert state.number == 5
    assert hans not in work
    assert [(event.id, getattr(event, "code", "sent")) for event in work[yoda]] == [
        (1, "sent"),
        (2, "not_stored"),
        (3, "not_stored"),
    ]


def test_what_is_said_of_files_passes_although_messages_beside_it_cannot_be_stored() -> None:
    outcome, relayed = TransferOutcome("0" * 32, "Yoda", "done"), Relayed(3)
    assert refuse_messages([outcome, Message("Yoda", "lost", TIME, 1), relayed]) == [outcome, relayed]


def test_a_failed_sync_refuses_every_acknowledgement() -> None:
    refused = refuse_messages([Sent(2, TIME, 2, 2), Pong(3), Message("Yoda", "x", TIME, 1)])
    assert [(event.id, getattr(event, "code", None)) for event in refused] == [
        (1, "not_stored"),
        (2, "not_stored"),
        (3, None),
    ]
