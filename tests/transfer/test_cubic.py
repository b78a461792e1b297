"""Plain CUBIC, by the figures of RFC 9438; and what the patient one makes of a loss."""

from __future__ import annotations

from typing import Type

import pytest

from messenger.transfer.congestion import BETA, INITIAL_WINDOW, LEAST_WINDOW, PERSISTENT_WINDOW, SCALE, Ack, Cubic
from messenger.transfer.patient import Patient
from messenger.transfer.rtt import RoundTrip

SEGMENT = 1200
TRIP = 0.1


class Flow:
    """Acknowledges a whole window each round trip, in ten parts."""

    def __init__(self, kind: Type[Cubic] = Cubic) -> None:
        self.now = 1000.0
        self.trip = RoundTrip()
        self.controller = kind(SEGMENT, self.trip)
        self._delivered = 0

    @property
    def segments(self) -> float:
        return self.controller.window / SEGMENT

    def rounds(self, count: int, sample: float = TRIP, used: float = 1.0) -> None:
        for _ in range(count):
            window = int(self.controller.window * used)
            for _ in range(10):
                self.now += TRIP / 10
                self.ack(window // 10, window - window // 10, sample)

    def ack(self, acked: int, in_flight: int, sample: float = TRIP) -> None:
        self.trip.update(self.now, sample)
        self._delivered += acked
        self.controller.on_ack(Ack(self.now, acked, in_flight, self._delivered, self.now))

    def lose(self) -> None:
        self.controller.on_loss(self.now, SEGMENT, True)

    def grow_to(self, segments: int) -> None:
        while self.segments < segments:
            self.rounds(1)


def test_slow_start_doubles() -> None:
    flow = Flow()
    assert flow.segments == INITIAL_WINDOW
    flow.rounds(1)
    assert flow.segments == pytest.approx(2 * INITIAL_WINDOW, rel=0.01)


def test_a_loss_leaves_beta_of_the_window_and_ends_slow_start() -> None:
    flow = Flow()
    flow.rounds(2)
    before = flow.segments
    flow.lose()
    assert flow.segments == pytest.approx(BETA * before, rel=0.001)
    flow.rounds(1)
    assert flow.segments < 1.1 * BETA * before


def test_only_the_first_loss_of_a_round_trip_counts() -> None:
    flow = Flow()
    flow.lose()
    after = flow.segments
    flow.controller.on_loss(flow.now, 10 * SEGMENT, False)
    assert flow.segments == after


def test_it_is_back_at_the_old_window_when_the_rfc_says() -> None:
    """K = cbrt(W_max (1 - beta) / C) seconds, section 4.2; concave before, convex behind."""
    flow = Flow()
    flow.grow_to(1000)
    peak = flow.segments
    flow.lose()
    climb = (peak * (1 - BETA) / SCALE) ** (1 / 3)
    flow.rounds(int(climb / TRIP) // 2)
    halfway = flow.segments
    assert halfway == pytest.approx(peak - SCALE * (climb / 2) ** 3, rel=0.01)
    flow.rounds(int(climb / TRIP) - int(climb / TRIP) // 2)
    assert flow.segments == pytest.approx(peak, rel=0.01)
    flow.rounds(int(climb / TRIP) // 2)
    assert flow.segments == pytest.approx(peak + SCALE * (climb / 2) ** 3, rel=0.02)


def test_a_small_window_grows_as_reno_would() -> None:
    """Section 4.3: 3 (1 - beta) / (1 + beta) segments a round trip."""
    flow = Flow()
    for _ in range(7):
        flow.lose()
    start = flow.segments
    assert start == pytest.approx(INITIAL_WINDOW * BETA**7, rel=0.001)
    flow.rounds(4)
    assert flow.segments == pytest.approx(start + 4 * 9 / 17, rel=0.05)


def test_a_second_loss_below_the_peak_gives_way_to_newcomers() -> None:
    """Section 4.7: the curve is flat below the window that was lost."""
    flow = Flow()
    flow.grow_to(1000)
    flow.lose()
    flow.lose()
    second = flow.segments / BETA
    flow.rounds(40)
    assert flow.segments == pytest.approx(second * (1 + BETA) / 2, rel=0.03)


def test_a_window_that_is_not_used_does_not_grow() -> None:
    flow = Flow()
    flow.rounds(1)
    before = flow.segments
    flow.rounds(20, used=0.3)
    assert flow.segments == before
    flow.lose()
    before = flow.segments
    flow.rounds(100, used=0.3)
    assert flow.segments == before
    flow.rounds(3)
    assert flow.segments < 1.1 * before, "the time in which nothing was to be sent counts as growth"


def test_losses_leave_a_least_window() -> None:
    flow = Flow()
    for _ in range(50):
        flow.lose()
    assert flow.segments == LEAST_WINDOW


def test_after_silence_the_curve_leads_back_to_where_the_window_was() -> None:
    """Other than after a second loss: nothing was heard, so there is no sign of a newcomer to give way to."""
    flow = Flow()
    flow.grow_to(1000)
    peak = flow.segments
    flow.lose()
    flow.controller.on_timeout(flow.now)
    climb = ((peak - flow.segments) / SCALE) ** (1 / 3)
    flow.rounds(int(climb / TRIP))
    assert flow.segments == pytest.approx(peak, rel=0.01)


@pytest.mark.parametrize("kind", [Cubic, Patient])
def test_timeouts_end_at_the_least_window_and_what_was_lost_then_does_not_count(kind: Type[Cubic]) -> None:
    flow = Flow(kind)
    flow.rounds(3)
    before = flow.segments
    flow.controller.on_timeout(flow.now)
    assert flow.segments == pytest.approx(before / 2, rel=0.01)
    flow.controller.on_timeout(flow.now)
    flow.controller.on_timeout(flow.now)
    assert flow.segments == PERSISTENT_WINDOW
    flow.lose()
    flow.rounds(3)
    assert flow.segments == pytest.approx(PERSISTENT_WINDOW * 8, rel=0.1)


def test_the_patient_one_ignores_a_loss_without_a_queue() -> None:
    flow = Flow(Patient)
    flow.rounds(3)
    before = flow.segments
    flow.lose()
    flow.rounds(1)
    assert flow.segments > before


def test_the_patient_one_believes_a_loss_with_a_queue() -> None:
    flow = Flow(Patient)
    flow.rounds(3)
    before = flow.segments
    flow.trip.update(flow.now, TRIP)
    for _ in range(10):
        flow.now += TRIP / 10
        flow.trip.update(flow.now, 1.2 * TRIP)
    flow.lose()
    flow.ack(0, flow.controller.window, 1.2 * TRIP)
    assert flow.segments == pytest.approx(BETA * before, rel=0.001)


def test_slow_start_of_the_patient_one_pauses_when_a_queue_stands_and_then_fills_the_path() -> None:
    """It is sure of the queue when the window has grown by seven tenths in that round trip; what has caused the queue
    was sent one before, when it was half as large, and is 1.2 times what the path holds."""
    flow = Flow(Patient)
    flow.rounds(3)
    before = flow.segments
    flow.rounds(1, sample=1.2 * TRIP)
    fits = 1.7 * before / 2 / 1.2
    assert 0.85 * fits < flow.segments < fits
    flow.rounds(3)
    assert fits < flow.segments < 1.4 * fits


def test_slow_start_of_the_patient_one_goes_on_when_the_queue_is_somebody_else_s() -> None:
    flow = Flow(Patient)
    flow.rounds(3)
    before = flow.segments
    flow.rounds(3, sample=1.2 * TRIP)
    assert flow.segments < before
    flow.rounds(5, sample=1.2 * TRIP)
    assert flow.segments > 4 * before


def test_alone_on_a_path_without_a_queue_the_patient_one_does_not_take_seconds_to_fill_it() -> None:
    flow = Flow(Patient)
    flow.rounds(3)
    flow.rounds(1, sample=1.2 * TRIP)
    flow.rounds(3)
    before = flow.segments
    flow.rounds(12)
    assert 1.5 * before < flow.segments < 2 * before


def test_the_patient_one_believes_losses_that_are_far_out_of_the_usual() -> None:
    flow = Flow(Patient)
    flow.rounds(1)
    before = flow.segments
    flow.controller.on_loss(flow.now, 300 * SEGMENT, True)
    flow.ack(200 * SEGMENT, 300 * SEGMENT)
    assert flow.segments < before
