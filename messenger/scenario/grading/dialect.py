r"""How a program that is graded words what has to be understood of it: the dialect file.

A file of `key = value` lines; what it leaves out is as below, which suits most programs. REGEX is a regular
expression that is searched for in what a client shows, whether in capitals or not. Colours are taken out before.

    first = TEXT             what is typed before anything else, if the program wants that: `first = login`
    username = REGEX         the question for the user name; it may stand before the cursor or on a line of its own
    password = REGEX         the question for the password
    welcome = REGEX          what is shown to somebody who is let in, after the password: words like welcome, success,
                             logged in, or a command's name
    blocked = REGEX          what is shown to somebody who is blocked, if the program may go on running
    prompt = REGEX           what a prompt looks like; it need not be said if it is the same after each command
    ignore = REGEX           lines that say nothing, as dashes and lists of commands that change
    joins = REGEX            a line with this in it goes on in the next one: `joins = message from .*:$`
    barrier = COMMAND        a command that the server answers and that leaves no trace; /activeuser unless told
                             otherwise. It is typed to find out whether everything before it has had its effect
    barrier_answer = REGEX   its answer; nothing that looks like it may take a second or two longer, and what looks
                             like it then is nothing that a scenario asks for
    ready = REGEX            what the server prints when it is ready; if not given, its port is watched
    line_end = cr            what Enter sends: cr, lf or crlf
    ports = 10000-31999      from where ports are taken
    credentials = NAME       what the server wants its file of users called: credentials.txt
    msgto = WORD             the program's word for a command: `msgto = /send`, and the same for activeuser,
                             creategroup, joingroup, groupmsg, p2pvideo and logout

What is searched for is lines of text, so a program with a full-screen interface cannot be graded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import Dict, Final, List, Mapping, Tuple

from messenger.errors import ConfigError
from messenger.scenario.dialect import Dialect
from messenger.scenario.grading.settings import Setting, parse_settings
from messenger.scenario.pattern import Pattern

COMMANDS: Final = ("msgto", "activeuser", "creategroup", "joingroup", "groupmsg", "p2pvideo", "logout")

LISTENING: Final = "«the server listens on port {}»"
LOGGED_IN: Final = "«logged in»"
NOT_LET_IN: Final = "«not let in»"
SETTLED: Final = "«everything has had its effect»"
"""What is noticed of a program is put among the lines that it shows, in words that no program uses."""

BARRIER: Final = "«barrier»"
"""What the player types for the barrier command."""

_LINE_ENDS: Final = {"cr": "\r", "lf": "\n", "crlf": "\r\n"}
_PORTS: Final = re.compile(r"(\d{1,5})\s*-\s*(\d{1,5})\Z")
_FEWEST_PORTS: Final = 1000
_NO_COMMAND: Final = r"^(?!.*/[a-z]).*"
"""What tells of a command, as an invitation does, asks for nothing."""

_REGEXES: Final = (
    "username", "password", "welcome", "blocked", "prompt", "ignore", "joins", "barrier_answer", "ready",
)  # fmt: skip


@dataclass(frozen=True)
class ForeignDialect:
    """The words of a program; each field is a key of the file."""

    first: str = ""
    username: str = (
        rf"{_NO_COMMAND}((user ?-?name|user ?id|user|login|log in|name)[^a-z.!]*$|(user ?-?name|login)\b.*[:>?]\s*$)"
    )
    password: str = rf"{_NO_COMMAND}(pass ?-?(word|code)[^a-z.!]*$|pass ?-?word\b.*[:>?]\s*$)"
    welcome: str = ""
    blocked: str = r"block|locked|too many|try again later"
    prompt: str = ""
    ignore: str = ""
    joins: str = ""
    barrier: str = "/activeuser"
    barrier_answer: str = (
        r"\bactive\b|\bonline\b|\bno (one|body|other|user)|\bnobody\b|\balone\b|\bonly\b|\bnone\b|127\.0\.0\.1|::1"
    )
    ready: str = ""
    line_end: str = "\r"
    ports: Tuple[int, int] = (10000, 31999)
    credentials: str = "credentials.txt"
    commands: Mapping[str, str] = field(default_factory=dict)
    """The program's words for commands, by the usual ones with their slash."""

    def command(self, line: str) -> str:
        """Return a line with the program's own word for the command that begins it."""
        word, blank, rest = line.partition(" ")
        return self.commands.get(word, word) + blank + rest

    @property
    def welcome_or_usual(self) -> str:
        """What tells that somebody was let in."""
        names = "|".join(re.escape(self.command(f"/{name}")) for name in ("msgto", "activeuser"))
        refusals = r"invalid|incorrect|wrong|fail|denied|already|unsuccessful|\bnot\b"
        usual = rf"^(?!.*({refusals})).*(welcome|success|logged in|logged on|signed in|hello|{names})"
        return self.welcome or usual

    def for_player(self) -> Dialect:
        """Return what the player has to know: what is noticed of such programs is put among their lines."""
        return Dialect(
            username=self.username,
            password=self.password,
            ready=Pattern("/" + LISTENING.format("(?P<server_port>[0-9]+)") + "/"),
            welcome=Pattern(LOGGED_IN),
            barrier=BARRIER,
            answer=Pattern(SETTLED),
            refused=Pattern(NOT_LET_IN),
        )


def read_dialect(text: str, path: str) -> ForeignDialect:
    """Read a dialect file; raises `ConfigError`."""
    values: Dict[str, object] = {}
    commands: Dict[str, str] = {}
    for setting in parse_settings(text, path):
        if setting.key in COMMANDS:
            commands[f"/{setting.key}"] = setting.value
        else:
            values[setting.key] = _read(setting)
    return ForeignDialect(commands=commands, **values)  # type: ignore[arg-type]  # _read has checked keys and types


def _read(setting: Setting) -> object:
    place, key, value = setting
    if key not in _keys():
        raise ConfigError(f"{place}: there is no key {key}; there are {', '.join([*_keys(), *COMMANDS])}")
    if key in _REGEXES:
        try:
            re.compile(value)
        except re.error as error:
            raise ConfigError(f"{place}: {value} is not a regular expression: {error}") from None
        return value
    if key == "line_end":
        if value not in _LINE_ENDS:
            raise ConfigError(f"{place}: expected line_end = {' or '.join(_LINE_ENDS)}, not {value}")
        return _LINE_ENDS[value]
    if key == "ports":
        found = _PORTS.match(value)
        low, high = (int(found[1]), int(found[2])) if found else (0, 0)
        if not 1024 <= low <= high - _FEWEST_PORTS <= 65535 - _FEWEST_PORTS:
            raise ConfigError(f"{place}: expected ports = LOW-HIGH, {_FEWEST_PORTS} or more of 1024 to 65535")
        return low, high
    return value


def _keys() -> List[str]:
    return [field.name for field in fields(ForeignDialect) if field.name != "commands"]
