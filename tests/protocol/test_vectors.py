"""The files in `vectors`: what is a request, what is none and why, and every event. For other programs to test with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

import msgspec
import pytest

from messenger.errors import ProtocolError
from messenger.protocol.framing import EventReader, RequestReader, encode_lines
from messenger.protocol.messages import AnyEvent, AnyRequest, Malformed

Vector = Dict[str, Any]
FOLDER = Path(__file__).parent / "vectors"


def vectors(name: str) -> List[Vector]:
    found: List[Vector] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return found


def line_of(vector: Vector) -> bytes:
    """Return a vector's line: `line`, `hex`, or `parts`, in which `["x", 9]` stands for nine times x."""
    if "hex" in vector:
        return bytes.fromhex(vector["hex"]) + b"\n"
    parts = vector.get("parts", [vector.get("line")])
    return "".join(expanded(part) for part in parts).encode() + b"\n"


def expanded(part: Any) -> Any:
    return part[0] * part[1] if isinstance(part, list) and len(part) == 2 and isinstance(part[1], int) else part


@pytest.mark.parametrize("vector", vectors("requests.json"), ids=lambda v: v["request"]["type"])
def test_a_good_line_is_the_request(vector: Vector) -> None:
    (request,) = RequestReader().feed(line_of(vector))
    assert msgspec.to_builtins(request) == {name: expanded(value) for name, value in vector["request"].items()}


@pytest.mark.parametrize("vector", vectors("malformed.json"), ids=lambda v: v["claim"])
def test_a_bad_line_is_malformed_with_its_code_and_id(vector: Vector) -> None:
    (request,) = RequestReader().feed(line_of(vector))
    assert isinstance(request, Malformed)
    assert (request.code, request.id) == (vector["code"], vector["id"])


@pytest.mark.parametrize("vector", vectors("malformed.json"), ids=lambda v: v["claim"])
def test_a_bad_line_does_not_spoil_its_neighbours(vector: Vector) -> None:
    good = b'{"type":"ping","id":1}\n'
    before, bad, *after = RequestReader().feed(good + line_of(vector) + good)
    assert isinstance(bad, Malformed)
    closed = bad.code == "line_too_long"
    assert msgspec.to_builtins([before, *after]) == [{"type": "ping", "id": 1}] * (1 if closed else 2)


@pytest.mark.parametrize("vector", vectors("events.json"), ids=lambda v: v["type"])
def test_an_event_is_read_and_written_back(vector: Vector) -> None:
    line = json.dumps(vector, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    (event,) = EventReader().feed(line)
    assert encode_lines([event]) == line


@pytest.mark.parametrize("vector", vectors("events.json"), ids=lambda v: v["type"])
def test_fields_of_a_later_protocol_are_passed_over(vector: Vector) -> None:
    expected, later = EventReader().feed(
        (json.dumps(vector) + "\n" + json.dumps({**vector, "later": [1]}) + "\n").encode()
    )
    assert expected == later


def test_events_of_a_later_protocol_are_passed_over() -> None:
    assert EventReader().feed(b'{"type":"hologram","x":{}}\n\n{"type":"check"}\n') == EventReader().feed(
        b'{"type":"check"}\n'
    )


@pytest.mark.parametrize(
    "line", [b"hi", b"[]", b'{"type":"pong"}', b'{"type":"pong","id":"x"}', b'{"type":"message","from":"\xff"}']
)
def test_what_is_no_event_is_a_protocol_error(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        EventReader().feed(line + b"\n")


def test_vectors_hold_every_request_event_and_code_of_the_border() -> None:
    tags = {kind.__struct_config__.tag for kind in AnyRequest.__args__}  # type: ignore[attr-defined]
    assert {vector["request"]["type"] for vector in vectors("requests.json")} == tags
    tags = {kind.__struct_config__.tag for kind in AnyEvent.__args__}  # type: ignore[attr-defined]
    assert {vector["type"] for vector in vectors("events.json")} == tags
    assert {vector["code"] for vector in vectors("malformed.json")} == {"malformed", "bad_text", "line_too_long"}
