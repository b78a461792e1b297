"""Credentials files, and what stands in log files."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Dict, Final, List, Mapping

from messenger.chat.accounts import ScryptHash

ACCOUNTS: Final[Mapping[str, str]] = {
    "Yoda": "comp9331",
    "Hans": "falcon*solo",
    "Obi-Wan": "comp3331",
    "Leia": "r3bel-princess",
    "Padme": "naboo queen",
}
"""The accounts of most tests, with their passwords."""

TIME: Final = re.compile(r"\d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d", re.ASCII)
"""A time as logs and messages have it."""


def credentials_text(accounts: Mapping[str, str] = ACCOUNTS) -> str:
    """Return a credentials file."""
    return "".join(f"{name} {password}\n" for name, password in accounts.items())


def write_credentials(path: Path, accounts: Mapping[str, str] = ACCOUNTS) -> Path:
    """Write a credentials file and return its path."""
    path.write_text(credentials_text(accounts), encoding="utf-8")
    return path


def hashed(accounts: Mapping[str, str] = ACCOUNTS, ln: int = 4) -> Dict[str, str]:
    """Return the accounts with their passwords hashed by scrypt, cheaply unless `ln` says otherwise."""
    return {name: str(ScryptHash.make(password, name.encode(), ln, 8, 1)) for name, password in accounts.items()}


def open_descriptors() -> int:
    """Return how many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are enough


def name_of(fd: int) -> str:
    """Return the name of the file that a descriptor of this process stands for."""
    return Path(f"/proc/self/fd/{fd}").readlink().name


def log_lines(path: Path) -> List[str]:
    """Return the lines of a log, which must be whole lines of UTF-8 without control characters."""
    data = path.read_bytes()
    assert data == b"" or data.endswith(b"\n"), f"{path.name} ends in a torn line"
    lines = data.decode("utf-8").split("\n")[:-1]
    assert not [line for line in lines if re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]", line)]
    return lines


def log_rows(path: Path) -> List[List[str]]:
    """Return the lines of a message log without their times: number, name, text."""
    rows = [line.split("; ", 3) for line in log_lines(path)]
    assert all(len(row) == 4 and TIME.fullmatch(row[1]) for row in rows), rows
    return [[row[0], row[2], row[3]] for row in rows]


def presence_rows(path: Path) -> List[List[str]]:
    """Return the lines of userlog.txt or activitylog.txt without their times."""
    rows = [line.split("; ") for line in log_lines(path)]
    assert all(TIME.fullmatch(row[1]) for row in rows), rows
    return [[row[0], *row[2:]] for row in rows]
