"""What is on its way, and when it counts as lost. Segments of kind 3. Times in milliseconds."""

from __future__ import annotations

from math import inf
from typing import Any, List, Sequence, Tuple

import pytest

from messenger.transfer.datagram import Ack, BadDatagram, Hole
from messenger.transfer.flights import REORDER_STEPS, Batch, Flights
from messenger.transfer.geometry import (
    CHUNK_SIZE,
    HEADER_SIZE,
    SEGMENT_SIZES,
    TAG_SIZE,
    Geometry,
    full_mask,
    segment_count,
    segments_in,
)
from messenger.transfer.rtt import RoundTrip

SIZE = SEGMENT_SIZES[3]
WHOLE = segment_count(CHUNK_SIZE + TAG_SIZE, 3)
"""Segments of a chunk."""
ALL = full_mask(WHOLE)
LAST = 1 << WHOLE - 1
BEFORE = ALL ^ LAST
TRIP = 40


class Trial:
    """Flights of a file of ten chunks, with times in milliseconds and a round trip of 40."""

    def __init__(self, trip: int = TRIP) -> None:
        self.released: List[Any] = []
        self.trip = RoundTrip()
        self.trip.update(0.0, trip / 1000)
        self.flights = Flights(Geometry(10 * CHUNK_SIZE), self.trip, self.released.append)

    def send(self, at: int, chunk: int, mask: int = ALL) -> Batch:
        flight = self.flights._flights.get(chunk) or self.flights.begin(chunk, f"chunk {chunk}", 3)
        return self.flights.take_off(at / 1000, flight, mask, segments_in(mask))

    def ack(self, at: int, batch: int, whole: int = 0, holes: Sequence[Tuple[int, int]] = (), twice: int = 0) -> int:
        """Chunks below `whole` have arrived, `holes` are chunks and masks behind it; return the bytes that are lost."""
        upto = holes[-1][0] + 1 if holes else whole
        described = tuple(Hole(chunk, 3, mask) for chunk, mask in holes)
        ack = Ack(True, whole, whole, upto, batch, 0, 0, 0, twice, 0, described)
        self.flights.settle(ack)
        self.flights.measure(at / 1000, ack)
        lost = self.flights.detect_losses(at / 1000)
        self.flights.forget_batches()
        return lost

    @property
    def loss_at(self) -> float:
        return round(self.flights.loss_at * 1000, 3)


def test_what_is_acknowledged_is_forgotten_and_given_back() -> None:
    trial = Trial()
    trial.send(0, 0)
    trial.send(1, 1)
    assert trial.flights.bytes == 2 * WHOLE * SIZE
    trial.ack(40, 1, whole=1)
    assert (trial.flights.bytes, len(trial.flights), trial.released) == (WHOLE * SIZE, 1, ["chunk 0"])
    trial.ack(41, 2, whole=2)
    assert (trial.flights.bytes, len(trial.flights), trial.released) == (0, 0, ["chunk 0", "chunk 1"])


def test_what_was_sent_a_quarter_of_a_round_trip_before_something_that_arrived_is_lost() -> None:
    """Two chunks, the second 10 ms after the first; of the second something arrives."""
    trial = Trial()
    trial.send(0, 0)
    trial.send(10, 1)
    assert trial.ack(50, 2, holes=[(0, 0), (1, 0b11)]) == WHOLE * SIZE
    assert trial.flights.is_new_event
    assert trial.flights.to_repair is not None
    assert trial.flights.to_repair.todo == ALL
    assert trial.flights.bytes == (WHOLE - 2) * SIZE


def test_what_was_sent_shortly_before_something_that_arrived_gets_a_quarter_of_a_round_trip() -> None:
    trial = Trial()
    trial.send(0, 0)
    trial.send(9, 1)
    assert trial.ack(49, 2, holes=[(0, 0)]) == 0
    assert trial.loss_at == 0 + 40 + 10
    assert trial.flights.detect_losses(0.0499) == 0
    assert trial.flights.detect_losses(0.0501) == WHOLE * SIZE
    assert trial.flights.loss_at == inf


def test_what_was_sent_after_all_that_arrived_is_not_lost_for_that() -> None:
    trial = Trial()
    trial.send(0, 0)
    trial.send(30, 1)
    assert trial.ack(40, 1, whole=1) == 0
    assert trial.flights.detect_losses(10.0) == 0
    assert trial.loss_at == inf


def test_a_part_of_a_batch_that_is_missing_is_lost_once_another_batch_has_arrived() -> None:
    """Not before: the datagrams of a batch may overtake each other."""
    trial = Trial()
    trial.send(0, 0)
    assert trial.ack(40, 1, holes=[(0, BEFORE & ~1)]) == 0
    trial.send(40, 1)
    assert trial.ack(80, 2, holes=[(0, BEFORE & ~1)]) == 2 * SIZE
    assert trial.flights.to_repair is not None
    assert trial.flights.to_repair.todo == LAST | 1


def test_losses_of_one_round_trip_are_one_event() -> None:
    trial = Trial()
    for chunk in range(5):
        trial.send(15 * chunk, chunk)
    trial.ack(55, 2, holes=[(0, 0), (1, 1)])
    assert trial.flights.is_new_event
    trial.ack(85, 4, holes=[(0, 0), (1, 1), (2, 0), (3, 1)])
    assert not trial.flights.is_new_event
    trial.send(90, 5)
    trial.send(105, 6)
    trial.ack(145, 7, holes=[(0, 0), (1, 1), (2, 0), (3, 1), (4, 0), (5, 0), (6, 1)])
    assert trial.flights.is_new_event


def test_a_loss_that_was_none_makes_patient() -> None:
    """What was sent again had only been late: the receiver counts it twice. From then on more lateness is borne, once a
    round trip by an eighth of it, up to a whole one."""
    trial = Trial()
    for step in range(10):
        start = 1000 * (step + 1)
        steps = min(REORDER_STEPS // 4 + step, REORDER_STEPS)
        trial.send(start, step)
        trial.send(start + 4, step, 0)
        trial.ack(start + 44, 2 * step + 2, whole=step, holes=[(step, 0)], twice=step)
        assert trial.loss_at == start + TRIP + TRIP * steps / 8
        trial.ack(start + 200, 2 * step + 2, whole=step + 1, twice=step + 1)


def test_what_arrives_after_it_was_given_up_is_not_sent_again() -> None:
    trial = Trial()
    trial.send(0, 0)
    trial.send(10, 1)
    trial.ack(50, 2, holes=[(0, 0)])
    trial.ack(60, 2, holes=[(0, 0b11)])
    assert trial.flights.to_repair is not None
    assert trial.flights.to_repair.todo == ALL & ~0b11
    trial.ack(61, 2, whole=2)
    assert trial.flights.to_repair is None
    assert trial.flights.bytes == 0


def test_a_chunk_that_was_bad_is_sent_again() -> None:
    """All of it had arrived but one segment, then its tag was wrong, and the receiver has nothing of it any more."""
    trial = Trial()
    trial.send(0, 0, BEFORE)
    trial.send(1, 0, LAST)
    trial.ack(40, 1, holes=[(0, BEFORE)])
    trial.ack(41, 2, holes=[(0, 0)])
    assert trial.flights.to_repair is not None
    assert trial.flights.to_repair.todo == BEFORE
    trial.send(41, 0, BEFORE)
    assert trial.flights.bytes == WHOLE * SIZE
    trial.ack(81, 3, whole=1)
    assert (trial.flights.bytes, len(trial.flights)) == (0, 0)


def test_what_was_bad_and_is_on_its_way_again_is_not_lost_for_the_first_time_that_it_was_sent() -> None:
    trial = Trial()
    trial.send(0, 1)
    trial.send(1, 0, BEFORE)
    trial.send(2, 0, LAST)
    trial.ack(41, 2, holes=[(0, BEFORE), (1, 0)])
    trial.ack(42, 3, holes=[(0, 0), (1, 0)])
    trial.send(43, 0, BEFORE)
    assert trial.flights.detect_losses(0.0525) == WHOLE * SIZE
    assert trial.flights.to_repair is not None
    assert trial.flights.to_repair.chunk == 1


def test_a_chunk_that_waits_for_smaller_segments_gets_them() -> None:
    """Somebody has forged one of them; without that it would wait for ever."""
    trial = Trial()
    trial.send(0, 0)
    trial.send(1, 1)
    trial.flights.settle(Ack(True, 0, 0, 1, 2, 0, 0, 0, 0, 0, (Hole(0, 0, 1 << 50),)))
    flight = trial.flights.to_repair
    assert flight is not None
    assert (flight.chunk, flight.kind, segments_in(flight.todo)) == (0, 0, segment_count(CHUNK_SIZE + TAG_SIZE, 0))
    assert trial.flights.bytes == WHOLE * SIZE


def test_all_on_its_way_is_sent_anew_in_the_smallest_segments() -> None:
    """But what was sent whole may arrive whole in the old ones."""
    trial = Trial()
    trial.send(0, 0)
    trial.send(1, 1, 0b11)
    trial.flights.begin_anew()
    assert trial.flights.bytes == 0
    assert [flight.kind for flight in trial.flights._flights.values()] == [0, 0]
    assert [segments_in(flight.todo) for flight in trial.flights._flights.values()] == [
        segment_count(CHUNK_SIZE + TAG_SIZE, 0)
    ] * 2
    trial.ack(40, 1, whole=1)
    assert trial.released == ["chunk 0"]
    with pytest.raises(BadDatagram):
        trial.ack(41, 1, whole=2)


@pytest.mark.parametrize("whole", [1, 2])
def test_a_chunk_cannot_arrive_before_it_is_sent_to_its_end(whole: int) -> None:
    trial = Trial()
    trial.send(0, 0, BEFORE)
    trial.send(0, 1)
    with pytest.raises(BadDatagram, match="never sent"):
        trial.ack(40, 1, whole=whole)


def test_a_hint_at_segments_that_were_not_sent_is_no_acknowledgement() -> None:
    trial = Trial()
    trial.send(0, 0, 0b11)
    trial.ack(40, 1, holes=[(0, ALL)])
    assert trial.flights.bytes == 0
    assert trial.flights.fresh is not None
    assert trial.flights.fresh.todo == ALL & ~0b11


def test_round_trips_are_measured_without_the_time_that_the_receiver_waited() -> None:
    """Yet a tenth of the time at least was spent on the way, whatever it says."""
    for delay, sample in ((0, 50), (10_000, 40), (10**9, 5)):
        trial = Trial()
        trial.send(0, 0)
        ack = Ack(True, 1, 1, 1, 1, delay, 0, 0, 0, 0, ())
        trial.flights.measure(0.050, ack)
        assert round(trial.trip.latest * 1000, 6) == sample


@pytest.mark.parametrize("batch", [0, 3, 2**32 - 1])
def test_a_batch_that_is_none_measures_nothing(batch: int) -> None:
    trial = Trial()
    trial.send(0, 0)
    trial.send(1, 1)
    latest = trial.trip.latest
    assert trial.ack(70, batch, holes=[(0, 0)]) == 0
    assert trial.trip.latest == latest


def test_a_probe_repeats_the_oldest_segments() -> None:
    trial = Trial()
    trial.send(0, 0)
    trial.send(1, 1)
    trial.ack(40, 1, holes=[(0, 0b11)])
    trial.flights.lose_oldest(3)
    assert trial.flights.to_repair is not None
    assert trial.flights.to_repair.todo == 0b11100
    assert trial.flights.bytes == (2 * WHOLE - 5) * SIZE


def test_bytes_of_chunks_that_have_arrived_in_part_are_told() -> None:
    trial = Trial()
    trial.send(0, 0)
    trial.send(1, 1)
    assert trial.flights.bytes_in_part == 0
    trial.ack(40, 2, holes=[(0, 0b101), (1, 0b1)])
    assert trial.flights.bytes_in_part == 3 * (SIZE - HEADER_SIZE)
    trial.ack(41, 2, holes=[(0, 0b111)])
    assert (trial.flights.whole, trial.flights.bytes_in_part) == (0, 4 * (SIZE - HEADER_SIZE))
    trial.flights.settle(Ack(True, 0, 0, 2, 2, 0, 0, 0, 0, 0, (Hole(0, 3, 0b111),)))
    assert (trial.flights.whole, trial.flights.bytes_in_part) == (1, 3 * (SIZE - HEADER_SIZE)), "the second is whole"
    trial.ack(42, 2, whole=2)
    assert (trial.flights.whole, trial.flights.bytes_in_part) == (2, 0)
