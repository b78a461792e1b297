"""Load for a messenger server, for Locust: `locust -f loadtest/locustfile.py --host 127.0.0.1:12000`.

Locust's own options do what they always do. These come with this file. The web page asks for them, too; Locust's
`--help` is printed before any locustfile is read, so `python3 loadtest/locustfile.py` prints it with them:

    --mix ROLE=SHARE,…    who does what, in shares of people: messages (the default), groups, presence, logins,
                          wrong-passwords, reconnects, slow-readers, files; or name classes, or use --tags with roles
    --scenario FILE       play this scenario, in the place of --mix
    --people N            how many people there are, in the place of --users: one user is often several people
    --stages S:N …        seconds and people, in the place of --people and --run-time
    --message-rate N      messages a second of each sender, whatever becomes of those before (open model); without,
                          each waits for the acknowledgement, and then thinks (closed model)
    --think S             seconds between two actions, on average (1)
    --text-bytes N        length of a message (40)
    --file-size SIZE      of files: 5MB (the default), or a range like 100kB-10MB
    --group-size N        members of a group (10)
    --drain S             seconds in which answers and deliveries are waited for at the end (10)
    --credentials FILE    accounts (credentials.txt); no two workers get the same
    --fault 'S WHAT'      20 kill-clients 10%, 20 pause-receivers 3s 50%, or 0 udp loss=5% delay=20ms; may be repeated
    --load-json FILE      write the record of the run to this file

`messenger load` does all of it, with server, metrics and report, by one command.
"""

from __future__ import annotations

from locust.argument_parser import get_parser

from messenger.cli.chatting import read_chat
from messenger.load.file_user import FilesUser
from messenger.load.hooks import register
from messenger.load.scenario_user import ScenarioUser
from messenger.load.users import (
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

if __name__ == "__main__":
    get_parser().print_help()
