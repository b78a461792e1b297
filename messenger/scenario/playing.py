"""One play of one scenario file, from what it is given to what is told of it: data in, data out, for any process."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Callable, Final, List, Mapping, Optional, Tuple

from messenger.scenario.casts import Recorder, write_casts
from messenger.scenario.dialect import OWN
from messenger.scenario.keeping import keep
from messenger.scenario.library import Configure, LibraryDriver
from messenger.scenario.mending import Change, changed, mended
from messenger.scenario.model import Scenario, Start, simple_steps
from messenger.scenario.parser import parse
from messenger.scenario.player import Play
from messenger.scenario.programs import Driver, Guests
from messenger.scenario.setting import Setting
from messenger.scenario.terminal import TerminalDriver
from messenger.scenario.timeline import Entry

OnOutput = Callable[[str, bytes], None]
"""Takes an actor's name and what its program has written."""

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"

CHANGES_MAX: Final = 50
"""Lines of one file that `--update` rewrites at most: each takes a play."""


@dataclass(frozen=True)
class Task:
    """What is to be played, and how."""

    path: str
    name: str
    """Under which it is kept."""
    text: str
    driver: str
    """`terminal` or `library`."""
    accounts: Mapping[str, str]
    folder: Path
    """A folder that is not there yet, nor after the play."""
    configure: Configure
    server: Optional[Tuple[str, int]] = None
    timeout_factor: float = 1.0
    artifacts: Optional[Path] = None
    """In which folder is kept what a failed play leaves behind; None: nowhere."""
    casts: Optional[Path] = None
    """In which folder casts of its terminals are written; None: nowhere."""
    update: bool = False
    """Whether it is to be found out how the file has to change for the play to pass, if that takes words only."""
    invite: Optional[Callable[[OnOutput], Guests]] = None
    """Returns programs of somebody else to play with; what they write is told. `driver` counts no more."""


@dataclass(frozen=True)
class Outcome:
    """What came of it. Nothing in it is a secret."""

    verdict: str
    """`PASSED`, `FAILED` or `SKIPPED`."""
    seconds: float = 0.0
    message: str = ""
    """Why it failed or was skipped: of a failed one, file and line, the step, and what was seen instead."""
    entries: List[Entry] = field(default_factory=list)
    kept: str = ""
    """The folder with what the play left behind."""
    changes: List[Change] = field(default_factory=list)
    """With these, the file passes."""


def perform(task: Task, is_cancelled: Callable[[], bool] = lambda: False) -> Outcome:
    """Play a scenario; with `update`, until no expectation is wrong in words only.

    Raises `Cancelled`, and `OSError` if there is no room for the play.
    """
    first, change = _play(task, is_cancelled)
    outcome, text = first, task.text
    changes: List[Change] = []
    while change is not None and len(changes) < CHANGES_MAX:
        changes.append(change)
        text = changed(text, [change])
        outcome, change = _play(replace(task, text=text, artifacts=None), is_cancelled)
    return replace(outcome, kept=first.kept, changes=changes) if outcome.verdict == PASSED else first


def _play(task: Task, is_cancelled: Callable[[], bool]) -> Tuple[Outcome, Optional[Change]]:
    scenario = parse(task.text, task.path)
    secrets = [*task.accounts.values(), *scenario.accounts.values()]
    recorder = Recorder()
    guests = _invite(task, recorder.take)
    setting = Setting(
        task.folder,
        task.accounts,
        task.server,
        task.timeout_factor,
        guests.dialect,
        guests.udp_ports,
        is_cancelled=is_cancelled,
    )
    task.folder.mkdir(parents=True)
    began = time.monotonic()
    try:
        result = Play(scenario, guests.driver, setting).run()
        seconds = time.monotonic() - began
        if result.skipped:
            return Outcome(SKIPPED, seconds, result.skipped), None
        message, kept = str(result.failure or ""), ""
        try:
            recordings = recorder.recordings(_names(scenario), secrets)
            if task.casts is not None:
                write_casts(task.casts, task.name, recordings, scenario.claim)
            if task.artifacts is not None and result.failure is not None:
                kept = str(keep(task.artifacts, task.name, message, result.entries, task.folder, recordings, secrets))
        except OSError as error:
            return Outcome(FAILED, seconds, f"{message}\n  it could not be kept: {error}".strip(), result.entries), None
        if result.failure is None:
            return Outcome(PASSED, seconds, entries=result.entries), None
        change = mended(task.text, result.failure, result.values) if task.update else None
        return Outcome(FAILED, seconds, message, result.entries, kept), change
    finally:
        shutil.rmtree(task.folder, ignore_errors=True)


def _invite(task: Task, on_output: OnOutput) -> Guests:
    if task.invite is not None:
        return task.invite(on_output)
    driver: Driver = TerminalDriver(on_output) if task.driver == "terminal" else LibraryDriver(task.configure)
    return Guests(driver, OWN, {})


def _names(scenario: Scenario) -> List[str]:
    """Return the names of the actors, in the order in which they start."""
    starts = [step for step in simple_steps(scenario.steps) if isinstance(step, Start)]
    return list(dict.fromkeys(client.name for start in starts for client in start.clients))
