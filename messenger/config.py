"""What a program was asked to do: frozen, and checked when it is built, so that nothing behind it checks again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Final, Optional, Tuple

from messenger.errors import ConfigError

ATTEMPTS_MAX: Final = 5
PORT_MAX: Final = 65535
SECONDS_MIN: Final = 0.1
SECONDS_MAX: Final = 86_400.0
IO_THREADS_MAX: Final = 64
SERVER_PORT: Final = 12000
"""The port of a server that is not told another one in `--server`."""

GENERATED_MAX: Final = 100_000
"""Accounts that are generated at once."""

ACCEPT_WORDS: Final = ("all", "ask", "none")

_SIZE: Final = re.compile(r"(\d{1,16})\s?([kKMGT]i?)?B?", re.ASCII)
_UNITS: Final[Dict[str, int]] = {"k": 1, "K": 1, "M": 2, "G": 3, "T": 4}


def parse_port(text: str, name: str, lowest: int = 0) -> int:
    """Read a port number, 0 for any free one if `lowest` lets it; raises `ConfigError` naming `name` and the value."""
    number = _whole_number(text)
    if number is None or not lowest <= number <= PORT_MAX:
        any_port = " (0: any free port)" if lowest == 0 else ""
        raise ConfigError(f"{name} must be a whole number from 1 to {PORT_MAX}{any_port}, not {text!r}")
    return number


def parse_attempts(text: str) -> int:
    """Read how many consecutive failed logins block an account; raises `ConfigError` that names the value."""
    number = _whole_number(text)
    if number is None or not 1 <= number <= ATTEMPTS_MAX:
        raise ConfigError(f"ATTEMPTS must be a whole number from 1 to {ATTEMPTS_MAX}, not {text!r}")
    return number


def parse_count(text: str, name: str, highest: int) -> int:
    """Read how many there are to be, from 1 on; raises `ConfigError` that names `name` and the value."""
    number = _whole_number(text)
    if number is None or not 1 <= number <= highest:
        raise ConfigError(f"{name} must be a whole number from 1 to {highest}, not {text!r}")
    return number


def parse_seconds(text: str, name: str) -> float:
    """Read a time-out in seconds; raises `ConfigError` that names `name` and the value."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not SECONDS_MIN <= seconds <= SECONDS_MAX:
        raise ConfigError(f"{name} must be a number of seconds from {SECONDS_MIN:g} to {SECONDS_MAX:g}, not {text!r}")
    return seconds


def parse_size(text: str, name: str) -> int:
    """Read a size in bytes: `500`, `10k`, `10M`, `2G`, `1T` in powers of 1000, `10Ki`, `10Mi` and so on of 1024.

    A `B` may follow. Raises `ConfigError` that names `name` and the value.
    """
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ConfigError(f"{name} must be a size like 500000, 10M (a million bytes each) or 10Mi, not {text!r}")
    unit = found[2] or ""
    factor: int = (1024 if unit.endswith("i") else 1000) ** _UNITS.get(unit[:1], 0)
    return int(found[1]) * factor


def parse_accept(text: str, name: str) -> str:
    """Read whose files are accepted: `all`, `ask`, `none`, or users with commas between them; raises `ConfigError`."""
    users = text.split(",")
    if text not in ACCEPT_WORDS and not all(
        user.isascii() and user.isprintable() and user and " " not in user and user not in ACCEPT_WORDS
        for user in users
    ):
        raise ConfigError(f"{name} must be all, ask, none, or names of users with commas between them, not {text!r}")
    return text


def parse_server(text: str, name: str) -> Tuple[str, int]:
    """Read `HOST:PORT`, `HOST`, `[IPV6]:PORT` or `[IPV6]`; raises `ConfigError` that names `name` and the value."""
    found = re.fullmatch(r"(?:\[([^\[\]]+)\]|([^:\[\]]+))(?::(.*))?", text)
    if found is None:
        raise ConfigError(f"{name} must be HOST:PORT, or [ADDRESS]:PORT for IPv6, not {text!r}")
    port = SERVER_PORT if found[3] is None else parse_port(found[3], f"the port of {name}", lowest=1)
    return found[1] or found[2], port


def parse_own_address(text: str, name: str) -> Tuple[str, int]:
    """Read `PORT` (on 127.0.0.1), `HOST:PORT` or `[IPV6]:PORT` to listen on; port 0: any free one.

    Raises `ConfigError` that names `name` and the value.
    """
    found = re.fullmatch(r"(?:(?:\[([^\[\]]+)\]|([^:\[\]]+)):)?([^:\[\]]*)", text)
    if found is None:
        raise ConfigError(f"{name} must be PORT, HOST:PORT, or [ADDRESS]:PORT for IPv6, not {text!r}")
    return found[1] or found[2] or "127.0.0.1", parse_port(found[3], f"the port of {name}")


def read_password(path: Path) -> str:
    """Return the first line of a password file; raises `ConfigError`."""
    try:
        return path.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not valid UTF-8"
        raise ConfigError(f"cannot read the password file {path}: {reason}") from error


@dataclass(frozen=True)
class ServerConfig:
    """A server to be started; raises `ConfigError` when built with an impossible value."""

    port: int
    """TCP port, 0 for any free one."""
    attempts: int
    """Consecutive failed logins that block an account, 1 to 5."""
    bind: Tuple[str, ...] = ()
    """Addresses to listen on; none: all interfaces, IPv4 and IPv6."""
    credentials: Path = Path("credentials.txt")
    data_dir: Path = Path()
    """Folder of the log files."""
    durable: bool = False
    """Acknowledge a message only after its log line is on the disk (fdatasync), not only in the kernel."""
    io_threads: int = 1
    """Threads that own connections. With the GIL a second one was measured slower than one."""
    port_file: Optional[Path] = None
    """Gets the bare port number once the server is ready."""
    metrics: Optional[Tuple[str, int]] = None
    """Address and TCP port (0: any free one) where metrics are published by HTTP; None: nowhere."""
    record: Optional[Path] = None
    """File that gets a scenario of all that clients do; it must not be there yet."""

    def __post_init__(self) -> None:
        if not 0 <= self.port <= PORT_MAX:
            raise ConfigError(f"the port must be from 0 to {PORT_MAX}, not {self.port}")
        if self.metrics is not None and not 0 <= self.metrics[1] <= PORT_MAX:
            raise ConfigError(f"the port of the metrics must be from 0 to {PORT_MAX}, not {self.metrics[1]}")
        if not 1 <= self.attempts <= ATTEMPTS_MAX:
            raise ConfigError(f"ATTEMPTS must be from 1 to {ATTEMPTS_MAX}, not {self.attempts}")
        if not 1 <= self.io_threads <= IO_THREADS_MAX:
            raise ConfigError(f"the number of I/O threads must be from 1 to {IO_THREADS_MAX}, not {self.io_threads}")


@dataclass(frozen=True)
class FileConfig:
    """How a client sends and receives files; raises `ConfigError` when built with an impossible value."""

    udp_port: int = 0
    """UDP port, 0 for any free one."""
    download_dir: Path = Path()
    """Where received files go."""
    source_dir: Path = Path()
    """Where relative names of files to be sent begin."""
    accept: str = "all"
    """`all`, `none`, `ask`, or the names of users with commas between them."""
    max_receive_size: Optional[int] = None
    """Bytes of the largest file that is accepted; None: any."""
    congestion_control: str = "patient"
    """A name from `messenger.transfer.controllers`."""
    offload: bool = True
    """Let the kernel cut and join datagrams (UDP GSO and GRO) where it can."""
    segment_max: int = 8952
    """Bytes of the largest datagram that is tried."""
    socket_buffer: int = 4 * 1024 * 1024
    """Bytes asked for as the socket's buffers."""

    def __post_init__(self) -> None:
        if not 0 <= self.udp_port <= PORT_MAX:
            raise ConfigError(f"the UDP port must be from 0 to {PORT_MAX}, not {self.udp_port}")
        if not self.download_dir.is_dir():
            raise ConfigError(f"the download folder {self.download_dir} does not exist")
        if self.max_receive_size is not None and self.max_receive_size < 0:
            raise ConfigError(f"the largest size to receive must not be negative, and {self.max_receive_size} is")

    def accepts(self, user: str) -> bool:
        """Tell whether a file from `user` is accepted without a question."""
        if self.accept in ACCEPT_WORDS:  # somebody may be called so
            return self.accept == "all"
        return user in self.accept.split(",")


@dataclass(frozen=True)
class ChatConfig:
    """A conversation to be held with a server."""

    host: str
    port: int
    files: FileConfig
    username: Optional[str] = None
    """None: asked for."""
    password: Optional[str] = None
    """None: asked for; given: one attempt."""
    json: bool = False
    """Events as JSON lines instead of sentences."""
    fail_fast: bool = False
    """End at the first refused command."""
    connect_timeout: float = 10.0
    record: Optional[Path] = None
    """File that gets a scenario of what is typed and shown; it must not be there yet."""


@dataclass(frozen=True)
class PushConfig:
    """One file to be sent to one user, and nothing else."""

    host: str
    port: int
    username: str
    password: str
    user: str
    """To whom."""
    file: Path
    files: FileConfig
    quiet: bool = False
    """Nothing is shown but what went wrong."""
    json: bool = False
    """Events as JSON lines."""
    connect_timeout: float = 10.0


def _whole_number(text: str) -> Optional[int]:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None
