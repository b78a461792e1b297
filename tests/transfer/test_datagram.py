"""Control messages and headers: what is written is read again, and nothing that arrives raises more than it should."""

from __future__ import annotations

from typing import List, Type

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from messenger.transfer.datagram import (
    CHALLENGE_SIZE,
    HOLE_OFFSET_MAX,
    HOLES_MAX,
    REASON_MAX,
    Abort,
    Ack,
    BadDatagram,
    Control,
    Done,
    DoneSeen,
    Figures,
    Hello,
    Hole,
    Ping,
    Start,
    Welcome,
    decode,
    encode,
    first_word,
    second_word,
)
from messenger.transfer.geometry import (
    CHUNK_SIZE,
    HEADER_SIZE,
    MASK_SIZE,
    SEGMENT_SIZES,
    TAG_SIZE,
    Geometry,
    full_mask,
    lowest,
    segment_count,
    segments_in,
)
from messenger.transfer.sealing import ControlSealer
from tests.transfer.packets import HEADER, runs_of

BYTE, SHORT, WORD, LONG = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 64))
CHALLENGE = st.binary(min_size=CHALLENGE_SIZE, max_size=CHALLENGE_SIZE)
SEGMENTS = 8 * MASK_SIZE
MASK = st.one_of(st.integers(0, 2**SEGMENTS - 1), st.integers(0, 2**20 - 1))
CODE = st.text("abcdefghijklmnopqrstuvwxyz_", max_size=32)


@st.composite
def acks(draw: st.DrawFn) -> Ack:
    base = draw(WORD)
    offsets = draw(st.lists(st.integers(0, HOLE_OFFSET_MAX), max_size=HOLES_MAX))
    holes = tuple(Hole(base + offset, draw(BYTE), draw(MASK)) for offset in offsets)
    return Ack(
        draw(st.booleans()), draw(WORD), base, draw(WORD), draw(WORD), draw(WORD), draw(LONG), draw(LONG), draw(WORD),
        draw(WORD), holes,
    )  # fmt: skip


CONTROLS = st.one_of(
    acks(),
    st.builds(Hello, CHALLENGE, BYTE),
    st.builds(Welcome, CHALLENGE, CHALLENGE, BYTE, WORD),
    st.builds(Start, CHALLENGE, BYTE),
    st.builds(Abort, CODE, st.text(st.characters(exclude_categories=["Cs"]), max_size=REASON_MAX // 4)),
    st.sampled_from([Ping(), Done(), DoneSeen()]),
    st.builds(Figures, st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1)),
)
FULL_ACK = Ack(
    True, 1, 0, 2**32 - 1, 1, 1, 2**64 - 1, 1, 1, 1, tuple(Hole(n, 3, 2**SEGMENTS - 1) for n in range(HOLES_MAX))
)


@given(CONTROLS, st.integers(0, 50))
def test_a_control_message_is_read_as_it_was_written_whatever_zeros_follow(message: Control, zeros: int) -> None:
    read = decode(encode(message) + bytes(zeros))
    assert type(read) is type(message)
    assert read == message


@given(st.binary(max_size=80) | st.builds(lambda kind, rest: bytes([kind]) + rest, st.integers(0, 9), st.binary()))
@example(b"\x08" + b"\xff" * 32 + b"\0\0")
@example(b"\x08" + b"abc" + bytes(29) + b"\xff\xff\xff")
def test_random_bytes_are_a_message_or_refused(data: bytes) -> None:
    try:
        message = decode(data)
    except BadDatagram:
        return
    assert isinstance(message, (Ack, Hello, Welcome, Start, Ping, Done, DoneSeen, Abort, Figures))


@given(CONTROLS)
def test_a_message_that_is_cut_is_refused(message: Control) -> None:
    """But for the sentence of an abort, which is for people, and may end anywhere."""
    data = encode(message)
    for size in range(len(data)):
        if isinstance(message, Abort) and size >= 35:
            assert isinstance(decode(data[:size]), Abort)
        else:
            with pytest.raises(BadDatagram):
                decode(data[:size])


def test_the_longest_messages_fit_what_every_path_carries() -> None:
    for message in (FULL_ACK, Abort("x" * 32, "€" * REASON_MAX)):
        assert len(ControlSealer(bytes(16), 1).seal(encode(message))) <= SEGMENT_SIZES[0]


def test_a_reason_that_is_too_long_is_cut_and_stays_readable() -> None:
    read = decode(encode(Abort("too_large", "€" * REASON_MAX)))
    assert isinstance(read, Abort)
    assert read.message.rstrip("\ufffd") == "€" * (REASON_MAX // 3)


def test_a_wait_of_more_than_an_hour_counts_as_the_longest() -> None:
    read = decode(encode(FULL_ACK._replace(delay=2**40, duplicates=2**33 + 5)))
    assert isinstance(read, Ack)
    assert (read.delay, read.duplicates) == (2**32 - 1, 5)


@given(st.integers(0, 255), st.integers(0, 2**16 - 1), st.integers(0, 2**40 - 1), WORD, WORD)
def test_a_header_is_laid_out_as_described(kind: int, segment: int, connection: int, chunk: int, batch: int) -> None:
    """Kind (1 byte), segment (2), connection (5), chunk (4), batch (4), little-endian."""
    header = HEADER.pack(first_word(kind, segment, connection), second_word(chunk, batch))
    assert len(header) == HEADER_SIZE
    numbers = [header[:1], header[1:3], header[3:8], header[8:12], header[12:]]
    assert [int.from_bytes(part, "little") for part in numbers] == [kind, segment, connection, chunk, batch]


@pytest.mark.parametrize("kind", range(len(SEGMENT_SIZES)))
@given(size=st.integers(1, 3 * CHUNK_SIZE))
def test_segments_hold_all_of_a_file_and_no_more(kind: int, size: int) -> None:
    """A mask of them has room in an acknowledgement, and their numbers have two bytes in the header."""
    geometry = Geometry(size)
    room = SEGMENT_SIZES[kind] - HEADER_SIZE
    assert sum(geometry.plain_size(chunk) for chunk in range(geometry.chunks)) == size
    for chunk in range(geometry.chunks):
        assert 1 <= geometry.plain_size(chunk) <= CHUNK_SIZE
        sealed = geometry.sealed_size(chunk)
        count = segment_count(sealed, kind)
        assert (count - 1) * room < sealed <= count * room
        assert count <= SEGMENTS <= 2**16
        assert sealed == geometry.plain_size(chunk) + TAG_SIZE


@given(MASK, st.integers(0, 220))
def test_masks_are_counted_and_cut_at_the_low_end(mask: int, count: int) -> None:
    places = [place for place in range(SEGMENTS) if mask >> place & 1]
    assert segments_in(mask) == len(places)
    if count <= len(places):
        assert lowest(mask, count) == sum(1 << place for place in places[:count])
    assert segments_in(full_mask(count)) == count


@given(st.lists(st.integers(0, 6), max_size=12))
def test_the_world_puts_runs_together_as_a_kernel_does(segments: List[int]) -> None:
    """What the other tests rely on: no segment is lost or moved, and only neighbours of one batch are put together."""
    sizes = [8936] * 6 + [7840]
    data = [HEADER.pack(first_word(3, n, 9), second_word(1, 1)) + bytes([n]) * sizes[n] for n in segments]
    seen: List[int] = []
    for run in runs_of(data):
        payload = b"".join(bytes([n]) * sizes[n] for n in range(run.first, run.first + run.segments))
        assert run.payload == payload
        seen += range(run.first, run.first + run.segments)
    assert seen == segments


def test_every_message_has_a_class_of_its_own() -> None:
    kinds: List[Type[object]] = [type(decode(bytes([number]) + bytes(60))) for number in range(1, 9)]
    assert len(set(kinds)) == 8
