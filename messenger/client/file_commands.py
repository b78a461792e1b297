"""The commands about files, carried out."""

from __future__ import annotations

import uuid
from typing import Callable

from messenger.client.client import Client
from messenger.client.commands import Accept, Cancel, CommandError, FileCommand, P2pVideo, Refuse
from messenger.client.files import Files
from messenger.client.render import Shown
from messenger.peer.handle import TransferFailed
from messenger.peer.source import SourceFailed
from messenger.protocol.messages import AnyEvent, Error, Outcome


def carry_out(command: FileCommand, client: Client, files: Files, show: Callable[[Shown], None], waits: bool) -> None:
    """Carry out one command; with `waits`, return when it is known whether a file is wanted.

    Raises `CommandError`, and `Refused` for what the server refuses, which has been shown by then.
    """
    if isinstance(command, P2pVideo):
        check_recipient(client, command.user, show)
        try:
            transfer = files.send(command.user, command.file)
        except (SourceFailed, TransferFailed) as error:
            raise CommandError(error.code, str(error)) from None
        if waits:
            files.wait_answer(transfer.number)
    elif isinstance(command, Accept):
        files.accept(command.number)
        if waits:
            files.wait_answer(command.number)
    elif isinstance(command, Refuse):
        files.refuse(command.number)
    elif isinstance(command, Cancel):
        files.cancel(command.number)
    else:
        show(files.listed())


def check_recipient(client: Client, user: str, show: Callable[[Shown], None]) -> None:
    """Raise what the server says of this user, before anything is said of the file.

    An outcome without an offer is ignored by whoever gets it.
    """

    def on_reply(reply: AnyEvent) -> None:
        if isinstance(reply, Error):
            show(reply)

    client.submit(Outcome, on_reply=on_reply, user=user, transfer=uuid.uuid4().hex, code="offer_follows").result()
