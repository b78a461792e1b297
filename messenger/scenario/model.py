"""What a scenario is, once it is read: actors, steps, checks. All of it is data (see the package's docstring)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Iterator, List, Optional, Sequence, Tuple, Union

from messenger.scenario.pattern import Pattern

SERVER = "server"
"""The name under which steps speak of the server."""


@dataclass(frozen=True)
class Place:
    """Where something stands in a file."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Client:
    """A client program of an actor."""

    name: str
    user: str
    """Under what name it logs in."""
    folder: str
    """Where it runs, in the folder of the play."""
    logs_in: bool = True
    """Whether it is logged in before the next step."""
    screen: str = "plain"
    """`plain` (bare lines in a terminal), `editor` (the full interface) or `pipe`."""
    options: Tuple[str, ...] = ()
    """Further options of `messenger chat`."""


@dataclass(frozen=True)
class Step:
    """Something that is done, or has to come true; `text` is its line."""

    place: Place
    text: str


@dataclass(frozen=True)
class Start(Step):
    """Clients are started, all at once, and logged in one after the other."""

    clients: Tuple[Client, ...]


@dataclass(frozen=True)
class LogIn(Step):
    """What the login asks is answered with the actor's user name and this password; then it is let in, or is not."""

    actor: str
    password: str
    is_let_in: bool


@dataclass(frozen=True)
class BadAttempts(Step):
    """A server that is started with this for ATTEMPTS, in the place of the one that runs, ends and says why."""

    attempts: str


@dataclass(frozen=True)
class Type(Step):
    """An actor types a line, and Enter unless it is to be gone on with."""

    actor: str
    line: str
    enter: bool = True


@dataclass(frozen=True)
class See(Step):
    """An actor sees a line that nobody has asked for yet."""

    actor: str
    pattern: Pattern
    seconds: Optional[float] = None
    is_next: bool = False
    """Whether it comes after the line that was seen last."""


@dataclass(frozen=True)
class Answered(Step):
    """What an actor typed last is answered, whatever the words: something is shown that nobody has asked for yet."""

    actor: str
    may_end: bool = False
    """Whether the end of its program is an answer, too."""


@dataclass(frozen=True)
class Miss(Step):
    """No line that nobody has asked for yet matches, after all that was typed has had its effect."""

    actor: str
    pattern: Pattern


@dataclass(frozen=True)
class Ends(Step):
    """A program ends."""

    actor: str
    status: Optional[int] = None


@dataclass(frozen=True)
class Control(Step):
    """Something is done to a program: `kill`, `stop`, `pause`, `slow`, `hold` (its terminal is paused), `resume`,
    `interrupt`, `eof`, `garbage` (datagrams that mean nothing come to its UDP port) or `start`."""

    what: str
    actor: str


@dataclass(frozen=True)
class Make(Step):
    """A file is made: of random bytes, zeros or lines of text, or of given lines."""

    path: str
    size: int = 0
    content: str = "random"
    lines: Optional[Tuple[str, ...]] = None


@dataclass(frozen=True)
class FileCheck(Step):
    """A file fulfils something: `has` or `lacks` a line, is the `same` as another, has so many `lines`, `exists`, is
    `over` so many bytes, or is `missing`."""

    path: str
    what: str
    pattern: Optional[Pattern] = None
    other: str = ""
    count: int = 0


@dataclass(frozen=True)
class Sleep(Step):
    """Nothing happens for a while."""

    seconds: float


@dataclass(frozen=True)
class Together(Step):
    """Each actor's steps in their order, all actors at the same time."""

    steps: Tuple[SimpleStep, ...]


SimpleStep = Union[
    Start, LogIn, BadAttempts, Type, See, Answered, Miss, Ends, Control, Make, FileCheck, Sleep
]  # fmt: skip
AnyStep = Union[SimpleStep, Together]


def simple_steps(steps: Sequence[AnyStep]) -> Iterator[SimpleStep]:
    """Yield every step, those of blocks one by one."""
    for step in steps:
        if isinstance(step, Together):
            yield from step.steps
        else:
            yield step


@dataclass
class ServerSetup:
    """The server that a scenario is played with."""

    attempts: Union[int, str] = 3
    options: Tuple[str, ...] = ()
    """Further options of `messenger serve`."""
    is_own: bool = False
    """Whether the scenario asks for one of its own, so that it cannot be played with a running one."""
    is_controlled: bool = False
    """Whether something is done to it."""


@dataclass
class Scenario:
    """One file. `claim` is its first comment."""

    path: str
    claim: str = ""
    tags: Tuple[str, ...] = ()
    only: str = ""
    """The one driver that can play it, or nothing; and why."""
    only_reason: str = ""
    timeout: float = 10.0
    server: ServerSetup = field(default_factory=ServerSetup)
    accounts: Dict[str, str] = field(default_factory=dict)
    """Accounts that its server has besides the usual ones, or with another password."""
    marks: Tuple[int, str] = (0, "")
    """What it counts when a program is graded, and for which feature."""
    steps: List[AnyStep] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.rpartition("/")[2].rpartition(".")[0] or self.path
