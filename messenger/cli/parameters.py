"""What the command line's parameters may be, and how a wrong one is told: in one line."""

from __future__ import annotations

import difflib
import os
import re
import sys
from pathlib import Path
from typing import Any, Callable, Final, Optional

import click

from messenger.config import (
    GENERATED_MAX,
    parse_accept,
    parse_attempts,
    parse_count,
    parse_own_address,
    parse_port,
    parse_seconds,
    parse_server,
    parse_size,
)
from messenger.errors import ConfigError
from messenger.transfer.controllers import CONTROLLERS, DEFAULT_CONTROLLER


class OneLineError(click.ClickException):
    """An error that is told in one line on stderr."""

    exit_code = 1

    def show(self, file: Any = None) -> None:
        """Print the line."""
        click.echo(f"messenger: {self.message}", err=True)


class OneLineUsageError(OneLineError):
    """The same for a wrong argument."""

    exit_code = 2


class Checked(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.2
    """A parameter that a function of `messenger.config` reads; what it refuses is told in one line."""

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        self.name = name
        self._read = read

    def convert(self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]) -> Any:
        """Read the value."""
        if isinstance(value, str) and _OPTION.match(value):  # came here because negative numbers must
            known = [name for other in (ctx.command.params if ctx else ()) for name in other.opts]
            raise click.NoSuchOption(value, possibilities=difflib.get_close_matches(value, known), ctx=ctx)
        try:
            return self._read(value) if isinstance(value, str) else value
        except ConfigError as error:
            raise OneLineUsageError(str(error)) from None


NEGATIVE_NUMBERS: Final = {"ignore_unknown_options": True, "help_option_names": ["-h", "--help"]}
"""A negative number is an argument that is refused with its range, not an unknown option."""

_OPTION: Final = re.compile(r"--?[A-Za-z]")

SERVER_PORT: Final = Checked("port", lambda text: parse_port(text, "SERVER_PORT"))
REMOTE_PORT: Final = Checked("port", lambda text: parse_port(text, "SERVER_PORT", lowest=1))
UDP_PORT: Final = Checked("port", lambda text: parse_port(text, "UDP_PORT"))
ATTEMPTS: Final = Checked("attempts", parse_attempts)
SECONDS: Final = Checked("seconds", lambda text: parse_seconds(text, "--connect-timeout"))
ACCEPT: Final = Checked("who", lambda text: parse_accept(text, "--accept"))
SIZE: Final = Checked("size", lambda text: parse_size(text, "--max-receive-size"))
SERVER: Final = Checked("server", lambda text: parse_server(text, "--server"))
GENERATED: Final = Checked("number", lambda text: parse_count(text, "N", GENERATED_MAX))
METRICS: Final = Checked("address", lambda text: parse_own_address(text, "--metrics"))
FILE: Final = click.Path(path_type=Path)

# Options of more than one command.
CONNECT_TIMEOUT: Final = click.option(
    "--connect-timeout", type=SECONDS, default="10", show_default=True, metavar="SECONDS"
)
CONGESTION_CONTROL: Final = click.option(
    "--congestion-control",
    type=click.Choice(list(CONTROLLERS)),
    default=DEFAULT_CONTROLLER,
    show_default=True,
    help="How the speed of files that are sent is found.",
)
NO_OFFLOAD: Final = click.option(
    "--no-offload", is_flag=True, help="Send and receive single datagrams: no UDP GSO and GRO, for networks they upset."
)


def read_secret() -> str:
    """Ask for a password, or read the first line of stdin if that is no terminal."""
    given = click.prompt("Password", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    return str(given).rstrip("\r\n")


def open_standard_streams() -> None:
    """Give a program that was started with closed ones /dev/null, before a socket gets their numbers."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
