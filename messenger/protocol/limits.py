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

FILE_NAME_MAX: Final = 255
"""Bytes of UTF-8 in the name of a file that is offered: the most that Linux file systems take."""

FILE_SIZE_MAX: Final = 2**53 - 1
"""Bytes of a file that is offered: more than anybody has, and for `REQUEST_ID_MAX`'s reason."""

ADDRESSES_MAX: Final = 4
"""Addresses of its own that a client may claim: each is one more place to which the other side sends packets."""

ADDRESS_MAX: Final = 45
"""Characters of such an address: the longest way to write one, IPv6 that ends as IPv4."""

CIPHER_MAX: Final = 32
"""Characters of a cipher's name, `aes-128-gcm` for instance."""

RESUME_MAX: Final = 48 * 1024
"""Characters of base64 about what a receiver has already, so 36 KiB: the rest of the line needs less than 16 KiB."""

OUTCOME_CODE_MAX: Final = 32
"""Characters of the code with which an offer was declined or a transfer ended."""

OUTCOME_MESSAGE_MAX: Final = 500
"""Bytes of UTF-8 in the sentence beside it: six lines of a terminal."""

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
