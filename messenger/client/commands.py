"""Typed lines to commands, pure: what a line means follows from the request types of `messenger.protocol.messages`.

The commands of the chat are requests to the server. The client carries out the few that stand here itself.
"""

from __future__ import annotations

import difflib
import math
import re
import textwrap
from typing import Annotated, Any, Dict, Final, List, NamedTuple, Pattern, Tuple, Type, Union

from msgspec import Meta, Struct

from messenger import wording
from messenger.errors import MessengerError
from messenger.protocol.messages import ActiveUser, CreateGroup, GroupMsg, JoinGroup, Logout, MsgTo, Ping, UserName
from messenger.protocol.text import clean
from messenger.protocol.usage import Argument, arguments, command_name, help_line, usage

FileName = Annotated[str, Meta(title="FILE")]
TransferNumber = Annotated[int, Meta(title="ID")]

WAIT_SECONDS: Final = 10.0
"""How long `/wait` waits unless told otherwise."""


class P2pVideo(Struct, tag="p2pvideo"):
    """Send a file to a user who is online."""

    user: UserName
    file: FileName


class Help(Struct, tag="help"):
    """Show this list."""


class Wait(Struct, tag="wait"):
    """Wait until a text or /a regex/ is seen.

    The search goes on from the last match.
    """

    wanted: Annotated[str, Meta(title="[--timeout SECONDS] TEXT|/REGEX/")]
    seconds: float = WAIT_SECONDS

    def pattern(self) -> Pattern[str]:
        """Return what to search for."""
        return re.compile(self.wanted[1:-1] if _is_regex(self.wanted) else re.escape(self.wanted), re.MULTILINE)


class Sleep(Struct, tag="sleep"):
    """Do nothing for a while.

    `/wait` is better wherever there is something to wait for.
    """

    seconds: Annotated[float, Meta(title="SECONDS")]


class ListTransfers(Struct, tag="transfers"):
    """List the files that are on their way, and the last ones that were."""


class Cancel(Struct, tag="cancel"):
    """End a transfer on both sides."""

    number: TransferNumber


class Accept(Struct, tag="accept"):
    """Accept a file that waits for your answer."""

    number: TransferNumber


class Refuse(Struct, tag="refuse"):
    """Refuse a file that waits for your answer."""

    number: TransferNumber


CHAT_COMMANDS: Final[Tuple[Type[Any], ...]] = (MsgTo, ActiveUser, CreateGroup, JoinGroup, GroupMsg, P2pVideo, Logout)
"""The seven of every prompt, in its order."""

_NUMBERED: Final[Tuple[Type[Any], ...]] = (Accept, Refuse, Cancel)

ALL_COMMANDS: Final[Tuple[Type[Any], ...]] = (*CHAT_COMMANDS, Help, ListTransfers, *_NUMBERED, Ping, Wait, Sleep)

BY_NAME: Final[Dict[str, Type[Any]]] = {command_name(kind): kind for kind in ALL_COMMANDS}


class CommandError(MessengerError):
    """A line that is no command, or one about a transfer that cannot be carried out: `code` is for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ServerCommand(NamedTuple):
    """A request to be sent, and its fields besides the id."""

    kind: Type[Any]
    fields: Dict[str, Any]


FileCommand = Union[P2pVideo, ListTransfers, Cancel, Accept, Refuse]
LocalCommand = Union[FileCommand, Help, Wait, Sleep]


def parse(line: str) -> Union[ServerCommand, LocalCommand]:
    """Read one line; raises `CommandError` with a sentence for whoever typed it."""
    word, _, rest = line.lstrip(" ").partition(" ")
    kind = BY_NAME.get(word)
    if kind is None:
        raise _unknown(word)
    if kind is Wait:
        return _parse_wait(rest)
    if kind is Sleep:
        return Sleep(_seconds(rest.strip(" "), Sleep))
    fields: Dict[str, Any] = {}
    for argument in arguments(kind):
        fields[argument.field], rest = _take(argument, rest)
        if not argument.is_list and (not fields[argument.field] or fields[argument.field].isspace()):
            raise _misused(kind)
    if rest.strip(" "):
        raise _misused(kind)
    if kind in _NUMBERED:
        return kind(_number(fields["number"], kind))  # type: ignore[no-any-return]  # each of them is a LocalCommand
    return kind(**fields) if kind in (P2pVideo, Help, ListTransfers) else ServerCommand(kind, fields)


def help_lines() -> List[str]:
    """Return what `/help` shows: usage and meaning of every command."""
    usages = {kind: usage(kind) for kind in ALL_COMMANDS}
    width = max(len(usages[kind]) for kind in CHAT_COMMANDS)  # longer ones would push everything off the screen
    return [f"{usages[kind]:{width}}  {help_line(kind)}" for kind in ALL_COMMANDS]


def prompt_lines(columns: int) -> str:
    """Return the list of commands that stands at every prompt, folded between words for so many columns."""
    line = wording.PROMPT.format(", ".join(command_name(kind) for kind in CHAT_COMMANDS))
    return "\n".join(textwrap.wrap(line, max(columns - 1, 20), break_on_hyphens=False))


def _take(argument: Argument, rest: str) -> Tuple[Any, str]:
    if argument.is_rest:
        return rest, ""
    if argument.is_list:
        return [word for word in rest.split(" ") if word], ""
    word, _, rest = rest.lstrip(" ").partition(" ")
    return word, rest


def _parse_wait(rest: str) -> Wait:
    seconds = WAIT_SECONDS
    if rest.startswith("--timeout "):
        given, _, rest = rest[len("--timeout ") :].lstrip(" ").partition(" ")
        seconds = _seconds(given, Wait)
    if rest.strip(" ") in ("", "--timeout"):
        raise _misused(Wait)
    wait = Wait(rest, seconds)
    try:
        wait.pattern()
    except re.error as error:
        raise CommandError("usage", wording.BAD_REGEX.format(given=clean(rest), reason=error)) from None
    return wait


def _seconds(text: str, kind: Type[Any]) -> float:
    if not text:
        raise _misused(kind)
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise CommandError("usage", wording.BAD_SECONDS.format(given=clean(text), usage=usage(kind)))
    return seconds


def _number(text: str, kind: Type[Any]) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise CommandError("usage", wording.BAD_NUMBER.format(given=clean(text), usage=usage(kind)))
    return int(text)


def _is_regex(text: str) -> bool:
    return len(text) > 2 and text.startswith("/") and text.endswith("/")


def _misused(kind: Type[Any]) -> CommandError:
    return CommandError("usage", wording.REFUSALS["usage"].format(usage=usage(kind)))


def _unknown(word: str) -> CommandError:
    shown = clean(word[:64])
    if not word.startswith("/"):
        return CommandError("unknown_command", wording.NO_COMMAND)
    near = difflib.get_close_matches(word.lower(), BY_NAME, n=1, cutoff=0.7)
    if near:
        return CommandError("unknown_command", wording.DID_YOU_MEAN.format(word=shown, near=near[0]))
    return CommandError("unknown_command", wording.UNKNOWN_COMMAND.format(word=shown))
