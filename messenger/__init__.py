"""A messenger for the terminal: a threaded chat server, a client for people and scripts, and its proving ground.

The map. What stands higher imports what stands lower, never the other way round (CI checks it):

    cli                 the command line; the only reader of options  (parameters: what they may be)
    demo     load       the sample workflow, played and shown; many users, and measuring what they get
    scenario            files that say who types and sees what, played in terminals or through the library
    server   client     threads and sockets                                (neither imports the other)
    peer                files from client to client: UDP port, files, the thread of all transfers
    chat     transfer   the rules of the chat, those of a transfer; pure   (the client never imports the former)
    protocol            messages, framing, limits, pure                    (shared by server and client)
    wording  config     every sentence that people read; checked settings
    errors              the exceptions

A message's way, each file once:

    client/screen       a line is typed or read               → client/commands    which request it is
    client/connection   it gets an id and is sent             → protocol/framing   one JSON object a line
    server/loop         bytes arrive, one read a wake-up      → protocol/framing   typed requests, checked here once
    chat/rules          dispatch by a table                   → chat/commands      what it does, or why not
    server/batch        the effects of the wake-up, collected → server/journal     first the log, one write a file
    server/sender       then one send a recipient             → client/connection  replies to who waits, events on
    client/render       the sentence                          → client/screen      shown above the line being typed

A file's way:

    client/file_commands  /p2pvideo USER FILE                 → peer/transfers     offered through the server
    peer/outbound       the answer brings address and key     → transfer/outgoing  what to send, and when
    peer/engine         one thread for all, UDP on one port   → peer/inbound       transfer/incoming: what is there
    peer/part           verified chunks; whole, it is linked  → client/files       told to a person, on both sides

A new command is a request (and its reply) in `protocol/messages`, a function in `chat/commands`, and the sentences
for it in `wording` and `client/render`; parsing, usage, help and completion follow from the request's fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from messenger.version import __version__

if TYPE_CHECKING:
    from messenger.client import Client

__all__ = ["Client", "__version__"]


def __getattr__(name: str) -> Any:
    # The server and the command line need no client: it is imported when it is asked for.
    if name == "Client":
        from messenger.client import Client

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
