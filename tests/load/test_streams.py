"""Every message that was sent has one fate, in whatever order one hears of it."""

from __future__ import annotations

from typing import List, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.load.people import Traffic
from messenger.load.recorder import Recorder
from messenger.load.streams import Fates, Stream, read_text, text_of


@given(
    st.from_regex(r"[0-9a-z]{1,10}", fullmatch=True),
    st.integers(0, 10**9),
    st.integers(1, 10**9),
    st.integers(0, 200),
)
def test_a_text_tells_run_stream_and_number(run: str, stream: int, number: int, size: int) -> None:
    text = text_of(run, stream, number, size)
    assert read_text(text) == (run, stream, number)
    assert len(text) >= size or size <= len(f"{run}.{stream}.{number} ")


@pytest.mark.parametrize("text", ["", "hello", "a.b.c", "1.2", "1.2.3x", " a.1.2", "A.1.2"])
def test_other_texts_are_nobody_s(text: str) -> None:
    assert read_text(text) is None


def test_what_was_acknowledged_and_never_seen_is_lost() -> None:
    stream = Stream()
    for _ in range(5):
        stream.send()
    for number in (1, 2, 3):
        stream.ack(number)
    stream.deliver(1)
    stream.deliver(4)  # its acknowledgement comes later, or never
    stream.refuse(5)
    assert stream.fates() == Fates(sent=5, acked=3, delivered=2, lost=2, refused=1, unfinished=0)
    assert not stream.is_settled


def test_nothing_is_lost_as_long_as_its_recipient_may_still_read_it() -> None:
    stream = Stream()
    stream.ack(stream.send())
    stream.is_behind = True
    assert stream.fates() == Fates(sent=1, acked=1, unfinished=1)
    stream.is_behind = False
    assert stream.fates() == Fates(sent=1, acked=1, lost=1)


def test_what_nobody_has_told_of_is_unfinished() -> None:
    stream = Stream()
    stream.send()
    assert stream.fates() == Fates(sent=1, unfinished=1)


def test_copies_and_overtaken_messages_are_counted() -> None:
    stream = Stream()
    for _ in range(3):
        stream.ack(stream.send())
    assert [stream.deliver(number) for number in (2, 1, 1, 3)] == [True, True, False, True]
    assert stream.fates() == Fates(sent=3, acked=3, delivered=3, duplicated=1, reordered=1)
    assert stream.is_settled


@given(st.lists(st.tuples(st.sampled_from(["send", "ack", "refuse", "deliver"]), st.integers(1, 20)), max_size=80))
def test_fates_always_add_up(happenings: List[Tuple[str, int]]) -> None:
    stream, sent, answered = Stream(), 0, set()
    for what, number in happenings:
        if what == "send":
            assert stream.send() == sent + 1
            sent += 1
        elif number > sent:
            continue  # nobody tells of what was never sent
        elif what == "deliver":
            stream.deliver(number)
        elif number not in answered and not (what == "refuse" and number in _delivered(stream, sent)):
            answered.add(number)
            (stream.ack if what == "ack" else stream.refuse)(number)
        fates = stream.fates()
        assert fates.sent == sent == fates.delivered + fates.lost + fates.refused + fates.unfinished
        assert min(fates.as_dict().values()) >= 0


def _delivered(stream: Stream, sent: int) -> List[int]:
    return [number for number in range(1, sent + 1) if number not in stream._missing]


def test_a_message_to_a_group_is_accounted_for_at_every_member() -> None:
    traffic = Traffic(Recorder(), "run")
    lane = traffic.open("groups", ["Hans", "Luke"])
    number = lane.send(0.0)
    lane.ack(number)
    text = text_of("run", lane.id, number)
    traffic.deliver("Hans", text)
    traffic.deliver("Leia", text)  # she is no member
    traffic.deliver("Hans", text_of("another", lane.id, number))
    piece = traffic.recorder.take()
    assert piece["fates"]["groups"] == Fates(sent=2, acked=2, delivered=1, lost=1, misdelivered=1).as_dict()
    assert sum(second["delivery"]["latency"] != {} for second in piece["seconds"].values()) == 1


def test_counts_of_lanes_that_have_ended_are_kept() -> None:
    traffic = Traffic(Recorder(), "run")
    for _ in range(3):
        lane = traffic.open("messages", ["Hans"])
        lane.ack(lane.send(0.0))
        traffic.close(lane)
        traffic.close(lane)  # once is enough
    assert traffic.recorder.take()["fates"]["messages"]["lost"] == 3
    assert traffic.recorder.unsettled == 0
