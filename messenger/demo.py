"""`messenger demo`: the sample workflow, played in real terminals and shown side by side while it happens."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Dict, Final, List, Optional

from rich.console import Console
from rich.text import Text

from messenger.errors import ConfigError
from messenger.scenario.casts import Recorder, write_casts
from messenger.scenario.collection import read_accounts, shipped_scenarios, usual_credentials
from messenger.scenario.columns import WIDTH_MIN, Table
from messenger.scenario.model import SERVER, FileCheck, Scenario, See, Start, simple_steps
from messenger.scenario.parser import parse
from messenger.scenario.player import Play, Result
from messenger.scenario.reports import safe
from messenger.scenario.setting import Setting
from messenger.scenario.terminal import Size, TerminalDriver
from messenger.scenario.timeline import Entry

NAME: Final = "sample-workflow"

SIZE: Final = Size(rows=17, columns=68)
"""Of each terminal: four of these, two by two, can be read on a page like README."""

PACE_SECONDS: Final = 0.07
"""Pause after each row in a terminal, so that a person can follow."""

WIDTH_WITHOUT_TERMINAL: Final = 120

_COLOURS: Final = ("cyan", "yellow", "green", "magenta", "blue")
_LOGS: Final = ("messagelog.txt", "FORCE_messagelog.txt")


def run(cast: Optional[Path] = None) -> bool:
    """Play it; True if everything came true. Casts of its terminals go to the folder `cast`.

    Raises `ConfigError` where the scenario or its accounts are missing, and `OSError`.
    """
    if cast is not None:
        try:
            cast.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"{cast} cannot be made a folder: {error.strerror}") from None
    folder = shipped_scenarios()
    path = folder / f"{NAME}.scenario"
    if not path.is_file():
        raise ConfigError(f"{path} is missing from this installation")
    scenario = parse(path.read_text(encoding="utf-8"), str(path))
    accounts = read_accounts(usual_credentials(folder))
    show = _Show(scenario)
    recorder = Recorder(SIZE)
    with tempfile.TemporaryDirectory(prefix="messenger-demo-") as place:
        setting = Setting(Path(place), accounts, on_entry=show.entry)
        result = Play(scenario, TerminalDriver(recorder.take, SIZE, shows_editors=True), setting).run()
        show.logs(Path(place))
    if cast is not None:
        recordings = recorder.recordings(show.names, accounts.values())
        show.casts(write_casts(cast, NAME, recordings, scenario.claim))
    show.verdict(result)
    return result.has_passed


class _Show:
    """Writes it to the terminal, or where it goes instead."""

    def __init__(self, scenario: Scenario) -> None:
        steps = list(simple_steps(scenario.steps))
        clients = [client.name for step in steps if isinstance(step, Start) for client in step.clients]
        self.names = [*dict.fromkeys(clients), SERVER]
        self._looks = sum(isinstance(step, See) for step in steps)
        self._checks = sum(isinstance(step, FileCheck) for step in steps)
        width = max(shutil.get_terminal_size((WIDTH_WITHOUT_TERMINAL, 24)).columns, WIDTH_MIN)
        self._console = Console(highlight=False, width=width)
        self._styles: Dict[str, str] = {**dict(zip(self.names, _COLOURS)), SERVER: "dim"}
        self._table = Table(self.names, width)
        self._say(self._table.head(), "bold")

    def entry(self, entry: Entry) -> None:
        """Something has happened."""
        style = "bold red" if entry.kind == "failed" else self._styles.get(entry.who, "")
        self._say(self._table.rows(entry), f"bold {style}" if entry.kind == "typed" else style)
        if self._console.is_terminal:
            time.sleep(PACE_SECONDS)

    def logs(self, folder: Path) -> None:
        """Show what the server has logged."""
        for name in _LOGS:
            if (folder / name).exists():
                self._say(["", name], "bold")
                self._say((folder / name).read_text(encoding="utf-8").rstrip("\n").split("\n"))

    def casts(self, paths: List[Path]) -> None:
        """Say where they are."""
        self._say(["", *(f"written: {os.fspath(path)}" for path in paths)])

    def verdict(self, result: Result) -> None:
        """Say what was proved, or what was not."""
        if result.failure is not None:
            self._say(["", *safe(f"FAILED: {result.failure}").split("\n")], "bold red")
            return
        proved = (
            f"passed in {result.seconds:.1f} s: a server and {len(self.names) - 1} clients in terminals of their own "
            f"showed each of the {self._looks} lines that were waited for, and all {self._checks} checks of what they "
            "left behind hold: every message is logged once, and the video came as it was sent"
        )
        self._console.print()
        self._console.print(Text(proved, style="bold green"), soft_wrap=not self._console.is_terminal)

    def _say(self, rows: List[str], style: str = "") -> None:
        for row in rows:
            self._console.print(Text(row, style=style), soft_wrap=True)
