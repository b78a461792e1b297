"""Passwords, found in whatever is shown."""

from __future__ import annotations

import re
from typing import Callable, Final, Iterable

HIDDEN: Final = "••••••••"
_LONG_PASSWORD: Final = 6


def hiding(passwords: Iterable[str]) -> Callable[[str], str]:
    """Return what takes passwords out of a text; short ones only as words, as they stand in many others."""
    found = [
        re.escape(password) if len(password) >= _LONG_PASSWORD else rf"(?<!\w){re.escape(password)}(?!\w)"
        for password in sorted(set(passwords), key=len, reverse=True)
    ]
    if not found:
        return lambda text: text
    compiled = re.compile("|".join(found))
    return lambda text: compiled.sub(HIDDEN, text)
