"""The client: a library, and the programs that people and scripts use, which are its first users.

client      `Client`: connecting, login, files, and a call for each request
connection  what it is made of: ids, replies, events, heartbeat, the end
reply       a reply that may not have come yet
commands    typed lines to requests, derived from the request types (pure)
render      events to lines for a person (pure)
figures     sizes, rates and times in these lines, and progress bars (pure)
chat        one conversation: login, commands, end
files       its files: what is told of them, and waiting for their end
file_commands  the commands about them, carried out
push        one file without a conversation
status      exit statuses
screen      what a conversation needs of a screen; the one of pipes and scripts
bare_terminal  the one of a terminal without an editor
terminal    the same by prompt_toolkit: editing, history, completion
"""

from __future__ import annotations

from messenger.client.client import Client

__all__ = ["Client"]
