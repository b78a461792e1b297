"""Transfers over paths that lose, double, delay, reorder and damage datagrams."""

from __future__ import annotations

from typing import Callable, Iterator

import pytest

from messenger.load.relay import Impairment, Relay
from tests.peer.conftest import Enter, Person
from tests.peer.relay import lead_through

MIB = 1024 * 1024

Lead = Callable[[Person, Impairment], Relay]


@pytest.fixture
def lead(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lead]:
    """Lead all that is sent to a person through a relay."""
    relays = []

    def through(person: Person, impairment: Impairment) -> Relay:
        relays.append(Relay(person.files.port, impairment))
        lead_through(relays[-1], monkeypatch)
        return relays[-1]

    yield through
    for relay in relays:
        relay.close()


@pytest.mark.parametrize(
    "impairment",
    [
        Impairment(),
        Impairment(delay=0.02),
        Impairment(loss=0.05),
        Impairment(loss=0.05, reorder=0.1, duplicate=0.05, corrupt=0.01, delay=0.005),
        Impairment(loss=0.2, reorder=0.2, duplicate=0.1, corrupt=0.02),
        Impairment(reorder=0.5, late=0.05),
        Impairment(duplicate=1.0),
    ],
    ids=str,
)
def test_a_file_arrives_as_it_was(enter: Enter, lead: Lead, impairment: Impairment) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    relay = lead(hans, impairment)
    path = yoda.make("a.bin", MIB)
    end = yoda.client.send_file("Hans", path).result(30)
    assert hans.received() == {"Yoda_a.bin": path.read_bytes()}
    assert relay.carried > MIB // 9000
    if impairment.loss:
        assert relay.spoiled
        assert end.repeated


def test_several_over_one_bad_path_arrive_as_they_were(enter: Enter, lead: Lead) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    lead(hans, Impairment(loss=0.03, reorder=0.1, corrupt=0.01))
    paths = [yoda.make(f"{number}.bin", 200_000 * number) for number in range(5)]
    for transfer in [yoda.client.send_file("Hans", path) for path in paths]:
        transfer.result(30)
    assert hans.received() == {f"Yoda_{path.name}": path.read_bytes() for path in paths}
