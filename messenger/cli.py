"""The command line: the only reader of options. What it starts is imported when it is started."""

from __future__ import annotations

import difflib
import io
import logging
import os
import re
import secrets
import signal
import sys
from pathlib import Path
from typing import Any, Callable, NoReturn, Optional, Tuple

import click

from messenger.config import ChatConfig, ServerConfig, parse_attempts, parse_port, parse_seconds, read_password
from messenger.errors import ConfigError, MessengerError
from messenger.version import __version__


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


SERVER_PORT = Checked("port", lambda text: parse_port(text, "SERVER_PORT"))
REMOTE_PORT = Checked("port", lambda text: parse_port(text, "SERVER_PORT", lowest=1))
UDP_PORT = Checked("port", lambda text: parse_port(text, "UDP_PORT"))
ATTEMPTS = Checked("attempts", parse_attempts)
SECONDS = Checked("seconds", lambda text: parse_seconds(text, "--connect-timeout"))
EXISTING_FILE = click.Path(path_type=Path)

_OPTION = re.compile(r"--?[A-Za-z]")
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

# A negative number is an argument that is refused with its range, not an unknown option.
NEGATIVE_NUMBERS = {"ignore_unknown_options": True, "help_option_names": ["-h", "--help"]}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="messenger")
def main() -> None:
    """A messenger for the terminal: server, client, and peer-to-peer files."""


@main.command(context_settings=NEGATIVE_NUMBERS)
@click.argument("server_port", type=SERVER_PORT)
@click.argument("attempts", type=ATTEMPTS)
@click.option("--bind", multiple=True, metavar="ADDR", help="Listen on this address; may be given several times.")
@click.option(
    "--credentials",
    type=EXISTING_FILE,
    default="credentials.txt",
    show_default=True,
    metavar="FILE",
    help="Who may log in.",
)
@click.option(
    "--data-dir", type=EXISTING_FILE, default=".", show_default=True, metavar="DIR", help="Folder of the logs."
)
@click.option("--durable", is_flag=True, help="Acknowledge messages only once they are on the disk.")
@click.option(
    "--io-threads",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    metavar="N",
    help="Threads that serve connections; more than one was measured slower on ordinary Python.",
)
@click.option("--port-file", type=EXISTING_FILE, metavar="FILE", help="Gets the port number once the server is ready.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False),
    default="warning",
    show_default=True,
    help="Diagnostics on stderr.",
)
def serve(
    server_port: int,
    attempts: int,
    bind: Tuple[str, ...],
    credentials: Path,
    data_dir: Path,
    durable: bool,
    io_threads: int,
    port_file: Optional[Path],
    log_level: str,
) -> None:
    """Run the server on SERVER_PORT (0: any free one).

    ATTEMPTS, 1 to 5, is how many consecutive failed logins block an account for 10 seconds.
    """
    _open_standard_streams()
    from messenger.server import Server
    from messenger.server.console import Console

    console = Console()
    console.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=log_level.upper(), handlers=[console])
    try:
        config = ServerConfig(
            port=server_port,
            attempts=attempts,
            bind=bind,
            credentials=credentials,
            data_dir=data_dir,
            durable=durable,
            io_threads=io_threads,
            port_file=port_file,
        )
        server = Server(config, console)
        _end_on_signals(server.end)
        # The kernel may give a signal to any thread that takes it, and only the main thread's wait is interrupted.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        server.start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    except MessengerError as error:
        raise OneLineError(str(error)) from None
    healthy = server.wait()
    server.stop()
    # Not sys.exit: a console that is paused must not hold up the end either.
    os._exit(0 if healthy else 1)


@main.command(
    context_settings=NEGATIVE_NUMBERS,
    epilog="Exit status: 0 ok, 1 a command was refused or a /wait not met (not at a terminal), 2 usage, "
    "3 cannot connect or connection lost, 4 login refused or blocked, 130 interrupted.",
)
@click.argument("server_ip")
@click.argument("server_port", type=REMOTE_PORT)
@click.argument("udp_port", type=UDP_PORT)
@click.option("--script", type=EXISTING_FILE, metavar="FILE", help="Take the lines from this file.")
@click.option("--username", metavar="NAME", help="Log in under this name instead of asking.")
@click.option("--password-file", type=EXISTING_FILE, metavar="FILE", help="First line: the password; one attempt.")
@click.option("--json", "as_json", is_flag=True, help="Show events as JSON, one a line.")
@click.option("--plain", is_flag=True, help="Bare lines, no editor; automatic without a terminal.")
@click.option(
    "--download-dir",
    type=EXISTING_FILE,
    default=".",
    show_default=True,
    metavar="DIR",
    help="Folder for files that are received.",
)
@click.option("--connect-timeout", type=SECONDS, default="10", show_default=True, metavar="SECONDS")
@click.option("--fail-fast", is_flag=True, help="Without a terminal: end at the first refused command.")
def chat(
    server_ip: str,
    server_port: int,
    udp_port: int,
    script: Optional[Path],
    username: Optional[str],
    password_file: Optional[Path],
    as_json: bool,
    plain: bool,
    download_dir: Path,
    connect_timeout: float,
    fail_fast: bool,
) -> None:
    """Log in to the server at SERVER_IP and SERVER_PORT, and chat. Files come in on UDP_PORT (0: any free one).

    Commands come from the terminal, from piped stdin, or from a script; the first lines answer the login questions.
    """
    _open_standard_streams()
    from messenger.client.program import run

    try:
        config = ChatConfig(
            host=server_ip,
            port=server_port,
            udp_port=udp_port,
            username=username,
            password=None if password_file is None else read_password(password_file),
            json=as_json,
            fail_fast=fail_fast,
            connect_timeout=connect_timeout,
            download_dir=download_dir,
        )
        status = run(config, script, plain)
    except ConfigError as error:
        raise OneLineUsageError(str(error)) from None
    sys.exit(status)


@main.command()
def demo() -> None:
    """Start a server and play the sample workflow with three scripted clients."""
    from messenger.demo import run

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # whatever the terminal's encoding
    try:
        passed = run()
    except MessengerError as error:
        raise OneLineError(str(error)) from None
    sys.exit(0 if passed else 1)


@main.group()
def credentials() -> None:
    """Prepare credentials files."""


@credentials.command(name="hash")
@click.argument("name")
def hash_password(name: str) -> None:
    """Read a password from stdin and print NAME's line for a credentials file, with the password hashed (scrypt)."""
    from messenger.chat.accounts import ScryptHash, fault_in_account

    given = click.prompt("Password", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    password = given.rstrip("\r\n")
    fault = fault_in_account(name, password)
    if fault or password.startswith("$scrypt$"):
        raise OneLineUsageError(fault or "this is a hash already")
    click.echo(f"{name} {ScryptHash.make(password, secrets.token_bytes(16))}")


def _open_standard_streams() -> None:
    """Give a program that was started with closed ones /dev/null, before a socket gets their numbers."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _end_on_signals(end: Callable[[], None]) -> None:
    def ask(number: int, frame: object) -> None:
        for again in (signal.SIGTERM, signal.SIGINT):
            signal.signal(again, _exit_at_once)
        end()

    for number in _ENDING:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup means it
            signal.signal(number, ask)


def _exit_at_once(number: int, frame: object) -> NoReturn:
    os._exit(128 + number)
