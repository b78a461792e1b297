"""One conversation with a server, from connecting to the exit status, on whatever screen it is held."""

from __future__ import annotations

import enum
import socket
from typing import Callable, Optional, Union

from messenger import wording
from messenger.client.client import Client
from messenger.client.commands import CommandError, Help, LocalCommand, ServerCommand, Sleep, Wait, help_lines, parse
from messenger.client.render import render
from messenger.client.screen import Output, Screen, Woken
from messenger.client.transcript import Transcript
from messenger.config import ChatConfig
from messenger.errors import (
    ConfigError,
    ConnectFailed,
    ConnectionLost,
    MessengerError,
    ProtocolError,
    Refused,
)
from messenger.protocol.framing import encode
from messenger.protocol.messages import AnyEvent, Error, Goodbye, Logout
from messenger.protocol.text import clean


class Status(enum.IntEnum):
    """Exit statuses of `messenger chat`."""

    OK = 0
    FAILED = 1
    """A command was refused or a `/wait` was not met (not at a terminal, where a person sees it)."""
    USAGE = 2
    NO_CONNECTION = 3
    """Could not connect, or lost the connection."""
    LOGIN_REFUSED = 4
    """Login refused or blocked, or the input ended in the middle of it."""
    INTERRUPTED = 130


class _Stop(Exception):
    def __init__(self, status: Status) -> None:
        super().__init__(status)
        self.status = status


class Conversation:
    """Login, commands and end. `users` and `groups` are the names heard of, for completion."""

    def __init__(self, config: ChatConfig, screen: Screen, complain: Callable[[str], None]) -> None:
        """`complain` tells a person why the program ends."""
        self._config = config
        self._screen = screen
        self._complain = complain
        self._client: Optional[Client] = None
        self._transcript = Transcript()
        self._logged_in = False
        self._failed = False
        self.on_event: Callable[[AnyEvent], None] = lambda event: None
        """Called with everything that is shown, for whoever learns from it."""

    def run(self) -> Status:  # noqa: PLR0911 - one exit a reason, each with its status
        """Hold the conversation; returns the exit status."""
        try:
            udp_socket = _reserve_udp_port(self._config.udp_port)
            with udp_socket:
                self._log_in(udp_socket.getsockname()[1])
                self._talk()
                return self._leave()
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
        except (ConnectionLost, ProtocolError) as error:
            self._fail("connection_lost", wording.LOST_CONNECTION.format(reason=error))
            return Status.NO_CONNECTION
        except KeyboardInterrupt:
            self._log_out_politely()
            self._complain(wording.INTERRUPTED)
            return Status.INTERRUPTED
        finally:
            if self._client is not None:
                self._client.close()

    @property
    def client(self) -> Client:
        """The connection; made by `run`."""
        assert self._client is not None
        return self._client

    def _connect(self) -> Client:
        if self._client is not None:
            self._client.close()
        return Client.connect(
            self._config.host,
            self._config.port,
            timeout=self._config.connect_timeout,
            on_event=self._show_event,
            on_lost=self._on_lost,
        )

    def _log_in(self, udp_port: int) -> None:
        config, screen = self._config, self._screen
        self._client = self._connect()
        username = config.username if config.username is not None else screen.ask(wording.ASK_USERNAME)
        while screen.is_interactive and not username.strip():
            username = screen.ask(wording.ASK_USERNAME)
        while True:
            password = config.password if config.password is not None else screen.ask(wording.ASK_PASSWORD, hidden=True)
            try:
                self._attempt_login(username, password, udp_port)
                return
            except Refused as refusal:
                self._show(Error(refusal.code, refusal.message, retry_after=refusal.retry_after))
                if refusal.code != "login_failed" or config.password is not None:
                    raise _Stop(Status.LOGIN_REFUSED) from None

    def _attempt_login(self, username: str, password: str, udp_port: int) -> None:
        """Log in; a server that gave up waiting for a slow person is simply asked again."""
        try:
            self._login_once(username, password, udp_port)
        except ConnectionLost:
            self._client = self._connect()
            self._login_once(username, password, udp_port)

    def _login_once(self, username: str, password: str, udp_port: int) -> None:
        welcome = self.client.login(username, password, udp_port=udp_port, timeout=None)
        self._logged_in = True
        self._show(welcome)

    def _talk(self) -> None:
        """Carry out commands up to `/logout` or the end of the input."""
        while True:
            if self._screen.is_broken:
                return
            try:
                line = self._screen.read_command()
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
            self._refused("not_available", wording.NO_FILES_YET)
        return True

    def _request(self, command: ServerCommand) -> None:
        try:
            pending = self.client.submit(command.kind, on_reply=self._show_event, **command.fields)
        except Refused as refusal:  # by the library: it never reached the server
            self._show(Error(refusal.code, refusal.message))
            raise
        pending.result()

    def _leave(self) -> Status:
        try:
            goodbye = self.client.logout()
        except ConnectionLost:
            if not self._screen.is_broken:
                raise
        else:
            self._show(goodbye)
        return Status.FAILED if self._failed and not self._screen.is_interactive else Status.OK

    def _log_out_politely(self) -> None:
        """Log out if that takes no time; otherwise the server sees that the connection ends."""
        try:
            if self._logged_in:
                self.client.logout(timeout=0.5)
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
            self.client.logout()
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
            self.client.logout()
            raise _Stop(Status.FAILED)

    def _show_event(self, event: AnyEvent) -> None:
        """Show what the server sent; called by the client's reading thread, so the order is the server's."""
        self.on_event(event)
        self._show(event)

    def _show(self, event: AnyEvent) -> None:
        lines = [wording.GOODBYE.format(self.client.username)] if isinstance(event, Goodbye) else render(event)
        kind = str(event.__struct_config__.tag)
        self._screen.show([encode(event).decode()] if self._config.json else lines, kind)
        self._transcript.add(lines)

    def _on_lost(self, error: MessengerError) -> None:
        if self._logged_in:
            self._transcript.end(error)
            self._screen.wake()


def _reserve_udp_port(port: int) -> socket.socket:
    """Return a socket that holds the UDP port; raises `ConfigError` if somebody else does."""
    try:
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("::", port))
        return sock
    except OSError:
        pass  # no IPv6 here, or the port is taken: IPv4 tells which
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.bind(("", port))
    except OSError as error:
        sock.close()
        raise ConfigError(f"cannot use UDP port {port}: {error.strerror}") from error
    return sock


def complain_on_stderr(message: str) -> None:
    """Tell a person something that does not belong to the conversation, most often why the program ends."""
    lines = [clean(line) for line in message.split("\n")]
    Output(2).write(("messenger: " if len(lines) == 1 else "") + "\n".join(lines) + "\n")
