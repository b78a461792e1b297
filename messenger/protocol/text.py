"""What may stand in a text or a name, and how anything is made safe to show.

The forbidden characters: C0 controls but the tab, DEL, C1 controls (a terminal obeys them, a log line ends at them),
U+2028 and U+2029 (line ends for many readers), and the bidirectional controls that reorder what a person reads
(Unicode TR 36, "Trojan Source"). Lone surrogates cannot be written as UTF-8 at all.
"""

from __future__ import annotations

import re
from typing import Final, Optional

from messenger.protocol.limits import NAME_MAX, TEXT_MAX

_BIDI: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff" + _BIDI + "]")

USER_NAME: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{NAME_MAX - 1}}}", re.ASCII)
GROUP_NAME: Final = re.compile(rf"[A-Za-z0-9]{{1,{NAME_MAX}}}", re.ASCII)


def is_plain(data: bytes) -> bool:
    """Tell whether JSON lines hold no character outside printable ASCII, escaped or not, without decoding them.

    JSON strings never hold raw C0 controls, so ASCII bytes without a backslash and DEL leave printable ones only.
    """
    return data.isascii() and b"\\" not in data and b"\x7f" not in data


def fault_in_text(text: str, limit: int = TEXT_MAX) -> Optional[str]:
    """Return why `text` may not be a text of at most `limit` bytes, in words that finish "the text …", or None."""
    found = _FORBIDDEN.search(text)
    if found:
        return f"holds the character U+{ord(found[0]):04X}, which is not allowed"
    if len(text) > limit or len(text.encode()) > limit:
        return f"is longer than {limit} bytes"
    return None


def clean(text: str) -> str:
    """Return `text` with every forbidden character replaced by a visible form; done with all that others send."""
    if text.isascii() and text.isprintable():
        return text
    return _FORBIDDEN.sub(_visible, text)


def _visible(found: re.Match[str]) -> str:
    code = ord(found[0])
    return chr(0x2400 + code) if code < 0x20 else f"<U+{code:04X}>"  # the Control Pictures block, or the number
