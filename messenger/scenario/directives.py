"""The lines that begin with @: what each may hold, and what it makes of the scenario."""

from __future__ import annotations

import re
from typing import Callable, Dict, Final

from messenger.config import ATTEMPTS_MAX
from messenger.scenario.model import (
    SERVER,
    Answered,
    BadAttempts,
    Client,
    Control,
    Ends,
    FileCheck,
    LogIn,
    Make,
    Sleep,
    Start,
)
from messenger.scenario.pattern import Pattern
from messenger.scenario.reader import Line, Reader

DRIVERS: Final = ("terminal", "library")
UNITS: Final[Dict[str, int]] = {
    "bytes": 1, "byte": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30,
}  # fmt: skip
CONTENTS: Final = ("random", "zeros", "text")
CONTROLS: Final = ("kill", "stop", "pause", "slow", "hold", "resume", "interrupt", "eof", "garbage", "start")

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}\Z")
_SQUEEZED_SIZE: Final = re.compile(r"\b(\d+)([A-Za-z]+)\b", re.ASCII)
_SIZE: Final = re.compile(r"(.+) (\d+) (\w+)(?: (\w+))?\Z", re.ASCII)
_CHECK: Final = re.compile(
    r"(.+?) (?:(has|lacks) (.+)|same as (.+)|lines (\S+)|over (\S+) (\S+)|(exists|missing))\Z", re.DOTALL
)
_SEPARATOR: Final = re.compile(r"[,\s]+")


def _server(reader: Reader, line: Line) -> None:
    reader.only_before_steps("@server")
    setup = reader.scenario.server
    setup.is_own = True
    words, setup.options = reader.options(line.rest)
    for word in words.split():
        key, _, value = word.partition("=")
        if key != "attempts":
            raise reader.wrong(f"expected attempts=NUMBER or options that begin with --, not {word}")
        setup.attempts = reader.whole(value, "attempts=NUMBER", 1, ATTEMPTS_MAX)


def _account(reader: Reader, line: Line) -> None:
    reader.only_before_steps("@account")
    name, _, password = line.rest.partition(" ")
    if not _NAME.match(name) or not password.strip():
        raise reader.wrong("expected @account NAME PASSWORD")
    reader.scenario.accounts[name] = password
    reader.scenario.server.is_own = True


def _tags(reader: Reader, line: Line) -> None:
    if not line.rest:
        raise reader.wrong("expected @tags TAG, TAG …")
    reader.scenario.tags = tuple(filter(None, _SEPARATOR.split(line.rest)))


def _timeout(reader: Reader, line: Line) -> None:
    reader.scenario.timeout = reader.seconds(line.rest, "@timeout SECONDS")


def _only(reader: Reader, line: Line) -> None:
    driver, _, reason = line.rest.partition(" ")
    driver = driver.removesuffix(":")
    if driver not in DRIVERS or not reason.strip():
        raise reader.wrong("expected @only terminal: REASON, or @only library: REASON")
    reader.scenario.only, reader.scenario.only_reason = driver, reason.strip()


def _marks(reader: Reader, line: Line) -> None:
    number, _, feature = line.rest.partition(" ")
    if not feature.strip():
        raise reader.wrong("expected @marks NUMBER FEATURE")
    reader.scenario.marks = (reader.whole(number, "@marks NUMBER FEATURE", most=1000), feature)


def _start(reader: Reader, line: Line) -> None:
    knew_all, reader.knows_all = reader.knows_all, False
    before, options = reader.options(line.rest)
    words = before.replace(",", " ").split()
    names = [word for word in words if "=" not in word and word not in ("editor", "pipe")]
    settings = dict(word.split("=", 1) for word in words if "=" in word)
    if set(settings) - {"as", "in"} or not names:
        raise reader.wrong("expected one or more names, then as=USER, in=FOLDER, editor, pipe, or --options")
    if "as" in settings and len(names) > 1:
        raise reader.wrong("as=USER is for one name: nobody is logged in twice")
    for name in [*names, settings.get("as", names[0])]:
        if not _NAME.match(name) or (name == SERVER and name in names):  # a user may be called so, no actor
            raise reader.wrong(f"{name} cannot be the name of an actor")
        if names.count(name) > 1:
            raise reader.wrong(f"{name} stands there twice")
    screen = next((word for word in words if word in ("editor", "pipe")), "plain")
    logs_in = line.word == "actor"
    clients = tuple(
        Client(name, settings.get("as", name), settings.get("in", name), logs_in, screen, options) for name in names
    )
    reader.add(Start(line.place, line.text, clients))
    reader.knows_all = knew_all


def _log_in(reader: Reader, line: Line) -> None:
    actor, _, password = line.rest.partition(" ")
    if not password:
        raise reader.wrong(f"expected @{line.word} NAME PASSWORD")
    reader.known(actor, server=False)
    reader.add(LogIn(line.place, line.text, actor, password, line.word == "login"))


def _bad_attempts(reader: Reader, line: Line) -> None:
    if reader.clients:
        raise reader.wrong("@bad-attempts must come before the first client: it ends the server")
    reader.scenario.server.is_own = reader.scenario.server.is_controlled = True
    reader.add(BadAttempts(line.place, line.text, line.rest))


def _answered(reader: Reader, line: Line) -> None:
    name, _, rest = line.rest.partition(" ")
    if not name or rest not in ("", "or ends"):
        raise reader.wrong("expected @answered NAME [or ends]")
    reader.known(name, server=False)
    reader.add(Answered(line.place, line.text, name, bool(rest)))


def _make(reader: Reader, line: Line) -> None:
    found = _SIZE.match(line.rest)
    content = (found and found[4]) or "random"
    usage = f"@make FILE NUMBER UNIT [{'|'.join(CONTENTS)}], where UNIT is one of {', '.join(UNITS)}"
    if found is None or found[3] not in UNITS or content not in CONTENTS:
        raise reader.wrong(f"expected {usage}{_with_blank(line.rest)}")
    size = reader.whole(found[2], "a NUMBER in " + usage) * UNITS[found[3]]
    reader.add(Make(line.place, line.text, found[1], size, content))


def _with_blank(text: str) -> str:
    """Return what is said of a size without a blank in it, if there is one."""
    found = _SQUEEZED_SIZE.search(text)
    return f"; {found[0]} is written {found[1]} {found[2]}" if found is not None and found[2] in UNITS else ""


def _write(reader: Reader, line: Line) -> None:
    if not line.rest:
        raise reader.wrong("expected @write FILE, and lines that begin with |")
    lines = []
    written = reader.next_line("|")
    while written is not None:
        lines.append(reader.unescape(written[1:].removeprefix(" ")))
        written = reader.next_line("|")
    reader.add(Make(line.place, line.text, line.rest, lines=tuple(lines)))


def _file(reader: Reader, line: Line) -> None:
    found = _CHECK.match(line.rest)
    if found is None or (found[7] or "byte") not in UNITS:
        raise reader.wrong(
            "expected @file NAME and one of: has LINE, lacks LINE, same as NAME, lines NUMBER, over NUMBER UNIT, "
            f"exists, missing; UNIT is one of {', '.join(UNITS)}{_with_blank(line.rest)}"
        )
    path, word, text, other, count, size, unit, state = found.groups()
    if word:
        quoted = len(text) > 1 and text[0] == text[-1] == '"'
        check = FileCheck(line.place, line.text, path, word, Pattern(text[1:-1] if quoted else text))
    elif other:
        check = FileCheck(line.place, line.text, path, "same", other=other)
    elif count:
        check = FileCheck(line.place, line.text, path, "lines", count=reader.whole(count, "lines NUMBER"))
    elif size:
        least = reader.whole(size, "over NUMBER UNIT") * UNITS[unit]
        check = FileCheck(line.place, line.text, path, "over", count=least)
    else:
        check = FileCheck(line.place, line.text, path, state)
    reader.add(check)


def _ends(reader: Reader, line: Line) -> None:
    words = line.rest.split()
    if not 1 <= len(words) <= 2:
        raise reader.wrong("expected @ends NAME [STATUS]")
    status = reader.whole(words[1], "@ends NAME [STATUS]", most=255) if len(words) > 1 else None
    _take_control(reader, words[0])
    reader.add(Ends(line.place, line.text, words[0], status))


def _control(reader: Reader, line: Line) -> None:
    if line.word == "start" and line.rest != SERVER:
        raise reader.wrong("only the server is started by @start; clients by @actor or @client")
    if line.word == "hold" and line.rest != SERVER:
        raise reader.wrong("only the server's terminal is paused by @hold")
    names = [name for name in _SEPARATOR.split(line.rest) if name]
    if not names:
        raise reader.wrong(f"expected @{line.word} NAME")
    for name in names:
        _take_control(reader, name, server=line.word not in ("eof", "interrupt", "garbage"))
        if line.word == "slow" and name != SERVER and reader.clients[name].screen != "pipe":
            raise reader.wrong(f"{name} has a terminal; slowed down is who has a pipe: @actor {name} pipe")
        reader.add(Control(line.place, line.text, line.word, name))


def _take_control(reader: Reader, name: str, server: bool = True) -> None:
    reader.known(name, server)
    if name == SERVER:
        reader.scenario.server.is_own = reader.scenario.server.is_controlled = True


def _sleep(reader: Reader, line: Line) -> None:
    reader.add(Sleep(line.place, line.text, reader.seconds(line.rest, "@sleep SECONDS")))


def _together(reader: Reader, line: Line) -> None:
    (reader.begin_together if line.word == "together" else reader.end_together)()
    if line.rest:
        raise reader.wrong(f"expected @{line.word} alone on its line")


DIRECTIVES: Final[Dict[str, Callable[[Reader, Line], None]]] = {
    "server": _server,
    "account": _account,
    "actor": _start,
    "client": _start,
    "login": _log_in,
    "refused": _log_in,
    "bad-attempts": _bad_attempts,
    "answered": _answered,
    "make": _make,
    "write": _write,
    "file": _file,
    "ends": _ends,
    **dict.fromkeys(CONTROLS, _control),
    "together": _together,
    "done": _together,
    "timeout": _timeout,
    "tags": _tags,
    "only": _only,
    "marks": _marks,
    "sleep": _sleep,
}
"""By the word after the @."""
