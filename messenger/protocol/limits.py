"""Limits of the protocol: each with its unit and its reason."""

from __future__ import annotations

from typing import Final

PROTOCOL_VERSION: Final = 1
"""Announced by the server's hello and repeated in every login."""

REQUEST_LINE_MAX: Final = 64 * 1024
"""Bytes, line end included, of one line to the server: sixteen times the largest text, so that JSON escapes fit."""

EVENT_LINE_MAX: Final = 1024 * 1024
"""Bytes, line end included, of one line to a client."""

TEXT_MAX: Final = 4096
"""Bytes of UTF-8 in the text of one message."""

NAME_MAX: Final = 32
"""Characters of a user or group name; `NAME_messagelog.txt` stays far below a file system's 255 bytes."""

PASSWORD_MAX: Final = 1024
"""Characters of a password: more is an attack on the hash, not a password."""

ACTIVE_PART: Final = 5000
"""Users in one `active` line; at under 200 bytes a user it stays below `EVENT_LINE_MAX`."""

REQUEST_ID_MAX: Final = 2**53 - 1
"""The largest integer that every JSON implementation keeps exactly (RFC 8259, section 6)."""

LOGIN_SECONDS: Final = 20.0
"""Seconds without a complete request after which a connection that has not logged in is closed."""

PING_SECONDS: Final = 15.0
"""Seconds of silence after which either side asks whether the other is still there."""

DEAD_SECONDS: Final = 40.0
"""Seconds of silence after which the other side is taken for gone; with the check's own second, under 45."""
