"""`messenger serve`, and `messenger credentials`, which prepares what it reads."""

from __future__ import annotations

import errno
import logging
import os
import secrets
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Final, Iterator, NoReturn, Optional, Sequence, Tuple

import click

from messenger.cli.parameters import (
    ATTEMPTS,
    FILE,
    GENERATED,
    METRICS,
    NEGATIVE_NUMBERS,
    SERVER_PORT,
    OneLineError,
    OneLineUsageError,
    open_standard_streams,
    read_secret,
)
from messenger.config import ServerConfig
from messenger.errors import ConfigError, MessengerError, MetricsError

if TYPE_CHECKING:
    from messenger.server.watched import Witness

HASHED_AT_ONCE: Final = 16
"""Accounts that are hashed before the first of them is printed; a fifth of a second of a core each."""

PRINTED_AT_ONCE: Final = 1000
"""Plain accounts that are printed with one system call."""

_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_HANDLED = (*_ENDING, signal.SIGUSR1)


@click.command(context_settings=NEGATIVE_NUMBERS)
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
    "--metrics",
    type=METRICS,
    metavar="[HOST:]PORT",
    help="Publish metrics for Prometheus by HTTP (/metrics) on this port, 0: any free one; on 127.0.0.1 only, "
    "unless told otherwise.",
)
@click.option("--record", type=FILE, metavar="FILE", help="Write what all clients do as a scenario, to a new file.")
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
    metrics: Optional[Tuple[str, int]],
    record: Optional[Path],
    log_level: str,
) -> None:
    """Run the server on SERVER_PORT (0: any free one).

    ATTEMPTS, 1 to 5, is how many consecutive failed logins block an account for 10 seconds.
    """
    open_standard_streams()
    from messenger.server import Server
    from messenger.server.console import Console

    console = Console()
    console.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=log_level.upper(), handlers=[console])
    witness = None
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
            metrics=metrics,
            record=record,
        )
        witness = _witness(config)
        server = Server(config, console, witness)
        _end_on_signals(server.end)
        signal.signal(signal.SIGUSR1, lambda number, frame: server.tell_online())
        # The kernel may give a signal to any thread that takes it, and only the main thread's wait is interrupted.
        signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
        server.start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
    except MetricsError as error:
        raise OneLineUsageError(str(error)) from None
    except MessengerError as error:
        if witness is not None:
            witness.ends()
        raise OneLineError(str(error)) from None
    healthy = server.wait()
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # it would use the console's event while `stop` may hold it
    server.stop()
    # Not sys.exit: a console that is paused must not hold up the end either.
    os._exit(0 if healthy else 1)


def _witness(config: ServerConfig) -> Optional[Witness]:
    if config.record is None:
        return None
    from messenger.scenario.recorder import ServerRecorder

    try:
        return ServerRecorder(config.record)
    except ConfigError as error:
        raise OneLineUsageError(str(error)) from None


@click.group()
def credentials() -> None:
    """Prepare credentials files."""


@credentials.command(name="hash")
@click.argument("name")
def hash_password(name: str) -> None:
    """Read a password from stdin and print NAME's line for a credentials file, with the password hashed (scrypt)."""
    from messenger.chat.accounts import ScryptHash, fault_in_account

    password = read_secret()
    fault = fault_in_account(name, password)
    if fault or password.startswith("$scrypt$"):
        raise OneLineUsageError(fault or "this is a hash already")
    click.echo(f"{name} {ScryptHash.make(password, secrets.token_bytes(16))}")


@credentials.command(context_settings=NEGATIVE_NUMBERS)
@click.argument("n", type=GENERATED)
@click.option("--prefix", default="load", show_default=True, metavar="NAME", help="What their names begin with.")
@click.option("--hashed", is_flag=True, help="Hashes (scrypt), each below a comment that has the password.")
def generate(n: int, prefix: str, hashed: bool) -> None:
    """Print a credentials file of N accounts, 1 to 100000, for tests: load-00001 and so on, with random passwords."""
    from messenger.chat.accounts import fault_in_account

    accounts = [(f"{prefix}-{number:05}", secrets.token_urlsafe(12)) for number in range(1, n + 1)]
    fault = fault_in_account(*accounts[-1])
    if fault:
        raise OneLineUsageError(fault)
    try:
        for lines in _hashed(accounts) if hashed else _plain(accounts):
            click.echo(lines, nl=False)
    except OSError as error:
        if error.errno == errno.EPIPE:  # whoever read them has enough
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python tries to write the rest again, and complains
        raise OneLineError(f"cannot write the accounts: {error.strerror}") from None


def _plain(accounts: Sequence[Tuple[str, str]]) -> Iterator[str]:
    for start in range(0, len(accounts), PRINTED_AT_ONCE):
        yield "".join(f"{name} {password}\n" for name, password in accounts[start : start + PRINTED_AT_ONCE])


def _hashed(accounts: Sequence[Tuple[str, str]]) -> Iterator[str]:
    from messenger.chat.accounts import ScryptHash

    def hash_one(account: Tuple[str, str]) -> str:
        name, password = account
        return f"# {name} {password}\n{name} {ScryptHash.make(password, secrets.token_bytes(16))}\n"

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(accounts), HASHED_AT_ONCE):
            yield from pool.map(hash_one, accounts[start : start + HASHED_AT_ONCE])


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
