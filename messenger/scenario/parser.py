"""Text to scenario, pure: the grammar of the package's docstring. What is wrong is told with file, line and what was
expected."""

from __future__ import annotations

import re
import shlex
from typing import Callable, Dict, Final, List, NamedTuple, Optional, Tuple

from messenger.errors import MessengerError
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
    Miss,
    Place,
    Scenario,
    See,
    SimpleStep,
    Sleep,
    Start,
    Together,
    Type,
)
from messenger.scenario.pattern import BadPattern, Pattern

DRIVERS: Final = ("terminal", "library")
UNITS: Final[Dict[str, int]] = {
    "bytes": 1, "byte": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30,
}  # fmt: skip
CONTENTS: Final = ("random", "zeros", "text")
CONTROLS: Final = ("kill", "stop", "pause", "resume", "interrupt", "eof", "garbage", "start")

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}\Z")
_STEP: Final = re.compile(r"(\S+)\s+(>|<<|<|!)(\d+(?:\.\d+)?)?(?: (.*))?\Z", re.DOTALL)
_WITHOUT_ENTER: Final = re.compile(r"(?:[^\\]|\\.)*\\\Z")
_ESCAPE: Final = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|(.?))", re.DOTALL)


class BadScenario(MessengerError, ValueError):
    """A file that is no scenario: `place` and a sentence."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(f"{place}: {message}")
        self.place = place


def parse(text: str, path: str) -> Scenario:
    """Read a scenario; raises `BadScenario`."""
    return _Parser(text, path).parse()


class _Line(NamedTuple):
    place: Place
    text: str
    words: str
    """What follows the directive."""


class _Parser:
    def __init__(self, text: str, path: str) -> None:
        self._lines = text.removesuffix("\n").split("\n") if text else []
        self._scenario = Scenario(path)
        self._place = Place(path, 1)
        self._clients: Dict[str, Client] = {}
        self._together: Optional[List[SimpleStep]] = None
        self._together_at = self._place
        self._at = 0

    def parse(self) -> Scenario:
        self._read_claim()
        while self._at < len(self._lines):
            self._place = Place(self._scenario.path, self._at + 1)
            line = self._lines[self._at].removesuffix("\r")
            self._at += 1
            if line.strip() and not line.startswith("#"):
                try:
                    self._read_line(line)
                except BadPattern as error:
                    raise self._wrong(str(error)) from None
        if self._together is not None:
            raise BadScenario(self._together_at, "@together has no @done")
        return self._scenario

    def _read_claim(self) -> None:
        claim = []
        for line in self._lines:
            if not line.startswith("#"):
                break
            claim.append(line.lstrip("#").strip())
        self._scenario.claim = " ".join(claim).strip()

    def _read_line(self, line: str) -> None:
        if not line.startswith("@"):
            self._add(self._read_step(line))
            return
        word, _, rest = line[1:].partition(" ")
        read = _DIRECTIVES.get(word)
        if read is None:
            raise self._wrong(f"there is no @{word}; there are {', '.join('@' + known for known in _DIRECTIVES)}")
        read(self, _Line(self._place, line, rest.strip(" ")))

    def _read_step(self, line: str) -> SimpleStep:
        found = _STEP.match(line)
        if found is None:
            raise self._wrong("expected NAME > LINE, NAME < TEXT, NAME << TEXT, NAME ! TEXT, or a word with @")
        actor, sign, seconds, text = found.groups()
        self._known(actor, server=sign != ">")
        if seconds is not None and not sign.startswith("<"):
            raise self._wrong("only < and << may have seconds")
        text = text or ""
        if sign == ">":
            enter = _WITHOUT_ENTER.match(text) is None
            return Type(self._place, line, actor, self._unescape(text if enter else text[:-1]), enter)
        if sign == "!":
            return Miss(self._place, line, actor, Pattern(text))
        return See(self._place, line, actor, Pattern(text), float(seconds) if seconds else None, sign == "<<")

    # ---- directives -----------------------------------------------------------------------------------------

    def _server(self, line: _Line) -> None:
        self._only_before_steps("@server")
        setup = self._scenario.server
        setup.is_own = True
        words, setup.options = self._options(line.words)
        for word in words:
            key, _, value = word.partition("=")
            if key != "attempts" or not value.isdigit():
                raise self._wrong(f"expected attempts=N or options that begin with --, not {word}")
            setup.attempts = int(value)

    def _account(self, line: _Line) -> None:
        self._only_before_steps("@account")
        name, _, password = line.words.partition(" ")
        if not _NAME.match(name) or not password.strip():
            raise self._wrong("expected @account NAME PASSWORD")
        self._scenario.accounts[name] = password
        self._scenario.server.is_own = True

    def _tags(self, line: _Line) -> None:
        self._scenario.tags = tuple(re.split(r"[,\s]+", line.words))

    def _timeout(self, line: _Line) -> None:
        self._scenario.timeout = self._number(line.words, "@timeout SECONDS")

    def _only(self, line: _Line) -> None:
        driver, _, reason = line.words.partition(" ")
        driver = driver.rstrip(":")
        if driver not in DRIVERS or not reason:
            raise self._wrong("expected @only terminal: REASON, or @only library: REASON")
        self._scenario.only, self._scenario.only_reason = driver, reason.strip()

    def _marks(self, line: _Line) -> None:
        number, _, feature = line.words.partition(" ")
        if not number.isdigit() or not feature:
            raise self._wrong("expected @marks NUMBER FEATURE")
        self._scenario.marks = (int(number), feature)

    def _actor(self, line: _Line) -> None:
        self._start(line, logs_in=True)

    def _client(self, line: _Line) -> None:
        self._start(line, logs_in=False)

    def _start(self, line: _Line, logs_in: bool) -> None:
        words, options = self._options(line.words.replace(",", " "), comma_free=line.words)
        names = [word for word in words if "=" not in word and word not in ("editor", "pipe")]
        settings = dict(word.split("=", 1) for word in words if "=" in word)
        unknown = set(settings) - {"as", "in"}
        if unknown or not names:
            raise self._wrong("expected one or more names, then as=USER, in=FOLDER, editor, pipe, or --options")
        for name in [*names, settings.get("as", names[0])]:
            if not _NAME.match(name) or name == SERVER:
                raise self._wrong(f"{name} cannot be the name of an actor")
        screen = next((word for word in words if word in ("editor", "pipe")), "plain")
        clients = tuple(
            Client(name, settings.get("as", name), settings.get("in", name), logs_in, screen, options) for name in names
        )
        self._clients.update((client.name, client) for client in clients)
        self._add(Start(line.place, line.text, clients))

    def _log_in(self, line: _Line) -> None:
        actor, _, password = line.words.partition(" ")
        if not password:
            raise self._wrong("expected @login NAME PASSWORD, or @refused NAME PASSWORD")
        self._known(actor, server=False)
        self._add(LogIn(line.place, line.text, actor, password, line.text.startswith("@login")))

    def _bad_attempts(self, line: _Line) -> None:
        if self._clients:
            raise self._wrong("@bad-attempts must come before the first client: it ends the server")
        self._scenario.server.is_own = self._scenario.server.is_controlled = True
        self._add(BadAttempts(line.place, line.text, line.words))

    def _answered(self, line: _Line) -> None:
        self._known(line.words, server=False)
        self._add(Answered(line.place, line.text, line.words))

    def _make(self, line: _Line) -> None:
        found = re.match(r"(.+) (\d+) (\w+)(?: (\w+))?\Z", line.words)
        if found is None or found[3] not in UNITS or (found[4] or "random") not in CONTENTS:
            raise self._wrong(f"expected @make FILE NUMBER UNIT [{'|'.join(CONTENTS)}], UNIT one of {', '.join(UNITS)}")
        self._add(Make(line.place, line.text, found[1], int(found[2]) * UNITS[found[3]], found[4] or "random"))

    def _write(self, line: _Line) -> None:
        if not line.words:
            raise self._wrong("expected @write FILE, and lines that begin with |")
        lines = []
        while self._at < len(self._lines) and self._lines[self._at].startswith("|"):
            lines.append(self._unescape(self._lines[self._at].removesuffix("\r")[1:].removeprefix(" ")))
            self._at += 1
        self._add(Make(line.place, line.text, line.words, lines=tuple(lines)))

    def _file(self, line: _Line) -> None:
        found = re.match(
            r"(.+?) (?:(has|lacks) (.+)|same as (.+)|lines (\d+)|over (\d+) (\w+)|(exists|missing))\Z", line.words
        )
        if found is None or (found[7] or "byte") not in UNITS:
            raise self._wrong(
                "expected @file NAME and one of: has LINE, lacks LINE, same as NAME, lines NUMBER, over NUMBER UNIT, "
                f"exists, missing; UNIT is one of {', '.join(UNITS)}"
            )
        path, word, text, other, count, size, unit, state = found.groups()
        if word:
            quoted = len(text) > 1 and text[0] == text[-1] == '"'
            pattern = Pattern(text[1:-1] if quoted else text)
            self._add(FileCheck(line.place, line.text, path, word, pattern))
        elif other:
            self._add(FileCheck(line.place, line.text, path, "same", other=other))
        elif count:
            self._add(FileCheck(line.place, line.text, path, "lines", count=int(count)))
        elif size:
            self._add(FileCheck(line.place, line.text, path, "over", count=int(size) * UNITS[unit]))
        else:
            self._add(FileCheck(line.place, line.text, path, state))

    def _ends(self, line: _Line) -> None:
        words = line.words.split()
        if not 1 <= len(words) <= 2 or not (len(words) == 1 or words[1].isdigit()):
            raise self._wrong("expected @ends NAME [STATUS]")
        self._known(words[0], server=True)
        if words[0] == SERVER:
            self._scenario.server.is_own = self._scenario.server.is_controlled = True
        self._add(Ends(line.place, line.text, words[0], int(words[1]) if len(words) > 1 else None))

    def _control(self, line: _Line) -> None:
        what = line.text[1:].partition(" ")[0]
        if what == "start" and line.words != SERVER:
            raise self._wrong("only the server is started by @start; clients by @actor or @client")
        for name in re.split(r"[,\s]+", line.words):
            self._known(name, server=what not in ("eof", "interrupt", "garbage"))
            if name == SERVER:
                self._scenario.server.is_own = self._scenario.server.is_controlled = True
            self._add(Control(line.place, line.text, what, name))

    def _sleep(self, line: _Line) -> None:
        self._add(Sleep(line.place, line.text, self._number(line.words, "@sleep SECONDS")))

    def _begin_together(self, line: _Line) -> None:
        if self._together is not None or line.words:
            raise self._wrong("expected @together alone on its line, and not within another")
        self._together, self._together_at = [], line.place

    def _end_together(self, line: _Line) -> None:
        if self._together is None or line.words:
            raise self._wrong("expected @done alone on its line, after a @together")
        self._scenario.steps.append(Together(self._together_at, "@together", tuple(self._together)))
        self._together = None

    # ---- what they need -------------------------------------------------------------------------------------

    def _add(self, step: SimpleStep) -> None:
        if self._together is None:
            self._scenario.steps.append(step)
        else:
            self._together.append(step)

    def _known(self, actor: str, server: bool) -> None:
        if actor == SERVER and server:
            return
        if actor not in self._clients:
            known = ", ".join(self._clients) or "nobody"
            raise self._wrong(f"no @actor or @client has the name {actor}; known so far: {known}")

    def _only_before_steps(self, what: str) -> None:
        if self._scenario.steps:
            raise self._wrong(f"{what} must come before the first step")

    def _options(self, text: str, comma_free: str = "") -> Tuple[List[str], Tuple[str, ...]]:
        """Split into words, and the options that follow them."""
        before, dashes, _ = (" " + text).partition(" --")
        _, _, after = (" " + (comma_free or text)).partition(" --")
        try:
            return before.split(), tuple(shlex.split(dashes.strip() + after)) if dashes else ()
        except ValueError as error:
            raise self._wrong(f"options cannot be read: {error}") from None

    def _number(self, text: str, usage: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = -1.0
        if not 0 <= number < 1e6:
            raise self._wrong(f"expected {usage}")
        return number

    def _unescape(self, text: str) -> str:
        def replace(found: re.Match[str]) -> str:
            code = found[1] or found[2]
            if code:
                return chr(int(code, 16))
            if found[3] != "\\":
                raise self._wrong(r"expected \\, \xHH or \uHHHH: a backslash begins a character's number")
            return "\\"

        return _ESCAPE.sub(replace, text)

    def _wrong(self, message: str) -> BadScenario:
        return BadScenario(self._place, message)


_DIRECTIVES: Final[Dict[str, Callable[[_Parser, _Line], None]]] = {
    "server": _Parser._server,
    "account": _Parser._account,
    "actor": _Parser._actor,
    "client": _Parser._client,
    "login": _Parser._log_in,
    "refused": _Parser._log_in,
    "bad-attempts": _Parser._bad_attempts,
    "answered": _Parser._answered,
    "make": _Parser._make,
    "write": _Parser._write,
    "file": _Parser._file,
    "ends": _Parser._ends,
    **dict.fromkeys(CONTROLS, _Parser._control),
    "together": _Parser._begin_together,
    "done": _Parser._end_together,
    "timeout": _Parser._timeout,
    "tags": _Parser._tags,
    "only": _Parser._only,
    "marks": _Parser._marks,
    "sleep": _Parser._sleep,
}
