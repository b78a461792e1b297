"""`messenger push`: one file to one user, without a conversation."""

from __future__ import annotations

import contextlib
import signal
import sys
from typing import Callable, Final, Iterator, List

from messenger import wording
from messenger.client.client import Client
from messenger.client.connection import ClientEvent
from messenger.client.figures import share_text
from messenger.client.file_commands import check_recipient
from messenger.client.program import end_on_signal
from messenger.client.render import render
from messenger.client.screen import Output
from messenger.client.status import Status, complain_on_stderr
from messenger.config import PushConfig
from messenger.errors import ConfigError, ConnectFailed, LoginRefused, MessengerError, Refused, ReplyTimeout
from messenger.peer.handle import Transfer, TransferDone, TransferEvent, TransferFailed
from messenger.peer.source import SourceFailed, SourceFile
from messenger.protocol.framing import encode
from messenger.protocol.messages import Error

REFRESH_SECONDS: Final = 0.25
"""How often the progress is drawn."""

LOGOUT_SECONDS: Final = 2.0


def run(config: PushConfig) -> Status:
    """Send the file; returns the exit status. Raises `ConfigError` for a file that cannot be read."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, end_on_signal)
    try:
        SourceFile(config.file).close()
    except SourceFailed as error:
        raise ConfigError(str(error)) from None
    return _Push(config).run()


class _Push:
    def __init__(self, config: PushConfig) -> None:
        self._config = config
        self._output = Output(1)
        self._ended: List[TransferDone] = []

    def run(self) -> Status:
        try:
            return self._send()
        except TransferFailed as error:
            reason = wording.NOT_DELIVERED.format(name=self._config.file.name, user=self._config.user, message=error)
            complain_on_stderr(reason)  # and the event has told those who read events
            return Status.NO_CONNECTION if error.code == "connection_lost" else Status.FAILED
        except (Refused, SourceFailed) as error:
            return self._fail(error.code, str(error), Status.FAILED)
        except ConnectFailed as error:
            return self._fail("connect_failed", str(error), Status.NO_CONNECTION)
        except ConfigError:
            raise
        except MessengerError as error:
            return self._fail("connection_lost", wording.LOST_CONNECTION.format(reason=error), Status.NO_CONNECTION)
        except KeyboardInterrupt:
            complain_on_stderr(wording.INTERRUPTED)
            return Status.INTERRUPTED

    def _send(self) -> Status:
        config = self._config
        client = Client.connect(
            config.host, config.port, timeout=config.connect_timeout, on_event=self._take, files=config.files
        )
        with client:
            try:
                client.login(config.username, config.password)
            except LoginRefused as refusal:
                return self._fail(refusal.code, refusal.message, Status.LOGIN_REFUSED)
            try:
                check_recipient(client, config.user, lambda event: None)
                transfer = client.send_file(config.user, config.file)
                with _progress(transfer, self._shows_a_bar()) as draw:
                    _wait(transfer, draw)
            finally:
                _log_out(client)
        if not config.quiet and not config.json:
            self._output.write("".join(line + "\n" for event in self._ended for line in render(event)))
        return Status.OK

    def _shows_a_bar(self) -> bool:
        is_among_events = self._config.json and sys.stdout.isatty()
        return sys.stderr.isatty() and not self._config.quiet and not is_among_events

    def _take(self, event: ClientEvent) -> None:
        if self._config.json and isinstance(event, TransferEvent):
            self._output.write(encode(event).decode() + "\n")
        if isinstance(event, TransferDone):
            self._ended.append(event)

    def _fail(self, code: str, message: str, status: Status) -> Status:
        if self._config.json:
            self._output.write(encode(Error(code, message)).decode() + "\n")
        complain_on_stderr(message)
        return status


def _log_out(client: Client) -> None:
    """Leave, whatever has happened: the other side is told first, through the server."""
    try:
        if client.files is not None:
            client.files.close()
        client.logout(timeout=LOGOUT_SECONDS)
    except (MessengerError, KeyboardInterrupt):
        pass  # the server sees that this client has gone


def _wait(transfer: Transfer, draw: Callable[[], None]) -> None:
    while True:
        try:
            transfer.result(REFRESH_SECONDS)
        except ReplyTimeout:
            draw()
        else:
            draw()
            return


@contextlib.contextmanager
def _progress(transfer: Transfer, is_shown: bool) -> Iterator[Callable[[], None]]:
    """Show a bar on stderr, if it is a terminal; what is yielded draws it."""
    if not is_shown:
        yield lambda: None
        return
    from rich.console import Console  # a tenth of a second that scripts need not spend
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[loss]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), auto_refresh=False, transient=True) as progress:
        task = progress.add_task(f"{transfer.name} to {transfer.user}", total=transfer.size, loss="")

        def draw() -> None:
            now = transfer.progress()
            loss = wording.BAR_LOSS.format(loss=share_text(now.loss)) if now.repeated else ""
            progress.update(task, completed=now.done, loss=loss, refresh=True)

        draw()
        yield draw
