"""The room of the socket is divided by senders, and each sender's part among its files."""

from __future__ import annotations

from messenger.peer.shares import ALLOWANCE_MIN, divide
from messenger.transfer.geometry import Geometry
from messenger.transfer.receiver import Receiver


def receiver() -> Receiver:
    return Receiver(Geometry(10**6), lambda chunk, sealed: True, 1)


def test_files_of_one_sender_share_its_room_and_are_acknowledged_as_seldom_as_one() -> None:
    """They take turns, and each sends in its turn as much as one alone."""
    one, *several = (receiver() for _ in range(101))
    divide(10**6, {"Yoda": [one]})
    alone = (one.allowance, one.ack_bytes)
    divide(10**6, {"Yoda": several})
    assert alone == (10**6, 250_000)
    assert {(each.allowance, each.ack_bytes) for each in several} == {(10**4, 250_000)}
    assert all(each.neighbours == several for each in several)


def test_several_senders_get_more_room_than_there_is_as_they_hardly_ever_fill_it_together() -> None:
    senders = {str(number): [receiver()] for number in range(30)}
    divide(10**6, senders)
    assert {of_one[0].allowance for of_one in senders.values()} == {10**5}
    divide(10**6, dict(list(senders.items())[:2]))
    assert senders["0"][0].allowance == 10**6
    divide(10_000, senders)
    assert senders["0"][0].allowance == ALLOWANCE_MIN
