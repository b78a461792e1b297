"""What transfers say through the server: in order, and without waiting for it."""

from __future__ import annotations

from typing import Any, Callable, Final, Type

from messenger.errors import ConnectionLost, MessengerError, Refused
from messenger.peer.texts import reason_of
from messenger.peer.worker import Worker
from messenger.protocol.messages import AnyEvent, Error

Submit = Callable[..., Any]
"""Sends a request to the server (see `messenger.client.connection.Connection.submit`)."""

_NAME: Final = "messenger-signals"


def no_connection(*_: Any, **__: Any) -> Any:
    """Stand for a connection before there is one."""
    raise ConnectionLost("there is no connection to a server")


class Signals:
    """A thread that submits requests, as the server may read nothing for a while."""

    def __init__(self, submit: Submit, call: Callable[[Callable[[], None]], object]) -> None:
        """`call` has something done in the thread of the transfers."""
        self._submit = submit
        self._call = call
        worker = Worker(_NAME)
        self._worker = worker
        self.end = worker.end
        self.join = worker.join

    def use(self, submit: Submit) -> None:
        """Use this connection from now on."""
        self._submit = submit

    def send(self, kind: Type[Any], on_refused: Callable[[str, str], None], **fields: Any) -> None:
        """Send a request through the server, after those before it. Never waits."""
        submit = self._submit  # that of this moment: another connection's server knows nothing of it

        def refuse(code: str, message: str) -> None:
            self._call(lambda: on_refused(code, message))

        def on_reply(reply: AnyEvent) -> None:
            if isinstance(reply, Error):
                refuse(reply.code, reply.message)

        def send() -> None:
            try:
                submit(kind, on_reply=on_reply, **fields)
            except Refused as error:
                refuse(error.code, error.message)
            except MessengerError as error:
                refuse("connection_lost", str(error))
            except Exception as error:
                refuse("internal_error", f"a fault in this program: {reason_of(error)}")
                raise

        self._worker.call(send)
