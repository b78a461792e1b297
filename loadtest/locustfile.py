"""Load for a messenger server, for Locust: `locust -f loadtest/locustfile.py --host 127.0.0.1:12000`.

`--help` lists what this file adds to Locust's options. Accounts come from `credentials.txt`; `messenger load` does all
of it with one command.
"""

from __future__ import annotations

from messenger.cli.chatting import read_chat
from messenger.load.hooks import register
from messenger.load.scenario_user import ScenarioUser
from messenger.load.users import (
    FilesUser,
    GroupsUser,
    LoginsUser,
    MessagesUser,
    PresenceUser,
    ReconnectsUser,
    SlowReadersUser,
    WrongPasswordsUser,
)

__all__ = [
    "FilesUser",
    "GroupsUser",
    "LoginsUser",
    "MessagesUser",
    "PresenceUser",
    "ReconnectsUser",
    "ScenarioUser",
    "SlowReadersUser",
    "WrongPasswordsUser",
]

register(read_chat)
