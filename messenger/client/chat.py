"""One conversation with a server, from connecting to the exit status, on whatever screen it is held."""

from __future__ import annotations

import math
from typing import Callable, Optional, Union

from messenger import wording
from messenger.client.client import Client
from messenger.client.commands import CommandError, Help, LocalCommand, ServerCommand, Sleep, Wait, help_lines, parse
from messenger.client.connection import ClientEvent
from messenger.client.figures import count_text
from messenger.client.file_commands import carry_out
from messenger.client.files import PROGRESS_SECONDS, Files
from messenger.client.render import Shown, render
from messenger.client.screen import Screen, Woken
from messenger.client.status import Status
from messenger.client.transcript import Transcript
from messenger.client.witness import Witness
from messenger.config import ChatConfig
from messenger.errors import (
    ConfigError,
    ConnectFailed,
    ConnectionLost,
    MessengerError,
    ProtocolError,
    Refused,
)
from messenger.peer.handle import TransferEvent
from messenger.protocol.framing import encode
from messenger.protocol.messages import Error, Goodbye, Logout
from messenger.protocol.text import clean


class _Stop(Exception):
    def __init__(self, status: Status) -> None:
        super().__init__(status)
        self.status = status


class Conversation:
    """Login, commands and end. `users` and `groups` are the names heard of, for completion."""

    def __init__(
        self, config: ChatConfig, screen: Screen, complain: Callable[[str], None], witness: Optional[Witness] = None
    ) -> None:
        """`complain` tells a person why the program ends; `witness` looks on."""
        self._config = config
        self._screen = screen
        self._complain = complain
        self._witness = witness or Witness()
        self._client: Optional[Client] = None
        self._files: Optional[Files] = None
        self._failures_counted = 0
        self._transcript = Transcript()
        self._logged_in = False
        self._failed = False
        self.on_event: Callable[[Shown], None] = lambda event: None
        """Called with everything that is shown, for whoever learns from it."""

    def run(self) -> Status:
        """Hold the conversation; returns the exit status."""
        status = self._run()
        self._witness.ended(int(status))
        return status

    def _run(self) -> Status:  # noqa: PLR0911 - one exit a reason, each with its status
        try:
            self._files = self._open_files()
            return self._hold()
        except _Stop as stop:
            return stop.status
        except EOFError:
            self._fail("login_incomplete", wording.LOGIN_INCOMPLETE)
            return Status.LOGIN_REFUSED
        except Woken:
            return Status.OK  # in the middle of the login, only the end of whoever reads our output wakes us
        except ConfigError as error:
            self._complain(str(error))
            return Status.USAGE
        except ConnectFailed as error:
            self._fail("connect_failed", str(error))
            return Status.NO_CONNECTION
        except KeyboardInterrupt:
            self._log_out_politely()
            self._complain(wording.INTERRUPTED)
            return Status.INTERRUPTED
        finally:
            if self._files is not None:
                self._files.close()
            if self._client is not None:
                self._client.close()

    @property
    def client(self) -> Client:
        """The connection; made by `run`."""
        assert self._client is not None
        return self._client

    @property
    def files(self) -> Files:
        """The transfers, over all connections; made by `run`."""
        assert self._files is not None
        return self._files

    def _open_files(self) -> Files:
        config, screen = self._config, self._screen
        every = 0.0 if config.json else math.inf if screen.shows_progress else PROGRESS_SECONDS
        stops_at_failure = config.fail_fast and not screen.is_interactive
        return Files(config.files, self._show_event, every, screen.wake if stops_at_failure else lambda: None)

    def _hold(self) -> Status:
        try:
            self._log_in()
            self._talk()
            while not self._may_leave():
                self._talk()
            return self._leave()
        except (ConnectionLost, ProtocolError) as error:
            self._fail("connection_lost", wording.LOST_CONNECTION.format(reason=error))
            if self._logged_in and self.files.running():
                self._complain(wording.GOING_ON.format(transfers=count_text(len(self.files.running()))))
                self.files.wait_without_server(self._screen)
            return Status.NO_CONNECTION

    def _connect(self) -> Client:
        if self._client is not None:
            self._client.close()
        return Client.connect(
            self._config.host,
            self._config.port,
            timeout=self._config.connect_timeout,
            on_event=self._take_event,
            on_lost=self._on_lost,
            files=self.files.transfers,
        )

    def _log_in(self) -> None:
        config, screen = self._config, self._screen
        self._client = self._connect()
        username = config.username if config.username is not None else screen.ask(wording.ASK_USERNAME)
        while screen.is_interactive and not username.strip():
            username = screen.ask(wording.ASK_USERNAME)
        while True:
            password = config.password if config.password is not None else screen.ask(wording.ASK_PASSWORD, hidden=True)
            try:
                self._attempt_login(username, password)
                return
            except Refused as refusal:
                self._show(Error(refusal.code, refusal.message, retry_after=refusal.retry_after))
                if refusal.code != "login_failed" or config.password is not None:
                    raise _Stop(Status.LOGIN_REFUSED) from None

    def _attempt_login(self, username: str, password: str) -> None:
        """Log in; a server that gave up waiting for a slow person is simply asked again."""
        self._witness.answered(username, password)
        try:
            self._login_once(username, password)
        except ConnectionLost:
            self._client = self._connect()
            self._login_once(username, password)

    def _login_once(self, username: str, password: str) -> None:
        welcome = self.client.login(username, password, timeout=None)
        self._logged_in = True
        self._show(welcome)

    def _talk(self) -> None:
        """Carry out commands up to `/logout` or the end of the input."""
        while True:
            if self._screen.is_broken:
                return
            try:
                self._count_failures()
                line = self._screen.read_command()
                self._witness.typed(line)
                if line.strip() and not self._carry_out(parse(line)):
                    return
            except EOFError:
                return
            except Woken:
                if self.client.error is not None:
                    raise self.client.error from None
            except CommandError as error:
                self._refused(error.code, str(error))
            except Refused:
                self._count_refusal()  # shown already

    def _carry_out(self, command: Union[ServerCommand, LocalCommand]) -> bool:
        """Carry out one command and wait for its reply; False for a logout, which `_leave` does."""
        if isinstance(command, ServerCommand):
            if command.kind is Logout:
                return False
            self._request(command)
        elif isinstance(command, (Wait, Sleep)):
            try:
                self._wait(command)
            except KeyboardInterrupt:
                if not self._screen.is_interactive:
                    raise
                self._refused("wait_failed", wording.INTERRUPTED)
        elif isinstance(command, Help):
            if self._config.json:
                self._complain("\n".join(help_lines()))  # no event, so nothing for stdout
            else:
                self._screen.show(help_lines())
        else:
            waits = not self._screen.is_interactive
            carry_out(command, self.client, self.files, self._show_event, waits)
        return True

    def _request(self, command: ServerCommand) -> None:
        try:
            pending = self.client.submit(command.kind, on_reply=self._show_event, **command.fields)
        except Refused as refusal:  # by the library: it never reached the server
            self._show(Error(refusal.code, refusal.message))
            raise
        pending.result()

    def _may_leave(self) -> bool:
        """Wait for transfers, or ask a person what is to become of them; False if they would rather stay."""
        if self._screen.is_broken:
            return True
        if not self._screen.is_interactive:
            self.files.wait_all(lambda: self.client.error is not None or self._stops_at_failure())
            if self.client.error is not None:
                raise self.client.error
            self._count_failures()
            return True
        while True:
            try:
                return self.files.ask_before_leaving(self._screen)
            except Woken:
                if self.client.error is not None:
                    raise self.client.error from None

    def _leave(self) -> Status:
        try:
            goodbye = self._log_out()
        except ConnectionLost:
            if not self._screen.is_broken:
                raise
        else:
            self._show(goodbye)
        return Status.FAILED if self._failed and not self._screen.is_interactive else Status.OK

    def _log_out(self, timeout: Optional[float] = 30) -> Goodbye:
        self.files.close()  # first: the other sides are told through the server
        return self.client.logout(timeout=timeout)

    def _log_out_politely(self) -> None:
        """Log out if that takes no time; otherwise the server sees that the connection ends."""
        try:
            if self._logged_in:
                self._log_out(timeout=0.5)
        except (MessengerError, KeyboardInterrupt):
            pass

    def _wait(self, wait: Union[Wait, Sleep]) -> None:
        if isinstance(wait, Sleep):
            self._transcript.sleep(wait.seconds)
        elif not self._transcript.wait(wait.pattern(), wait.seconds):
            message = wording.WAIT_FAILED.format(seconds=wait.seconds, wanted=clean(wait.wanted))
            if self._screen.is_interactive:
                self._refused("wait_failed", message)
                return
            self._fail("wait_failed", message)
            self._log_out()
            raise _Stop(Status.FAILED)

    def _fail(self, code: str, message: str) -> None:
        """Tell a person why the program ends, and a program that reads our events as well."""
        if self._config.json:
            self._show(Error(code, message))
        self._complain(message)

    def _refused(self, code: str, message: str) -> None:
        self._show(Error(code, message))
        self._count_refusal()

    def _count_refusal(self) -> None:
        self._failed = True
        if self._config.fail_fast and not self._screen.is_interactive:
            self._log_out()
            raise _Stop(Status.FAILED)

    def _count_failures(self) -> None:
        """A file that was not delivered counts as a refused command."""
        if self.files.failures > self._failures_counted:
            self._failures_counted = self.files.failures
            self._count_refusal()

    def _stops_at_failure(self) -> bool:
        return self._config.fail_fast and self.files.failures > self._failures_counted

    def _take_event(self, event: ClientEvent) -> None:
        """Show what the server sent, in the order of the client's reading thread; what concerns files has its own."""
        if isinstance(event, TransferEvent):
            self.files.take(event)
        else:
            self._show_event(event)

    def _show_event(self, event: Shown) -> None:
        self.on_event(event)
        self._show(event)

    def _show(self, event: Shown) -> None:
        lines = [wording.GOODBYE.format(self.client.username)] if isinstance(event, Goodbye) else render(event)
        kind = str(event.__struct_config__.tag)
        self._witness.shown(event)
        self._screen.show([encode(event).decode()] if self._config.json else lines, kind)
        self._transcript.add(lines)

    def _on_lost(self, error: MessengerError) -> None:
        if self._logged_in:
            self._transcript.end(error)
            self._screen.wake()
