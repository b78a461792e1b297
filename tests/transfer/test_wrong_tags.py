"""What a receiver wants again after a chunk's tag was wrong, and that nobody who forges keeps the right one out."""

from __future__ import annotations

from messenger.transfer.geometry import segment_count
from tests.transfer.test_receiver import SEALED, WHOLE, Trial


def test_a_chunk_whose_tag_is_wrong_is_wanted_again_from_the_beginning() -> None:
    for pieces in ([(0, WHOLE)], [(0, 3), (3, WHOLE - 3)]):
        trial = Trial(1)
        for first, count in pieces:
            trial.take(0, first, count, bad=first == 0)
        ack = trial.ack()
        assert (ack.cumulative, ack.upto) == (0, 1)
        assert [tuple(hole) for hole in ack.holes] == [(0, 0, 0)]
        for first, count in pieces:
            trial.take(0, first, count)
        assert trial.receiver.is_complete


def test_after_a_wrong_tag_what_came_the_same_twice_is_not_wanted_a_third_time() -> None:
    for pieces in ([(0, WHOLE)], [(0, 9), (9, WHOLE - 9)]):
        trial = Trial(1)
        for first, count in pieces:
            trial.take(0, first, count, flipped=(2, 4))
        assert trial.mask() == 0
        for first, count in pieces:
            trial.take(0, first, count, flipped=(5,))
        assert trial.mask() == 2**WHOLE - 1 - 0b110100
        for segment in (2, 4, 5):
            trial.take(0, segment)
        assert trial.receiver.is_complete


def test_what_comes_twice_in_one_round_is_not_taken_for_confirmed() -> None:
    """The path may double what it has changed before."""
    trial = Trial(1)
    trial.take(0, 0, WHOLE, flipped=(3,))
    for _ in range(2):
        trial.take(0, 2, flipped=(2,))
    trial.take(0, 0, 2)
    trial.take(0, 3, WHOLE - 3)
    assert trial.mask() == 2**WHOLE - 1 - 0b1100


def test_where_all_came_the_same_twice_and_is_wrong_nothing_is_believed() -> None:
    trial = Trial(1)
    for _ in range(2):
        trial.take(0, 0, WHOLE, flipped=(3,))
        assert trial.mask() == 0
    trial.take(0, 0, 1)
    assert trial.mask() == 1
    trial.take(0, 1, WHOLE - 1)
    assert trial.receiver.is_complete


def test_a_whole_chunk_that_somebody_forged_in_small_segments_does_not_keep_the_right_one_out() -> None:
    trial = Trial(1, kind=0)
    trial.take(0, 0, segment_count(SEALED, 0), bad=True)
    trial.kind = 3
    trial.take(0, 0, 5)
    trial.take(0, 5, WHOLE - 5)
    assert trial.receiver.is_complete


def test_a_segment_that_was_forged_is_replaced_by_the_right_one() -> None:
    trial = Trial(1)
    trial.take(0, 2, bad=True)
    trial.take(0, 0, 5)
    trial.take(0, 5, WHOLE - 5)
    assert trial.receiver.is_complete
