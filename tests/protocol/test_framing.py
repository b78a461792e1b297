"""Bytes to messages: any cutting gives the same, overlong lines end the stream, nothing raises."""

from __future__ import annotations

from typing import List

import hypothesis.strategies as st
import pytest
from hypothesis import example, given, settings

from messenger.errors import ProtocolError
from messenger.protocol.framing import EventReader, Incoming, LineCutter, RequestReader, decode_request, encode_lines
from messenger.protocol.limits import EVENT_LINE_MAX, REQUEST_LINE_MAX
from messenger.protocol.messages import Active, ActiveUserInfo, Created, Error, Malformed, Message, Ping
from messenger.protocol.text import clean

PIECES = st.sampled_from(
    [
        b'{"type":"ping","id":1}',
        b'{"type":"alive"}',
        b'{"type":"msgto","id":2,"user":"Hans","text":"hi"}',
        '{"type":"msgto","id":3,"user":"Hans","text":"Grüße 👋"}'.encode(),
        '{"type":"groupmsg","id":4,"group":"g","text":"\u202ex"}'.encode(),
        b'{"type":"msgto","id":5,"user":"Hans","text":"\\u0007 \\\\ \x7f"}',
        b'{"type":"msgto","id":6,"user":"}","text":"}"}',
        b'{"type":"creategroup","id":7,"group":"g","users":["}"]}',
        b'{"type":"outcome","id":8,"user":"}","transfer":"%s","code":"done","message":"}\x9b"}' % (b"0" * 32),
        b'{"type":"answer","id":9,"user":"Hans","transfer":"%s","accepted":false,"addresses":["::1"]}' % (b"0" * 32),
        b"}",
        b"{",
        b'"',
        b",",
        b" ",
        b"\r",
        b"\n",
        b"\r\n",
        b"\xff",
        b"\x00",
    ]
)
STREAMS = st.lists(PIECES | st.binary(max_size=5), max_size=20).map(b"".join)


class SmallReader(RequestReader):
    """A reader with short lines, so that overlong ones are cheap."""

    __slots__ = ()
    limit = 30


def fed(reader: RequestReader, stream: bytes, cuts: List[int]) -> List[Incoming]:
    requests = []
    places = sorted(cut % (len(stream) + 1) for cut in cuts)
    for start, end in zip([0, *places], [*places, len(stream)]):
        requests += reader.feed(stream[start:end])
    return requests


@given(STREAMS, st.lists(st.integers(0, 1000), max_size=12))
def test_any_cutting_gives_the_same_requests(stream: bytes, cuts: List[int]) -> None:
    whole = RequestReader().feed(stream)
    assert fed(RequestReader(), stream, cuts) == whole
    assert fed(RequestReader(), stream, list(range(len(stream)))) == whole


@given(STREAMS)
def test_many_lines_at_once_are_decoded_like_each_line_by_itself(stream: bytes) -> None:
    """The fast path for blocks of good lines lets nothing else through."""
    lines = stream.split(b"\n")[:-1]
    assert RequestReader().feed(stream) == [decode_request(line) for line in lines if line.strip()]


@given(st.lists(st.integers(1, 40), max_size=8), st.lists(st.integers(0, 1000), max_size=12))
def test_a_line_that_is_too_long_ends_the_stream_wherever_it_is_cut(lengths: List[int], cuts: List[int]) -> None:
    stream = b"".join(b'{"type":"ping","id":1}'.ljust(length - 1)[: length - 1] + b"\n" for length in lengths)
    good = next((n for n, length in enumerate(lengths) if length > SmallReader.limit), len(lengths))
    requests = fed(SmallReader(), stream, cuts)
    assert requests == fed(SmallReader(), stream, [])
    assert sum(isinstance(r, Malformed) and r.code == "line_too_long" for r in requests) == (good < len(lengths))
    assert len([r for r in requests if isinstance(r, Ping)]) == sum(length > 22 for length in lengths[:good])


def test_a_line_of_exactly_the_limit_is_taken() -> None:
    line = b'{"type":"ping","id":1}'.ljust(REQUEST_LINE_MAX - 1) + b"\n"
    assert RequestReader().feed(line) == [Ping(1)]
    reader = RequestReader()
    assert [reader.feed(bytes([byte])) for byte in line][-1] == [Ping(1)]
    (refused,) = RequestReader().feed(b" " + line)
    assert isinstance(refused, Malformed)
    assert refused.code == "line_too_long"


def test_a_line_that_never_ends_is_refused_at_the_limit_and_holds_no_memory() -> None:
    reader = RequestReader()
    answers = [request for _ in range(100) for request in reader.feed(b"A" * 16384)]
    assert [answer.code for answer in answers if isinstance(answer, Malformed)] == ["line_too_long"]
    assert reader._tail == b""
    assert reader.feed(b'\n{"type":"ping","id":1}\n') == [], "nothing comes behind it"


@given(st.binary(max_size=200))
def test_no_bytes_raise_out_of_the_request_reader(data: bytes) -> None:
    RequestReader().feed(data + b"\n")


@given(st.binary(max_size=200) | STREAMS)
def test_bytes_that_are_no_events_raise_a_protocol_error_only(data: bytes) -> None:
    try:
        EventReader().feed(data + b"\n")
    except ProtocolError as error:
        assert "\n" not in str(error)


@settings(max_examples=20)
@given(st.integers(-2, 2), st.integers(1, EVENT_LINE_MAX))
def test_an_event_line_has_its_limit_too(beyond: int, cut: int) -> None:
    line = b'{"type":"check"}'.ljust(EVENT_LINE_MAX - 1 + beyond) + b"\n"
    reader = EventReader()
    if beyond <= 0:
        assert len(reader.feed(line[:cut]) + reader.feed(line[cut:])) == 1
        return
    with pytest.raises(ProtocolError, match="line of more than"):
        reader.feed(line[:cut])
        reader.feed(line[cut:])


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
@example("\x1b[2J", "\u202e\x9b")
def test_what_comes_from_a_server_is_clean(text: str, name: str) -> None:
    """The client trusts the server no more than the server trusts it; lists and nested fields included."""
    block = encode_lines(
        [
            Message(name, text, "now", 1),
            Created(1, name, [text, name]),
            Active(1, [ActiveUserInfo(name, text, 1, "now")]),
            Error(name, text),
        ]
    )
    message, created, active, error = EventReader().feed(block)
    assert isinstance(message, Message)
    assert isinstance(created, Created)
    assert isinstance(active, Active)
    assert isinstance(error, Error)
    info = active.users[0]
    assert (message.sender, message.text, info.name, info.address) == (clean(name), clean(text)) * 2
    assert (created.members, error.code, error.message) == ([clean(text), clean(name)], clean(name), clean(text))


def test_the_cutter_keeps_only_what_is_incomplete() -> None:
    cutter = LineCutter()
    assert [cutter.cut(piece) for piece in (b"a", b"b\nc", b"\n\n", b"d")] == [b"", b"ab\n", b"c\n\n", b""]
