"""`messenger chat` and `messenger push`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, Sequence, Tuple

import click

from messenger.cli.parameters import (
    ACCEPT,
    CONGESTION_CONTROL,
    CONNECT_TIMEOUT,
    FILE,
    NEGATIVE_NUMBERS,
    NO_OFFLOAD,
    REMOTE_PORT,
    SERVER,
    SIZE,
    UDP_PORT,
    OneLineUsageError,
    open_standard_streams,
    read_secret,
)
from messenger.config import ChatConfig, FileConfig, PushConfig, read_password
from messenger.errors import ConfigError

if TYPE_CHECKING:
    from messenger.client.witness import Witness


@click.command(
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
@click.option("--record", type=FILE, metavar="FILE", help="Write what is typed and seen as a scenario, to a new file.")
def chat(**given: Any) -> None:
    """Log in to the server at SERVER_IP and SERVER_PORT, and chat. Files come in on UDP_PORT (0: any free one).

    Commands come from the terminal, from piped stdin, or from a script; the first lines answer the login questions.
    """
    open_standard_streams()
    from messenger.client.program import run
    from messenger.client.status import Status

    witness = None
    try:
        config = _chat_config(Path(), **given)
        witness = _witness(config)
        status = run(config, given["script"], given["plain"], witness)
    except ConfigError as error:
        if witness is not None:
            witness.ended(Status.USAGE)
        raise OneLineUsageError(str(error)) from None
    sys.exit(status)


def read_chat(arguments: Sequence[str], folder: Path) -> Tuple[ChatConfig, Optional[Path]]:
    """Return what the arguments of `messenger chat` ask for, and the script that they name.

    Relative names are those of files in `folder`. Raises `ConfigError`.
    """
    try:
        given = chat.make_context("chat", list(arguments)).params
    except click.ClickException as error:
        raise ConfigError(error.format_message()) from None
    script = given["script"]
    return _chat_config(folder, **given), None if script is None else folder / script


def _chat_config(
    folder: Path,
    *,
    server_ip: str,
    server_port: int,
    udp_port: int,
    username: Optional[str],
    password_file: Optional[Path],
    as_json: bool,
    download_dir: Path,
    accept: str,
    max_receive_size: Optional[int],
    congestion_control: str,
    no_offload: bool,
    connect_timeout: float,
    fail_fast: bool,
    record: Optional[Path],
    **_: Any,
) -> ChatConfig:
    return ChatConfig(
        host=server_ip,
        port=server_port,
        files=FileConfig(
            udp_port=udp_port,
            download_dir=folder / download_dir,
            source_dir=folder,
            accept=accept,
            max_receive_size=max_receive_size,
            congestion_control=congestion_control,
            offload=not no_offload,
        ),
        username=username,
        password=None if password_file is None else read_password(folder / password_file),
        json=as_json,
        fail_fast=fail_fast,
        connect_timeout=connect_timeout,
        record=None if record is None else folder / record,
    )


def _witness(config: ChatConfig) -> Optional[Witness]:
    if config.record is None:
        return None
    from messenger.scenario.recorder import ClientRecorder

    return ClientRecorder(config)


@click.command(
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
    open_standard_streams()
    from messenger.client.push import run

    try:
        password = read_secret() if password_file is None else read_password(password_file)
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
