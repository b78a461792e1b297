"""The command line: the only reader of options. What it starts is imported when it is started."""

from __future__ import annotations

import io
import logging
import os
import secrets
import signal
import sys
from pathlib import Path
from typing import Callable, NoReturn, Optional, Tuple

import click

from messenger.config import ChatConfig, FileConfig, PushConfig, ServerConfig, read_password
from messenger.errors import ConfigError, MessengerError
from messenger.parameters import (
    ACCEPT,
    ATTEMPTS,
    CONGESTION_CONTROL,
    CONNECT_TIMEOUT,
    FILE,
    NO_OFFLOAD,
    REMOTE_PORT,
    SERVER,
    SERVER_PORT,
    SIZE,
    UDP_PORT,
    OneLineError,
    OneLineUsageError,
)
from messenger.version import __version__

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
    type=FILE,
    default="credentials.txt",
    show_default=True,
    metavar="FILE",
    help="Who may log in.",
)
@click.option("--data-dir", type=FILE, default=".", show_default=True, metavar="DIR", help="Folder of the logs.")
@click.option("--durable", is_flag=True, help="Acknowledge messages only once they are on the disk.")
@click.option(
    "--io-threads",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    metavar="N",
    help="Threads that serve connections; more than one was measured slower on ordinary Python.",
)
@click.option("--port-file", type=FILE, metavar="FILE", help="Gets the port number once the server is ready.")
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
    epilog="Exit status: 0 ok, 1 a command was refused, a file not delivered or a /wait not met (not at a terminal), "
    "2 usage, 3 cannot connect or connection lost, 4 login refused or blocked, 130 interrupted.",
)
@click.argument("server_ip")
@click.argument("server_port", type=REMOTE_PORT)
@click.argument("udp_port", type=UDP_PORT)
@click.option("--script", type=FILE, metavar="FILE", help="Take the lines from this file.")
@click.option("--username", metavar="NAME", help="Log in under this name instead of asking.")
@click.option("--password-file", type=FILE, metavar="FILE", help="First line: the password; one attempt.")
@click.option("--json", "as_json", is_flag=True, help="Show events as JSON, one a line.")
@click.option("--plain", is_flag=True, help="Bare lines, no editor; automatic without a terminal.")
@click.option(
    "--download-dir",
    type=FILE,
    default=".",
    show_default=True,
    metavar="DIR",
    help="Folder for files that are received.",
)
@click.option(
    "--accept",
    type=ACCEPT,
    default="all",
    show_default=True,
    metavar="WHO",
    help="Whose files: all, none, ask (then /accept or /refuse), or users with commas between them.",
)
@click.option(
    "--max-receive-size",
    type=SIZE,
    metavar="SIZE",
    help="Refuse larger files. Bytes, or 10k, 10M, 2G (powers of 1000), 10Ki, 10Mi, 2Gi (of 1024).",
)
@CONGESTION_CONTROL
@NO_OFFLOAD
@CONNECT_TIMEOUT
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
    accept: str,
    max_receive_size: Optional[int],
    congestion_control: str,
    no_offload: bool,
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
            files=FileConfig(
                udp_port=udp_port,
                download_dir=download_dir,
                accept=accept,
                max_receive_size=max_receive_size,
                congestion_control=congestion_control,
                offload=not no_offload,
            ),
            username=username,
            password=None if password_file is None else read_password(password_file),
            json=as_json,
            fail_fast=fail_fast,
            connect_timeout=connect_timeout,
        )
        status = run(config, script, plain)
    except ConfigError as error:
        raise OneLineUsageError(str(error)) from None
    sys.exit(status)


@main.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 delivered, 1 refused or failed, 2 usage, 3 cannot connect or connection lost, "
    "4 login refused or blocked, 130 interrupted.",
)
@click.argument("user")
@click.argument("file", type=FILE)
@click.option("--server", type=SERVER, default="127.0.0.1:12000", show_default=True, metavar="HOST:PORT")
@click.option("--username", required=True, metavar="NAME", help="Log in under this name.")
@click.option(
    "--password-file", type=FILE, metavar="FILE", help="First line: the password. Without: asked, or read from stdin."
)
@click.option("--udp-port", type=UDP_PORT, default="0", metavar="PORT", help="UDP port to send from.  [default: any]")
@click.option("--quiet", is_flag=True, help="Show nothing but what went wrong.")
@click.option("--json", "as_json", is_flag=True, help="Show events as JSON, one a line.")
@CONGESTION_CONTROL
@NO_OFFLOAD
@CONNECT_TIMEOUT
def push(
    user: str,
    file: Path,
    server: Tuple[str, int],
    username: str,
    password_file: Optional[Path],
    udp_port: int,
    quiet: bool,
    as_json: bool,
    congestion_control: str,
    no_offload: bool,
    connect_timeout: float,
) -> None:
    """Send FILE to USER, who must be online, and end when it is delivered."""
    _open_standard_streams()
    from messenger.client.push import run

    try:
        password = _read_secret() if password_file is None else read_password(password_file)
        config = PushConfig(
            host=server[0],
            port=server[1],
            username=username,
            password=password,
            user=user,
            file=file,
            files=FileConfig(
                udp_port=udp_port, accept="none", congestion_control=congestion_control, offload=not no_offload
            ),
            quiet=quiet,
            json=as_json,
            connect_timeout=connect_timeout,
        )
        status = run(config)
    except click.Abort:
        sys.exit(130)
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

    password = _read_secret()
    fault = fault_in_account(name, password)
    if fault or password.startswith("$scrypt$"):
        raise OneLineUsageError(fault or "this is a hash already")
    click.echo(f"{name} {ScryptHash.make(password, secrets.token_bytes(16))}")


def _read_secret() -> str:
    """Ask for a password, or read the first line of stdin if that is no terminal."""
    given = click.prompt("Password", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    return str(given).rstrip("\r\n")


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
