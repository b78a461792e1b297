"""What workers measure adds up to what one process would have measured."""

from __future__ import annotations

import json
from typing import List, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messenger.load.latencies import Histogram, Sketch
from messenger.load.recorder import Recorder, Total

Happening = Tuple[str, float, int]

happenings = st.lists(
    st.tuples(st.sampled_from(["ack", "delivery"]), st.floats(0.0001, 10), st.integers(1000, 1005)), max_size=40
)


@pytest.mark.parametrize("seconds", [0.0, 1e-6, 0.00025, 0.5, 3, 4000])
def test_a_latency_is_exact_to_a_thousandth(seconds: float) -> None:
    histogram = Histogram()
    histogram.record(seconds)
    expected = min(max(seconds * 1e6, 1), 3.6e9)
    assert histogram.percentile(50) == pytest.approx(expected, rel=0.001, abs=1)
    assert Histogram.decode(histogram.encode()).highest == histogram.highest


def test_nothing_has_no_latency() -> None:
    histogram = Histogram()
    assert (histogram.count, histogram.mean, histogram.percentile(99), histogram.highest) == (0, 0, 0, 0)
    assert Sketch().percentiles((50, 99)) == [0, 0]


@given(st.lists(st.floats(0.00001, 100), min_size=1, max_size=200), st.sampled_from([1, 50, 90, 99, 100]))
def test_the_sketch_of_a_second_is_right_to_a_twentieth(latencies: List[float], share: int) -> None:
    sketch = Sketch()
    for seconds in latencies:
        sketch.record(seconds)
    ordered = sorted(latencies)
    expected = ordered[max(1, -(-len(ordered) * share // 100)) - 1] * 1e6
    assert sketch.percentiles((share,))[0] == pytest.approx(expected, rel=0.05)


@settings(deadline=None)  # histograms are large, and this is not about how fast they are
@given(happenings, happenings)
def test_two_workers_are_as_good_as_one_process(first: List[Happening], second: List[Happening]) -> None:
    one, workers, total, alone = Recorder(), [Recorder(), Recorder()], Total(), Total()
    for recorder, happened in zip(workers, (first, second)):
        for operation, seconds, at in happened:
            recorder.latency(operation, seconds, at)
            recorder.failure(operation, "busy", at)
            one.latency(operation, seconds, at)
            one.failure(operation, "busy", at)
        total.add(str(id(recorder)), json.loads(json.dumps(recorder.take())))
    alone.add("", one.take())
    ours, expected = total.as_piece(), alone.as_piece()
    assert ours["seconds"] == expected["seconds"]
    assert sorted(ours["failures"]) == sorted(expected["failures"])
    for operation, text in expected["histograms"].items():
        both = [Histogram.decode(one) for one in (text, ours["histograms"][operation])]
        assert both[0].count == both[1].count
        assert [both[0].percentile(share) for share in (1, 50, 99)] == [both[1].percentile(x) for x in (1, 50, 99)]


def test_pieces_hold_what_is_new_and_fates_are_those_of_the_whole_run() -> None:
    recorder, total = Recorder(), Total()
    stream = recorder.open_stream("messages")
    for _ in range(3):
        stream.ack(stream.send())
        recorder.latency("ack", 0.001, 1000.5)
        recorder.amount("sent", 1, 1000.5)
        total.add("worker", recorder.take())
    assert total.histograms["ack"].count == 3
    assert total.fates["messages"].sent == 3
    assert total.as_piece()["seconds"]["1000"]["sent"]["amounts"] == 3
