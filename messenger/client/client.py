"""The client library: blocking calls with timeouts, events by callback or queue, from any thread.

It uses blocking sockets, threads, `select.poll` and queues only, so that it runs unchanged under gevent.
"""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, List, Optional, Type, TypeVar, Union

from messenger.client.connection import Connection, EventCallback, LostCallback
from messenger.config import FileConfig
from messenger.errors import (
    ConfigError,
    ConnectFailed,
    ConnectionLost,
    LoginRefused,
    MessengerError,
    ProtocolError,
    Refused,
)
from messenger.peer.handle import Transfer
from messenger.peer.transfers import Transfers
from messenger.protocol.limits import PROTOCOL_VERSION
from messenger.protocol.messages import (
    Active,
    ActiveUser,
    ActiveUserInfo,
    Answer,
    Answered,
    AnyEvent,
    Created,
    CreateGroup,
    Error,
    Goodbye,
    GroupMsg,
    Hello,
    Joined,
    JoinGroup,
    Login,
    Logout,
    MsgTo,
    Offered,
    Ping,
    Sent,
    TransferOutcome,
    Welcome,
)

_Kind = TypeVar("_Kind")


class Client(Connection):
    """One connection to a server, and at most one login on it. Any thread may call anything.

    Refusals are raised as `Refused` (`LoginRefused` at the login), a broken or silent connection as `ConnectionLost`,
    an answer that does not come in time as `ReplyTimeout`.

    >>> with Client.connect("127.0.0.1", 12000) as client:        # doctest: +SKIP
    ...     client.login("Yoda", "comp9331")
    ...     client.send("Obi-Wan", "Hello there!")
    ...     print(client.next_event(timeout=5))
    """

    username = ""
    """The user, after a login."""
    server = ""
    """How the server calls itself."""
    _local_address = ""
    """This end of the connection."""
    _files: Optional[Transfers] = None
    _files_closed = False
    _owns_files = True
    """Whether they end with this connection."""

    def __init__(
        self, sock: socket.socket, on_event: Optional[EventCallback] = None, on_lost: Optional[LostCallback] = None
    ) -> None:
        """Use `connect`."""
        super().__init__(sock, on_event, on_lost)
        self._opening_files = threading.Lock()

    @classmethod
    def connect(
        cls,
        host: str,
        port: int,
        *,
        timeout: float = 10.0,
        on_event: Optional[EventCallback] = None,
        on_lost: Optional[LostCallback] = None,
        files: Union[FileConfig, Transfers, None] = None,
    ) -> Client:
        """Connect within `timeout` seconds; raises `ConnectFailed`, and `ConfigError` if the UDP port is in use.

        With `files`, files are received from the login on. A configuration opens transfers that end with this
        connection; `Transfers` given as such may have been used by an earlier connection, and outlast this one.

        `on_event` gets every message, invitation and word about a file, `on_lost` the error that ended the connection.
        Both are called by the thread that reads from the server, but words about files by the one that runs transfers,
        so that `on_event` may be called by two threads at the same time. Neither may wait: what waits for a reply, or
        for a transfer (`Transfer.result`), raises `RuntimeError` there if it would wait for its own thread; anything
        else that takes long holds up messages, or all transfers.
        """
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        deadline = time.monotonic() + timeout
        try:
            sock = socket.create_connection((host, port), timeout)
            local_address = sock.getsockname()[0]
            sock.settimeout(None)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            raise ConnectFailed(f"cannot connect to {where}: {error.strerror or error}") from error
        except UnicodeError:
            raise ConnectFailed(f"cannot connect to {where}: this is no host name") from None
        client = cls(sock, on_event, on_lost)
        client._local_address = local_address
        hello = client.meet(max(0.0, deadline - time.monotonic()))
        if isinstance(hello, Hello) and hello.protocol == PROTOCOL_VERSION:
            client.server = hello.server
            try:
                if files is not None:
                    client._open_files(files)
            except ConfigError:
                client.close()
                raise
            return client
        client.close()
        if isinstance(hello, Error):
            raise ConnectFailed(f"{where}: {hello.message}")
        if isinstance(hello, Hello):
            raise ConnectFailed(f"the server at {where} speaks protocol {hello.protocol}, not {PROTOCOL_VERSION}")
        raise ConnectFailed(f"what answers at {where} is no messenger server")

    def login(self, username: str, password: str, *, udp_port: int = 0, timeout: Optional[float] = 30) -> Welcome:
        """Log in; raises `LoginRefused`, after which another attempt may be made unless its code is `blocked`."""
        if self._files is not None:
            self._files.username = username
            udp_port = udp_port or self._files.port
        pending = self.submit(Login, username=username, password=password, udp_port=udp_port)
        try:
            welcome = pending.result(timeout)
        except Refused as refusal:
            raise LoginRefused(refusal.code, refusal.message, refusal.retry_after) from None
        self.username = username
        return _expect(Welcome, welcome)

    def send(self, user: str, text: str, *, timeout: Optional[float] = 30) -> Sent:
        """Send a private message; returns when it is logged and on its way."""
        return _expect(Sent, self.submit(MsgTo, user=user, text=text).result(timeout))

    def send_group(self, group: str, text: str, *, timeout: Optional[float] = 30) -> Sent:
        """Send a message to a group; returns when it is logged and on its way."""
        return _expect(Sent, self.submit(GroupMsg, group=group, text=text).result(timeout))

    def create_group(self, group: str, users: List[str], *, timeout: Optional[float] = 30) -> Created:
        """Make a group with users who are online."""
        return _expect(Created, self.submit(CreateGroup, group=group, users=users).result(timeout))

    def join_group(self, group: str, *, timeout: Optional[float] = 30) -> Joined:
        """Join a group that this user was invited to."""
        return _expect(Joined, self.submit(JoinGroup, group=group).result(timeout))

    def active_users(self, *, timeout: Optional[float] = 30) -> List[ActiveUserInfo]:
        """Return the other users who are online, in the order of their logins."""
        return _expect(Active, self.submit(ActiveUser).result(timeout)).users

    def send_file(self, user: str, path: Union[str, Path]) -> Transfer:
        """Send a file to a user who is online. Returns at once: `result()` of what is returned waits for the receipt.

        Raises `SourceFailed` for what cannot be read, and `ConnectionLost` if this client is closed. Everything else is
        told by the transfer: who is not online, does not want it, or cannot be reached.
        """
        if self._closed and self._files is None:
            raise self.error or ConnectionLost("the connection is closed")
        return self._open_files(FileConfig(accept="none")).send(user, path)

    @property
    def files(self) -> Optional[Transfers]:
        """The transfers of this client; None as long as it neither sends nor receives files."""
        return self._files

    def ping(self, *, timeout: Optional[float] = 30) -> None:
        """Return when the server has answered; what it delivered before has arrived by then."""
        self.submit(Ping).result(timeout)

    def logout(self, *, timeout: Optional[float] = 30) -> Goodbye:
        """End all transfers, telling the other sides, log out and close the connection."""
        self._leaving = True
        try:
            if self._files is not None and self._owns_files:
                self._files.close()
            return _expect(Goodbye, self.submit(Logout).result(timeout))
        finally:
            self.close()

    def close(self) -> None:
        """Close the connection, and end all transfers. Safe to call again."""
        with self._opening_files:
            files, self._files = self._files, None
            self._files_closed = True
        if files is not None and self._owns_files:
            files.close()
        super().close()
        if files is not None and not self._owns_files:
            files.on_connection_lost("the connection is closed")

    def _open_files(self, files: Union[FileConfig, Transfers]) -> Transfers:
        with self._opening_files:
            if self._files_closed:  # nobody would close others
                raise ConnectionLost("the connection is closed")
            if self._files is None:
                self._owns_files = isinstance(files, FileConfig)
                opened = Transfers(files) if isinstance(files, FileConfig) else files
                opened.username = self.username
                opened.use(self.submit, self._hand_on, self._local_address, self._is_reader)
                self._files = opened
            return self._files

    def _on_end(self, reason: MessengerError) -> None:
        files = self._files
        if files is not None:
            files.on_connection_lost(str(reason))

    def _divert(self, event: AnyEvent) -> bool:
        files = self._files
        if files is not None:
            return files.take(event)
        if isinstance(event, Offered):
            refusal = {"user": event.sender, "transfer": event.transfer, "accepted": False, "code": "refused"}
            message = f"{self.username} does not receive files"
            # Not by this thread, which reads: a full socket would stop it.
            threading.Thread(target=self._refuse, kwargs={**refusal, "message": message}, daemon=True).start()
        return isinstance(event, (Offered, Answered, TransferOutcome))

    def _refuse(self, **fields: Any) -> None:
        try:
            self.submit(Answer, **fields)
        except MessengerError:
            pass  # ended meanwhile

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()


def _expect(kind: Type[_Kind], reply: AnyEvent) -> _Kind:
    if not isinstance(reply, kind):
        raise ProtocolError(f"the server replied {type(reply).__name__} where {kind.__name__} was due")
    return reply
