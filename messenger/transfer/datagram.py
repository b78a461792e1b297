"""What stands in a datagram: the header of all, and the control messages, as values and as bytes.

The layout of the header is described in `messenger.transfer`. A control message is one byte for its type, then the
fields below in their order, little-endian; behind them may stand zeros, by which a `Hello` tries how large a datagram
may be.
"""

from __future__ import annotations

import enum
import struct
from typing import Final, List, NamedTuple, Tuple, Union

from messenger.errors import MessengerError
from messenger.transfer.geometry import MASK_SIZE

CONTROL: Final = 128
"""The kind of a datagram that carries a sealed control message."""

CHALLENGE_SIZE: Final = 8
"""Bytes that only whoever receives at an address can send back (RFC 9000, section 8.2)."""

HOLES_MAX: Final = 20
"""Chunks that one acknowledgement describes; with more there are several, so that each fits 1200 bytes."""

HOLE_OFFSET_MAX: Final = 0xFFFF
"""How far a chunk may be from the base of the acknowledgement that describes it; they are far apart when resuming."""

REASON_MAX: Final = 500
"""Bytes of the sentence in an `Abort`."""


class BadDatagram(MessengerError):
    """The peer, and nobody else, sent what it must not send."""


class Verdict(enum.IntEnum):
    """What the sender says of the chunks that the receiver has already."""

    CHECKING = 0
    """Not known yet: no data so far."""
    ANEW = 1
    """There are none, or they are not those of this file: everything will be sent."""
    RESUMED = 2
    """They are right, and will not be sent."""


class Hello(NamedTuple):
    """Sender to receiver, to every address it may have, in datagrams of several sizes; `kind` says which size."""

    challenge: bytes
    kind: int


class Welcome(NamedTuple):
    """Answer to a `Hello`: proves that the receiver is at this address. `allowance` is how many bytes on their way
    its socket has room for."""

    echo: bytes
    challenge: bytes
    kind: int
    allowance: int


class Start(NamedTuple):
    """Answer to a `Welcome`: proves that the sender is at its address, and gives its `Verdict` on what the receiver
    has of an earlier attempt."""

    echo: bytes
    verdict: int


class Hole(NamedTuple):
    """A chunk that is not whole yet: its number, the kind of its segments and the mask of those that are there."""

    chunk: int
    kind: int
    mask: int


class Ack(NamedTuple):
    """What the receiver has. All chunks below `cumulative` are verified and written, and so are those from `base` to
    below `upto` that are not among the `holes`."""

    is_started: bool
    """Whether a `Start` has arrived."""
    cumulative: int
    base: int
    upto: int
    highest_batch: int
    """The newest batch of which anything has arrived since the acknowledgement before; 0 if nothing has."""
    delay: int
    """Microseconds between its arrival and this acknowledgement."""
    clock: int
    """The receiver's clock in microseconds."""
    delivered: int
    """Bytes of segments that have arrived, each counted once."""
    duplicates: int
    """Segments that had arrived before."""
    allowance: int
    """As in `Welcome`."""
    holes: Tuple[Hole, ...]


class Ping(NamedTuple):
    """Asks for an acknowledgement. A sender takes no notice of one: that its receiver has sent it was the purpose."""


class Done(NamedTuple):
    """Receiver to sender: the file is whole and has its name."""


class DoneSeen(NamedTuple):
    """Answer to `Done`."""


class Figures(NamedTuple):
    """Sender to receiver, for its person: what only the sender knows. The last ones go before the last data."""

    sent: int
    """Segments."""
    repeated: int
    """Those among them that were sent again."""
    round_trip: int
    """Microseconds; 0 if it is not known yet."""


class Abort(NamedTuple):
    """Either to the other: it is over, and why."""

    code: str
    message: str


Control = Union[Hello, Welcome, Start, Ack, Ping, Done, DoneSeen, Abort, Figures]

_HELLO, _WELCOME, _START, _ACK, _PING, _DONE, _DONE_SEEN, _ABORT, _FIGURES = range(1, 10)
_Hello = struct.Struct("<B8sB")
_Welcome = struct.Struct("<B8s8sBI")
_Start = struct.Struct("<B8sB")
_Ack = struct.Struct("<B?IIIIIQQIIB")
_Hole = struct.Struct(f"<HB{MASK_SIZE}s")
_Abort = struct.Struct("<B32sH")
_Figures = struct.Struct("<BQQI")


def first_word(kind: int, segment: int, connection: int) -> int:
    """Return the first 8 bytes of a header as a number."""
    return kind | segment << 8 | connection << 24


def second_word(chunk: int, batch: int) -> int:
    """Return the last 8 bytes of a data header as a number."""
    return chunk | batch << 32


def encode(message: Control) -> bytes:  # noqa: PLR0911 - one return a message is the plainest table of them
    """Return the bytes of a control message, not sealed yet."""
    if isinstance(message, Ack):
        return _encode_ack(message)
    if isinstance(message, Hello):
        return _Hello.pack(_HELLO, *message)
    if isinstance(message, Welcome):
        return _Welcome.pack(_WELCOME, *message)
    if isinstance(message, Start):
        return _Start.pack(_START, *message)
    if isinstance(message, Ping):
        return bytes([_PING])
    if isinstance(message, Done):
        return bytes([_DONE])
    if isinstance(message, DoneSeen):
        return bytes([_DONE_SEEN])
    if isinstance(message, Figures):
        return _Figures.pack(_FIGURES, message.sent, message.repeated, min(message.round_trip, 0xFFFFFFFF))
    text = message.message.encode("utf-8", "replace")[:REASON_MAX]
    return _Abort.pack(_ABORT, message.code.encode("ascii"), len(text)) + text


def decode(data: bytes) -> Control:  # noqa: PLR0911 - as above
    """Return the control message; raises `BadDatagram`. Zeros behind it are left aside."""
    kind = data[0] if data else 0
    try:
        if kind == _ACK:
            return _decode_ack(data)
        if kind == _HELLO:
            return Hello(*_Hello.unpack_from(data)[1:])
        if kind == _WELCOME:
            return Welcome(*_Welcome.unpack_from(data)[1:])
        if kind == _START:
            return Start(*_Start.unpack_from(data)[1:])
        if kind == _PING:
            return Ping()
        if kind == _DONE:
            return Done()
        if kind == _DONE_SEEN:
            return DoneSeen()
        if kind == _FIGURES:
            return Figures(*_Figures.unpack_from(data)[1:])
        if kind == _ABORT:
            _, code, length = _Abort.unpack_from(data)
            text = data[_Abort.size : _Abort.size + length]
            return Abort(code.rstrip(b"\0").decode("ascii"), text.decode("utf-8", "replace"))
    except (struct.error, UnicodeDecodeError) as error:
        raise BadDatagram(f"a control message that cannot be read: {error}") from None
    raise BadDatagram(f"a control message of unknown type {kind}")


def _encode_ack(ack: Ack) -> bytes:
    parts = [
        _Ack.pack(
            _ACK,
            ack.is_started,
            ack.cumulative,
            ack.base,
            ack.upto,
            ack.highest_batch,
            min(ack.delay, 0xFFFFFFFF),
            ack.clock,
            ack.delivered,
            ack.duplicates & 0xFFFFFFFF,
            ack.allowance,
            len(ack.holes),
        )
    ]
    for hole in ack.holes:
        parts.append(_Hole.pack(hole.chunk - ack.base, hole.kind, hole.mask.to_bytes(MASK_SIZE, "little")))
    return b"".join(parts)


def _decode_ack(data: bytes) -> Ack:
    _, started, cumulative, base, upto, batch, delay, clock, delivered, twice, allowance, count = _Ack.unpack_from(data)
    holes: List[Hole] = []
    for number in range(count):
        offset, kind, mask = _Hole.unpack_from(data, _Ack.size + number * _Hole.size)
        holes.append(Hole(base + offset, kind, int.from_bytes(mask, "little")))
    return Ack(started, cumulative, base, upto, batch, delay, clock, delivered, twice, allowance, tuple(holes))
