"""What a person reads of the chat and of files, in one place: refusals, events, replies, questions, server console.

Scenarios and graders match against these; nothing else in the package words them. What fills the gaps may be worded
elsewhere: `{message}` of a file is the reason, said where it is found out (`messenger.peer`, `messenger.transfer`),
perhaps by the other side; wrong settings are told by `messenger.config`, accidents by `messenger.errors`.
"""

from __future__ import annotations

from typing import Dict, Final

REFUSALS: Final[Dict[str, str]] = {
    "bad_protocol": "this server speaks protocol {expected}, not {given}",
    "login_first": "log in first",
    "logged_in_already": "you are logged in already, as {user}",
    "login_failed": "wrong user name or password",
    "blocked": "too many failed logins: this account is blocked, try again in {seconds} s",
    "login_in_progress": "somebody is logging in under this name at this moment, try again",
    "already_online": "{user} is logged in already, on another terminal",
    "usage": "usage: {usage}",
    "unknown_user": "there is no user {user}",
    "offline": "{user} is not online",
    "yourself": "{user} is you: name another user",
    "group_needs_members": "a group needs at least one more active user",
    "bad_group_name": "a group name is 1 to 32 letters and digits (A-Z, a-z, 0-9), not {group}",
    "group_exists": "the group {existing} exists already",
    "members_unavailable": "no group made: {reasons}",
    "too_many_groups": "the server holds {limit} groups and takes no more",
    "unknown_group": "there is no group {group}",
    "not_invited": "you are not invited to the group {group}",
    "joined_already": "you have joined the group {group} already",
    "not_joined": "you are invited to the group {group} but have not joined it: /joingroup {group}",
    "not_stored": "the server could not store this, so nothing was sent: try again later",
    "busy": "the server is too busy at this moment, try again later",
}
"""Error code to sentence; `{fields}` are filled in by the rules."""

WENT_OFFLINE: Final = "{user} is not online any more"
"""Told to whoever waits for an answer to an offer, or was asked for one."""

CLOSINGS: Final[Dict[str, str]] = {
    "shutdown": "the server is shutting down",
    "idle": "the server heard nothing from this client for too long",
}

# What the server tells on its console; the fields stand in the order in which the rules give them.
LOGGED_IN: Final = "{} logged in from {}, UDP port {} ({} online)"
LOGGED_OUT: Final = "{} logged out"
LOST: Final = "{} lost the connection"
LOGIN_FAILED: Final = "login as {} refused, from {}: {}"
UNKNOWN_NAME: Final = "an unknown name"
LOGIN_REASONS: Final[Dict[str, str]] = {
    "login_failed": "wrong name or password",
    "blocked": "the account is blocked",
    "already_online": "already online",
    "login_in_progress": "another login under this name is being checked",
    "busy": "too many passwords wait to be checked",
}
WROTE: Final = "{} wrote to {} (message {})"
WROTE_GROUP: Final = "{} wrote to the group {} (message {})"
MADE_GROUP: Final = "{} made the group {} with {}"
JOINED_GROUP: Final = "{} joined the group {}"
OFFERED: Final = "{} offers the file {} to {}"
LISTED_ACTIVE: Final = "{} asked who is active"
NOW_ONLINE: Final = "messenger server: {} online"

# What the client asks and tells.
ASK_USERNAME: Final = "Username: "
ASK_PASSWORD: Final = "Password: "  # noqa: S105 - a question
WELCOME: Final = "Welcome to the messenger, {}!"
YOUR_GROUPS: Final = "Your groups: {}"
YOUR_INVITATIONS: Final = "You are invited to: {} (/joingroup NAME)"
PROMPT: Final = "Enter one of the following commands ({}):"
SENT: Final = "message sent at {time}"
MESSAGE: Final = "{time}, {sender}: {text}"
GROUP_MESSAGE: Final = "{time}, {group}, {sender}: {text}"
ACTIVE_USER: Final = "{name}, {address}, {udp_port}, active since {since}."
NOBODY_ACTIVE: Final = "no other active user"
CREATED: Final = "group {group} created, members: {members}"
JOINED: Final = "you joined the group {group}"
INVITED: Final = "{by} invited you to the group {group}: /joingroup {group}"
PONG: Final = "the server is there"
GOODBYE: Final = "Goodbye, {}!"
CLOSING: Final = "the server closes the connection: {message}"
ERROR: Final = "error: {message}"
UNKNOWN_COMMAND: Final = "unknown command {word}"
DID_YOU_MEAN: Final = "unknown command {word}: did you mean {near}?"
NO_COMMAND: Final = "commands begin with /: try /help"
BAD_NUMBER: Final = "{given!r} is not the number of a transfer: {usage}"
BAD_SECONDS: Final = "{given!r} is not a number of seconds: {usage}"
BAD_REGEX: Final = "{given} is not a regular expression: {reason}"
NOT_UTF8: Final = "line {number} of the input is not valid UTF-8"
WAIT_FAILED: Final = "waited {seconds:g} s in vain for {wanted}"
LOGIN_INCOMPLETE: Final = "the input ended before the login was complete"
LOST_CONNECTION: Final = "connection lost: {reason}"
INTERRUPTED: Final = "interrupted"
OUTPUT_FAILED: Final = "cannot write the output: {reason}"

# What the client tells of files.
OFFERED_TO: Final = "offered {name} ({size}) to {user}: transfer {number}"
ASKED: Final = "{user} wants to send you {name} ({size}): /accept {number} or /refuse {number}"
SENDING: Final = "{user} accepted {name} ({size}): transfer {number}"
RECEIVING: Final = "{user} sends you {name} ({size}): transfer {number}"
PROGRESS: Final = "{file}: {percent} of {size}, {rate}, {left} left{loss}"
PROGRESS_LOSS: Final = ", {loss} lost"
BAR_LOSS: Final = "{loss} lost"
STALLED: Final = "{file}: nothing heard from {user} for {seconds}, still trying"
DELIVERED: Final = "delivered {name} to {user}: {size}{resumed} in {seconds}, {rate}{figures}"
RECEIVED: Final = "received {name} from {user}: {path} ({size}{resumed} in {seconds}, {rate}{figures})"
PATH_FIGURES: Final = ", round trip {round_trip}, {again}"
RESUMED: Final = " ({resumed} were there already)"
SENT_AGAIN: Final = "{count} resent{loss}"
SENT_AGAIN_SHARE: Final = " ({loss})"
NOT_DELIVERED: Final = "{name} was not delivered to {user}: {message}"
NOT_RECEIVED: Final = "{name} from {user} was not received: {message}"
NO_TRANSFERS: Final = "no transfers yet"
TRANSFER_WAITS: Final = "waiting for {user}"
TRANSFER_ASKS: Final = "/accept {number} or /refuse {number}"
MORE_TRANSFERS: Final = "… and {count} more"
NO_SUCH_TRANSFER: Final = "there is no transfer {number}"
TRANSFER_ENDED: Final = "transfer {number} has ended already"
TRANSFER_ASKS_NOTHING: Final = "transfer {number} does not wait for an answer of yours"
ASK_BEFORE_LEAVING: Final = "{transfers} still running: wait (w), cancel (c), or stay (s)? "
ASK_WHILE_WAITING: Final = "waiting for {transfers}: cancel (c), or stay (s)? "
WAIT_WITHOUT_SERVER: Final = "waiting for {transfers} (Ctrl-C cancels): "
GOING_ON: Final = "{transfers} still running, which needs no server: waiting for the end"
ONE_TRANSFER: Final = "1 transfer"
TRANSFERS: Final = "{count} transfers"
