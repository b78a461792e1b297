"""Requests about files: what the border lets in, however it is written, and that the largest fits into a line."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import List

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from messenger.protocol import limits
from messenger.protocol.framing import EventReader, RequestReader, encode_lines
from messenger.protocol.messages import Answer, Answered, Malformed, Offer, Offered, Outcome
from messenger.protocol.text import clean, fault_in_text

ID = "5f2b8c0e9d7a41633e1c7b90a4d8f256"
KEY = b64encode(bytes(range(32))).decode()
TEXTS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\n\x1b\u202e\t/é"), max_size=300)
LENGTHS = st.integers(1, limits.OUTCOME_MESSAGE_MAX + 2)
KEYS = st.binary(min_size=32, max_size=32).map(lambda key: b64encode(key).decode())
ADDRESSES = st.lists(st.ip_addresses().map(str), max_size=limits.ADDRESSES_MAX)
PORTS = st.integers(1, 65535)
SIZES = st.integers(0, limits.FILE_SIZE_MAX)
NAMES = st.text(st.characters(categories=["L", "N", "S", "P"]), min_size=1, max_size=63)


@given(NAMES, SIZES, KEYS, PORTS, ADDRESSES, st.uuids())
def test_an_offer_is_read_as_it_was_written(
    name: str, size: int, key: str, port: int, addresses: List[str], transfer: object
) -> None:
    """Among them every public key, every address that Python writes, and every id that `uuid` makes."""
    offer = Offer(1, "Hans", getattr(transfer, "hex", ID), name, size, key, port, addresses)
    assert RequestReader().feed(encode_lines([offer])) == [offer]


@given(KEYS, PORTS, ADDRESSES, st.binary(max_size=100))
def test_an_answer_is_read_as_it_was_written(key: str, port: int, addresses: List[str], resume: bytes) -> None:
    answer = Answer(1, "Hans", ID, True, key, port, addresses, b64encode(resume).decode())
    assert RequestReader().feed(encode_lines([answer])) == [answer]


@given(TEXTS, st.booleans())
@example("x" * 256, True)
@example("é" * 128, False)
@example("a\u202eb" + "x" * 300, False)
def test_a_file_name_is_taken_or_refused_like_a_text_however_it_is_escaped(name: str, ascii_only: bool) -> None:
    fields = {"type": "offer", "id": 7, "user": "Hans", "transfer": ID, "name": name, "size": 1, "key": KEY}
    (request,) = RequestReader().feed(json.dumps({**fields, "udp_port": 1}, ensure_ascii=ascii_only).encode() + b"\n")
    if fault_in_text(name, limits.FILE_NAME_MAX):
        assert isinstance(request, Malformed)
        assert (request.code, request.id) == ("bad_text", 7)
        assert request.message.startswith("the name ")
    elif name:
        assert isinstance(request, Offer)
        assert request.name == name
    else:
        assert isinstance(request, Malformed)
        assert request.code == "malformed"


@given(st.sampled_from(["x", "é", "漢", "👋", "\t", "\x9b"]), LENGTHS, st.booleans())
@example("x", 500, True)
@example("x", 501, True)
@example("é", 250, True)
@example("é", 251, True)
def test_a_message_is_taken_or_refused_by_its_bytes(character: str, length: int, is_answer: bool) -> None:
    message = character * length
    request = Answer(7, "Hans", ID, False, message=message) if is_answer else Outcome(7, "Hans", ID, "done", message)
    (read,) = RequestReader().feed(encode_lines([request]))
    if fault_in_text(message, 500):
        assert isinstance(read, Malformed)
        assert (read.code, read.id) == ("bad_text", 7)
        assert read.message.startswith("the message ")
    else:
        assert read == request


@pytest.mark.parametrize(
    ("key", "port"), [("", 0), ("", 13000), (KEY, 0)], ids=["neither", "a port only", "a key only"]
)
def test_nobody_accepts_without_key_and_port(key: str, port: int) -> None:
    with pytest.raises(ValueError, match="key and a UDP port"):
        Answer(1, "Hans", ID, True, key, port)


def test_the_largest_answer_fits_into_a_line_even_if_its_sentence_is_escaped() -> None:
    largest = {
        "type": "answer",
        "id": limits.REQUEST_ID_MAX,
        "user": "x" * limits.NAME_MAX,
        "transfer": ID,
        "accepted": True,
        "key": KEY,
        "udp_port": 65535,
        "addresses": ["0" * limits.ADDRESS_MAX] * limits.ADDRESSES_MAX,
        "resume": "A" * limits.RESUME_MAX,
        "code": "z" * limits.OUTCOME_CODE_MAX,
        "message": "é" * (limits.OUTCOME_MESSAGE_MAX // 2),
    }
    line = json.dumps(largest).encode() + b"\n"
    assert len(line) < limits.REQUEST_LINE_MAX
    (request,) = RequestReader().feed(line)
    assert isinstance(request, Answer)


@given(TEXTS)
@example("a\x1b[2J\u202e4pm.exe")
def test_what_a_server_says_of_files_is_clean(text: str) -> None:
    block = encode_lines(
        [
            Offered(text, text, text, 1, text, text, text, 1, [text]),
            Answered(text, text, False, text, text, 1, [text], text, text, text),
        ]
    )
    offered, answered = EventReader().feed(block)
    assert isinstance(offered, Offered)
    assert isinstance(answered, Answered)
    assert {offered.sender, offered.name, *offered.addresses, answered.message, *answered.addresses} == {clean(text)}
