"""Bytes to messages and back: one JSON object a line, however the byte stream was cut.

Feeding the same bytes in any pieces gives the same messages in the same order.
"""

from __future__ import annotations

from typing import Any, Dict, Final, List, Optional, Tuple, Type, Union

import msgspec
from msgspec import Struct

from messenger.errors import ProtocolError
from messenger.protocol.limits import (
    EVENT_LINE_MAX,
    FILE_NAME_MAX,
    OUTCOME_MESSAGE_MAX,
    REQUEST_ID_MAX,
    REQUEST_LINE_MAX,
    TEXT_MAX,
)
from messenger.protocol.messages import AnyEvent, AnyRequest, Malformed, Request
from messenger.protocol.text import clean, fault_in_text, is_plain

Incoming = Union[AnyRequest, Malformed]

_encoder: Final = msgspec.json.Encoder()
encode_lines: Final = _encoder.encode_lines
"""Encode a list of messages (or of `msgspec.Raw` encoded ones), each with its line end."""

encode: Final = _encoder.encode
"""Encode one message, without a line end."""


class LineCutter:
    """Cuts a byte stream after its last complete line and keeps the rest for the next piece."""

    __slots__ = ("_tail", "overflowed")
    limit: int = REQUEST_LINE_MAX

    def __init__(self) -> None:
        self._tail = b""
        self.overflowed = False
        """True once a line was longer than `limit` bytes; everything from it on is ignored."""

    def cut(self, data: bytes) -> bytes:
        """Return the complete lines that `data` brings, as one block that is empty or ends with a line end."""
        if self._tail:
            data = self._tail + data
        end = data.rfind(b"\n") + 1
        self._tail = data[end:]
        if len(data) > self.limit:
            return self._cut_checking_lengths(data[:end])
        return data if end == len(data) else data[:end]

    def _cut_checking_lengths(self, block: bytes) -> bytes:
        start = 0
        while not self.overflowed and start < len(block):
            end = block.index(b"\n", start) + 1
            if end - start > self.limit:
                self.overflowed = True
            else:
                start = end
        if len(self._tail) >= self.limit:
            self.overflowed = True
        if self.overflowed:
            self._tail = b""
        return block[:start]


class RequestReader(LineCutter):
    """The server's side of one connection's stream: lines to checked requests.

    What comes out is a typed request, or `Malformed` in the place of a line that is none. A text, file name or
    outcome's message that comes out holds no forbidden character and is no longer than its limit in bytes: nothing
    behind this border checks again.
    """

    __slots__ = ()

    def feed(self, data: bytes) -> List[Incoming]:
        """Return the requests that `data` completes. After an overlong line, which is the last thing, nothing comes."""
        if self.overflowed:
            return []
        block = data
        if self._tail or data[-1:] != b"\n" or len(data) > self.limit:  # seldom: a client sends whole lines
            block = self.cut(data)
        try:
            requests: List[Incoming] = _decode_requests(block)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            requests = _decode_one_by_one(block)
        else:
            # Requests are flat objects, so if every line ends at a brace and there are as many objects as lines,
            # each line is one object; anything else has to be looked at line by line.
            if not block.count(b"}\n") == len(requests) == block.count(b"\n"):
                requests = _decode_one_by_one(block)
            elif not (block.isascii() and b"\\" not in block and b"\x7f" not in block):  # is_plain, without a call
                requests = [_checked(request) for request in requests]
        if self.overflowed:
            requests.append(Malformed(None, "line_too_long", f"a line is longer than {REQUEST_LINE_MAX} bytes"))
        return requests


class EventReader(LineCutter):
    """The client's side: lines to typed events. Event types of a later protocol are passed over.

    The client trusts the server no more than the server trusts it: whatever comes out is clean.
    """

    __slots__ = ()
    limit = EVENT_LINE_MAX

    def feed(self, data: bytes) -> List[AnyEvent]:
        """Return the events that `data` completes.

        Raises `ProtocolError` at the first line that is none; its `before` holds the events in front of that line.
        """
        events: List[AnyEvent] = []
        block = self.cut(data)
        is_clean = is_plain(block)
        try:
            for line in block.split(b"\n"):
                event = _decode_event_line(line) if line.strip() else None
                if event is not None:
                    if not is_clean:
                        _clean_fields(event)
                    events.append(event)
            if self.overflowed:
                raise ProtocolError(f"the server sent a line of more than {EVENT_LINE_MAX} bytes")
        except ProtocolError as error:
            error.before = events
            raise
        return events


def decode_request(line: bytes) -> Incoming:
    """Decode and check one line; a line that is no request becomes `Malformed`, with its id where it has one."""
    try:
        request: AnyRequest = _decode_request(line)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        salvage = _salvage(line)
        for field, limit in _TEXT_LIMITS.items():
            text: str = getattr(salvage, field)
            fault = fault_in_text(text, limit) if len(text) > limit else None
            if fault:
                return Malformed(salvage.id, "bad_text", f"the {field} {fault}")
        return Malformed(salvage.id, "malformed", f"not a request: {error}")
    return _checked(request)


def _checked(request: Incoming) -> Incoming:
    for field, limit in _TEXTS[type(request)]:
        fault = fault_in_text(getattr(request, field), limit)
        if fault and isinstance(request, Request):
            return Malformed(request.id, "bad_text", f"the {field} {fault}")
    return request


def _decode_one_by_one(block: bytes) -> List[Incoming]:
    return [decode_request(line) for line in block.split(b"\n") if line.strip()]


def _decode_event_line(line: bytes) -> Optional[AnyEvent]:
    try:
        event: AnyEvent = _decode_event(line)
        return event
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        try:
            if _decode_tag(line).type not in _EVENT_TYPES:
                return None
        except (msgspec.MsgspecError, ValueError, RecursionError):
            pass
        raise ProtocolError(f"the server sent what is no event: {error}") from None


def _clean_fields(struct: Struct) -> None:
    for field in struct.__struct_fields__:
        value = getattr(struct, field)
        if isinstance(value, str):
            setattr(struct, field, clean(value))
        elif isinstance(value, list):
            for position, item in enumerate(value):
                if isinstance(item, str):
                    value[position] = clean(item)
                else:
                    _clean_fields(item)


class _Salvage(Struct):
    id: Optional[int] = None
    text: str = ""
    name: str = ""
    message: str = ""


class _SalvageId(Struct):
    id: Optional[int] = None


class _Tag(Struct):
    type: str


def _salvage(line: bytes) -> _Salvage:
    for kind in (_Salvage, _SalvageId):
        try:
            found: Any = msgspec.json.decode(line, type=kind)
            is_id = found.id is not None and 0 <= found.id <= REQUEST_ID_MAX
            texts = {field: getattr(found, field, "") for field in _TEXT_LIMITS}
            return _Salvage(found.id if is_id else None, **texts)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            continue
    return _Salvage()


def _kinds(union: Any) -> List[Type[Struct]]:
    return list(union.__args__)


_TEXT_LIMITS: Final = {"text": TEXT_MAX, "name": FILE_NAME_MAX, "message": OUTCOME_MESSAGE_MAX}
"""Fields of requests that hold what a person wrote or named: how many bytes."""

_TEXTS: Final[Dict[Type[Any], List[Tuple[str, int]]]] = {
    kind: [(field, limit) for field, limit in _TEXT_LIMITS.items() if field in kind.__struct_fields__]
    for kind in _kinds(AnyRequest)
}
_EVENT_TYPES: Final = frozenset(str(kind.__struct_config__.tag) for kind in _kinds(AnyEvent))
_requests: Final[msgspec.json.Decoder[Incoming]] = msgspec.json.Decoder(AnyRequest)  # `feed` adds what is malformed
_decode_request: Final = msgspec.json.Decoder(AnyRequest).decode
_decode_requests: Final = _requests.decode_lines
_decode_event: Final = msgspec.json.Decoder(AnyEvent).decode
_decode_tag: Final = msgspec.json.Decoder(_Tag).decode
