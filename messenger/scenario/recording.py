"""What was typed and seen, as lines of a scenario, pure. `retelling` and `chronicle` say which lines, and when."""

from __future__ import annotations

import re
from typing import Any, Callable, Collection, Dict, Final, Iterable, List, NamedTuple

from messenger import wording
from messenger.protocol.messages import (
    Active,
    Created,
    Error,
    Event,
    Goodbye,
    GroupMessage,
    Invited,
    Joined,
    Message,
    Pong,
    Sent,
    Welcome,
)
from messenger.protocol.text import clean
from messenger.scenario.model import SERVER
from messenger.scenario.pattern import KINDS, READ_IN_TEXT

SECRET_MIN: Final = 4
"""Characters from which on a password is hidden within words, too: a shorter one would tear up everything."""

WRONG_KEPT: Final = 64
"""Wrong passwords that are known at once, so that somebody who guesses for hours costs no more than others."""

WRONG: Final = "wrong password"
"""What a replay types where a wrong password was typed."""

NOBODY: Final = "nobody"
"""The name that a replay types where one was typed that is no account's, and may be a password at the wrong place."""

UNREPEATABLE: Final = frozenset(
    ("not_stored", "busy", "too_many_groups", "login_in_progress", "bad_protocol", "logged_in_already", "read_failed",
     "unknown_transfer", "transfer_ended", "not_asked")
)  # fmt: skip
"""Codes of refusals whose reasons lie outside of what a scenario can bring about."""

FILE_TYPED: Final = "video.mp4"
"""A file in the place of one whose name cannot stand in a scenario, or is not known."""

_RESERVED: Final = (SERVER, "editor", "pipe")
_MARK: Final = "\0"
_UNSAFE: Final = re.compile("[\\\\\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]")
_BLOCK_SECONDS: Final = re.compile(r"\d+ s\Z")
_PLAIN_FILE: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_ .,()+-]*[A-Za-z0-9_)])?", re.ASCII)
_QUICK_BYTES: Final = 10_000_000
"""Up to this size a file is there within the time that any step may take."""


class Blank(str):
    """What differs from play to play, between the words of a sentence: `{kind}` or `${value}` of a pattern."""

    __slots__ = ()

    def __new__(cls, written: str) -> Blank:
        """`written` as it stands in a scenario."""
        return super().__new__(cls, f"{_MARK}{written}{_MARK}")


TIME: Final = Blank("{time}")
PORT: Final = Blank("{port}")
ADDRESS: Final = Blank("{address}")
NUMBER: Final = Blank("{number}")
TEXT: Final = Blank("{text}")


def sentence(template: str, **fields: object) -> str:
    """Fill in one of the sentences of `messenger.wording`, as people see it: `Blank`s stay what they are."""
    return template.format(**{name: one if isinstance(one, Blank) else clean(str(one)) for name, one in fields.items()})


def sights(events: Iterable[Event], user: str) -> List[str]:
    """Return the lines that `user` sees of these events; none for what concerns files, or nobody.

    A name may end with another one: the longer comes first, or the shorter would be found in its line.
    """
    lines = [line for event in events for line in _sights(event, user)]
    return sorted(lines, key=len, reverse=True) if len(lines) > 1 else lines


def refusal(error: Error, is_secret: bool = False) -> str:
    """Return the line that tells of a refusal; of one that may repeat a part of a secret, only that it is one."""
    line = sentence(wording.ERROR, message=TEXT) if is_secret else sentence(wording.ERROR, message=error.message)
    return _BLOCK_SECONDS.sub(f"{NUMBER} s", line) if error.code == "blocked" else line


def member_refusals(message: str, users: Iterable[str]) -> Dict[str, bool]:
    """Return which of these users were online when a group could not be made of them; who does not exist is left out.

    `message` is the refusal `members_unavailable`, which names everyone who was not.
    """
    reasons = set(message.partition(": ")[2].split("; "))
    known = [user for user in users if f"there is no user {clean(user)}" not in reasons]
    return {user: f"{clean(user)} is not online" not in reasons for user in known}


class Pen:
    """Writes lines. A right password is written as what a replay puts in its place, a wrong one not at all."""

    def __init__(self) -> None:
        self._right: Dict[str, Blank] = {}
        self._wrong: List[str] = []

    def guard(self, user: str, password: str) -> None:
        """Know this password from now on: it is that of `user`."""
        if password:
            self._right[password] = Blank(f"${{password:{user}}}")
            self._wrong = [wrong for wrong in self._wrong if wrong != password]

    def guard_wrong(self, password: str) -> None:
        """Know this password from now on: somebody took it for the right one, which it may be somewhere else."""
        if password and password not in self._right and password not in self._wrong:
            self._wrong = [*self._wrong[1 - WRONG_KEPT :], password]

    def publish(self, text: str) -> None:
        """What stands in this text is known to others as a name, and so no secret, even if somebody typed it as one."""
        self._wrong = [wrong for wrong in self._wrong if wrong not in text]

    def holds_wrong(self, text: str) -> bool:
        """Whether there is a wrong password in a text."""
        return any(_found(secret, text) for secret in self._wrong)

    def holds_secret(self, text: str) -> bool:
        """Whether there is any password in a text."""
        return self.holds_wrong(text) or any(_found(secret, text) for secret in self._right)

    def types(self, program: str, line: str) -> str:
        """Somebody types a line."""
        pieces = self._hidden(line.replace(_MARK, "␀")).split(_MARK)
        pieces[::2] = [_UNSAFE.sub(_escape, piece).replace("${", "${dollar}{") for piece in pieces[::2]]
        pieces[1::2] = ["(hidden)" if piece == "{text}" else piece for piece in pieces[1::2]]
        typed = "".join(pieces)
        return f"{program} > {typed[:-1]}\\x20" if typed.endswith(" ") else f"{program} > {typed}"

    def sees(self, program: str, text: str, seconds: float = 0) -> str:
        """Somebody sees a line, within so many seconds (0: the usual ones)."""
        return f"{program} <{f'{seconds:g}' if seconds else ''} {_pattern(self._hidden(text).split(_MARK))}"

    def remark(self, text: str) -> str:
        """What a replay passes over."""
        return "# " + clean(self._hidden(clean(text)).replace(_MARK, ""))

    def _hidden(self, text: str) -> str:
        """Put `Blank`s in the place of passwords, the longest first."""
        found = [(secret, blank) for secret, blank in self._right.items() if secret in text]
        found += [(secret, TEXT) for secret in self._wrong if secret in text]
        for secret, blank in sorted(found, key=lambda one: -len(one[0])):
            pieces = text.split(_MARK)
            pieces[::2] = [_secret(secret).sub(blank, piece) for piece in pieces[::2]]
            text = _MARK.join(pieces)
        return text


class Party(NamedTuple):
    """Who takes part in something: a program of the play, and the user logged in there."""

    program: str
    user: str


def free_name(user: str, taken: Collection[str]) -> str:
    """Return a name for a program of this user: the user's own if that can be an actor's and is not taken."""
    name, number = user, 1
    while name in _RESERVED or name in taken:
        number += 1
        name = f"{user[:28]}.{number}"
    return name


def starts(word: str, party: Party, options: str = "") -> str:
    """A client is started: by `@actor`, logged in as its user, or by `@client`."""
    other = f" as={party.user}" if word == "@actor" and party.user != party.program else ""
    return f"{word} {party.program}{other}{' ' if options else ''}{options}"


def file_typed(pen: Pen, name: str) -> str:
    """Return the name under which a replay sends a file: its own, if that can stand in a scenario."""
    return name if _PLAIN_FILE.fullmatch(name) and not pen.holds_secret(name) else FILE_TYPED


def says(pen: Pen, program: str, head: str, text: str) -> str:
    """Somebody types a command that was carried out: what stands before `text` are names."""
    pen.publish(head)
    return pen.types(program, f"{head}{text}")


def sends_file(pen: Pen, sender: Party, receiver: Party, name: str, size: int) -> List[str]:
    """A file of this size, and of whatever content, is made and sent."""
    return [
        f"@make {sender.program}/{name} {size} bytes",
        pen.types(sender.program, f"/p2pvideo {receiver.user} {name}"),
    ]


def gets_file(sender: Party, receiver: Party, name: str, size: int) -> List[str]:
    """Both see that a file has arrived."""
    seconds = f"{10 + size // 1_000_000}" if size > _QUICK_BYTES else ""
    return [
        f"{receiver.program} <{seconds} {_beginning(wording.RECEIVED, name, sender.user)}",
        f"{sender.program} <{seconds} {_beginning(wording.DELIVERED, name, receiver.user)}",
    ]


def _beginning(template: str, name: str, user: str) -> str:
    return template.partition(":")[0].format(name=name, user=user)


def _secret(secret: str) -> re.Pattern[str]:
    source = re.escape(secret)
    return re.compile(source if len(secret) >= SECRET_MIN else rf"(?<!\w){source}(?!\w)")


def _found(secret: str, text: str) -> bool:
    return secret in text and _secret(secret).search(text) is not None


def _pattern(pieces: List[str]) -> str:
    text = "".join(pieces)
    is_regex = len(text) > 2 and text[0] == text[-1] == "/"
    if not is_regex and READ_IN_TEXT.findall(text) == pieces[1::2]:
        return text
    pieces[::2] = [re.escape(piece).replace("\\ ", " ") for piece in pieces[::2]]
    pieces[1::2] = [f"(?:{KINDS[piece[1:-1]]})" if piece[0] == "{" else piece for piece in pieces[1::2]]
    return f"/^{''.join(pieces)}$/"


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return "\\\\" if found[0] == "\\" else f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _sights(event: Event, user: str) -> List[str]:
    if isinstance(event, Goodbye):
        return [sentence(wording.GOODBYE.replace("{}", "{user}"), user=user)]
    tell = _SIGHTS.get(type(event))
    return [] if tell is None else tell(event)


def _active(event: Active) -> List[str]:
    fields = {"address": ADDRESS, "udp_port": PORT, "since": TIME}
    return [sentence(wording.ACTIVE_USER, name=user.name, **fields) for user in event.users] or [wording.NOBODY_ACTIVE]


def _welcome(event: Welcome) -> List[str]:
    """Without the first line, which is what a login waits for."""
    both = ((wording.YOUR_GROUPS, event.groups), (wording.YOUR_INVITATIONS, event.invitations))
    return [sentence(template.replace("{}", "{names}"), names=", ".join(names)) for template, names in both if names]


def welcome(user: str) -> str:
    """Return the line that a login waits for."""
    return sentence(wording.WELCOME.replace("{}", "{user}"), user=user)


_SIGHTS: Final[Dict[type, Callable[[Any], List[str]]]] = {
    Message: lambda one: [sentence(wording.MESSAGE, time=TIME, sender=one.sender, text=one.text)],
    GroupMessage: lambda one: [
        sentence(wording.GROUP_MESSAGE, time=TIME, group=one.group, sender=one.sender, text=one.text)
    ],
    Sent: lambda one: [sentence(wording.SENT, time=TIME)],
    Active: _active,
    Created: lambda one: [sentence(wording.CREATED, group=one.group, members=", ".join(one.members))],
    Joined: lambda one: [sentence(wording.JOINED, group=one.group)],
    Invited: lambda one: [sentence(wording.INVITED, group=one.group, by=one.by)],
    Pong: lambda one: [wording.PONG],
    Welcome: _welcome,
    Error: lambda one: [refusal(one)],
}
