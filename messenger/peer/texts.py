"""What is said of a transfer, as the signalling takes it and as people may read it."""

from __future__ import annotations

import base64

from messenger.protocol.limits import OUTCOME_MESSAGE_MAX
from messenger.protocol.text import clean


def to_text(data: bytes) -> str:
    """Return bytes as the signalling carries them."""
    return base64.b64encode(data).decode("ascii")


def to_bytes(text: str) -> bytes:
    """Return what `to_text` was given; nothing for what it cannot have returned."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def reason_of(error: Exception) -> str:
    """Return what an error says without what is nobody else's business: numbers and paths of this machine."""
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else str(error)


def to_message(text: str) -> str:
    """Return a sentence as the signalling takes it."""
    return clean(text).encode()[:OUTCOME_MESSAGE_MAX].decode("utf-8", "ignore")
