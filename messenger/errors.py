"""The exceptions of the package, split by who is to blame.

Every message is one line that says what is wrong and, where there is something to do, what to do.
A refusal by the rules of the chat is no accident and lives with its wording in `messenger.wording`.
"""

from __future__ import annotations

from typing import Any, Sequence


class MessengerError(Exception):
    """Whatever this package raises on purpose."""


class ConfigError(MessengerError, ValueError):
    """Whoever started the program asked for something impossible: a bad port, a broken credentials file."""


class MetricsError(ConfigError):
    """The server's metrics cannot be published: address in use, or `prometheus_client` is not installed."""


class ProtocolError(MessengerError):
    """The other side sent something that is not this protocol."""

    before: Sequence[Any] = ()
    """What came whole before it in the same piece of the stream."""


class ConnectFailed(MessengerError):
    """No connection to the server could be made."""


class ConnectionLost(MessengerError):
    """The connection broke or went silent. What was not answered before may or may not have happened."""


class ReplyTimeout(MessengerError):
    """The server did not answer in time. The request may or may not have been carried out."""


class StorageError(MessengerError):
    """A file could not be written: disk full, permission, device error."""


class Refused(MessengerError):
    """The server refused a request; nothing was changed, sent or logged by it.

    `code` is one of the error codes listed in `messenger.protocol`.
    """

    def __init__(self, code: str, message: str, retry_after: float = 0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after = retry_after


class LoginRefused(Refused):
    """The server refused a login: wrong name or password, blocked, or online already."""
