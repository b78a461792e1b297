"""What `messenger replay` shows: a line a file, then why files failed, then one line of counts."""

from __future__ import annotations

import io
import os
import shutil
import sys
from pathlib import Path
from typing import Dict, Final, Optional, Sequence

import click

from messenger.scenario.columns import WIDTH_MIN, columns
from messenger.scenario.jobs import Job
from messenger.scenario.mending import Change
from messenger.scenario.playing import PASSED, Outcome
from messenger.scenario.reports import Played, safe, summary

_WIDTH_WITHOUT_TERMINAL: Final = 120
_COLOURS: Final = {"passed": "green", "failed": "red", "skipped": "bright_black", "updated": "yellow"}


class Telling:
    """Tells of plays as they come, on stdout. Only a terminal is told what is being played."""

    def __init__(self, played: Sequence[Played], repeat: int) -> None:
        self._played = played
        self._repeat = repeat
        self._running: Dict[int, str] = {}
        self._width = max(shutil.get_terminal_size((_WIDTH_WITHOUT_TERMINAL, 24)).columns, WIDTH_MIN)
        self._name_width = min(max(len(one.name) for one in played), 40)
        self._is_terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # whatever the terminal's encoding

    def begins(self, job: Job) -> None:
        """A play begins."""
        self._running[job.number] = job.task.name
        self._show_running()

    def ended(self, job: Job, number: int, outcome: Outcome) -> None:
        """A play of this file has ended."""
        one = self._played[number]
        one.outcomes.append(outcome)
        self._running.pop(job.number, None)
        if len(one.outcomes) == self._repeat:
            self._tell(one)
        self._show_running()

    def changes(self, path: Path, changes: Sequence[Change]) -> None:
        """These lines of a file become others."""
        for change in changes:
            self._say(f"{path}:{change.line}:")
            self._say(f"  - {safe(change.old)}", "red")
            self._say(f"  + {safe(change.new)}", "green")

    def end(self, seconds: float, was_interrupted: bool) -> None:
        """Tell why files failed, and how many."""
        self._running.clear()
        self._show_running()
        played = [one for one in self._played if one.outcomes]
        for one in played:
            if one.failed and one.shown is not None:
                self._tell_failure(one, one.shown)
        for one in played:
            if one.failed and one.shown is not None and one.shown.entries:
                self._tell(one)  # its table has taken the first telling out of sight
        left = len(self._played) - len(played)
        interrupted = f"; interrupted, {left} not played" if was_interrupted else ""
        self._say(summary(played, seconds) + interrupted, "red" if any(one.failed for one in played) else "green")

    def _tell(self, one: Played) -> None:
        outcome = one.shown
        assert outcome is not None
        verdict = "updated" if outcome.changes else one.verdict
        parts = [f"{one.name:{self._name_width}}", f"{one.seconds:6.2f} s", one.share]
        if one.verdict != PASSED:
            parts.append(safe(outcome.message.split("\n")[0]))
        rest = "  ".join(filter(None, parts)).rstrip()
        self._say(f"{self._styled(f'{verdict:8}', _COLOURS[verdict])} {rest}")

    def _tell_failure(self, one: Played, outcome: Outcome) -> None:
        self._say("")
        self._say(f"{one.name}: {one.share or 'failed'}", "red")
        for line in safe(outcome.message).split("\n"):
            self._say(f"  {line}")
        rows = columns(outcome.entries, self._width - 2)
        if rows:
            self._say("")
        for row in rows:
            self._say(f"  {row}")
        if outcome.kept:
            self._say(f"  kept in {outcome.kept}")
        self._say("")

    def _show_running(self) -> None:
        """Show what is being played on a line that the next one takes the place of."""
        if not self._is_terminal:
            return
        names = ", ".join(self._running.values())
        text = f"playing  {names}" if names else ""
        sys.stdout.write(f"\r\x1b[K{text[: self._width - 1]}")
        sys.stdout.flush()

    def _say(self, text: str, colour: Optional[str] = None) -> None:
        erase = "\r\x1b[K" if self._is_terminal else ""
        click.echo(erase + (self._styled(text, colour) if colour else text), color=self._is_terminal)

    def _styled(self, text: str, colour: str) -> str:
        is_coloured = self._is_terminal and not os.environ.get("NO_COLOR")
        return click.style(text, fg=colour) if is_coloured else text
