"""What is noticed of a program from the rows it shows and from when it shows them; pure, the time is an argument.

Nobody knows the words of a program that is graded. So what the player waits for is worked out here, and put among the
rows as lines of its own: that somebody was logged in, or was not, and that everything has had its effect.
"""

from __future__ import annotations

import re
from typing import Final, List, Optional

from messenger.scenario.grading.dialect import LOGGED_IN, NOT_LET_IN, SETTLED, ForeignDialect
from messenger.scenario.grading.rows import Rows
from messenger.scenario.seen import Seen

QUIET_SECONDS: Final = 0.25
"""Whoever has shown nothing for so long has said what it had to say, as a rule."""

_UNSURE_SECONDS: Final = 1.0
"""The same for an answer that is not understood."""

_SILENT_SECONDS: Final = 3.0
"""Whoever shows nothing at all for so long after the barrier does not answer it."""


class ForeignSeen(Seen):
    """What a program has shown, with questions that are regular expressions and may stand on a line of their own."""

    def __init__(self, username: str, password: str) -> None:
        super().__init__()
        self.is_quiet = False
        self.is_logged_in = False
        self._questions = {source: re.compile(source, re.IGNORECASE) for source in (username, password)}

    def asks(self, question: str) -> bool:
        """See `Seen`. One before the cursor that ends like a question is one at once, others once nothing follows."""
        if self.is_logged_in or self._is_answered:
            return False
        if self.is_quiet:
            rows = [self.partial] if self._find(self.partial) else self.new()
        else:
            rows = [self.partial] if self.is_waiting() else []  # it may be the beginning of a greeting
        found = [self._find(row) for row in reversed(rows)]
        return next((one for one in found if one), None) == question

    def is_waiting(self) -> bool:
        """See `Seen`. Whoever has been quiet for a while has written its line, whatever its end."""
        return self.is_quiet or super().is_waiting()

    def new(self) -> List[str]:
        """Return what has come since something was typed last."""
        return [*self.lines[self._typed_at :], *([self.partial] if self.partial else [])]

    def take_new(self) -> Optional[str]:
        """See `Seen`."""
        whole = super().take_new()
        return whole if whole is not None or not self.partial or not self.is_quiet else self.partial

    def _find(self, row: str) -> Optional[str]:
        """Return the question that a row asks: the last one, as who types ahead is asked both on one row."""
        places = {}
        for source, question in self._questions.items():
            found = question.search(row)
            if found is not None:
                places[source] = found.start(found.lastindex or 0)  # what stands before the words is looked at, too
        return max(places, key=lambda source: places[source], default=None)


class Notices:
    """Rows of a program to what its player sees."""

    def __init__(self, dialect: ForeignDialect, now: float) -> None:
        self.seen = ForeignSeen(dialect.username, dialect.password)
        self.is_first_due = bool(dialect.first)
        """Whether the first word has not been typed yet."""
        self._dialect = dialect
        self._welcome = re.compile(dialect.welcome_or_usual, re.IGNORECASE)
        self._blocked = re.compile(dialect.blocked, re.IGNORECASE)
        self._answer = re.compile(dialect.barrier_answer, re.IGNORECASE)
        self._ready = re.compile(dialect.ready, re.IGNORECASE)
        self._rows = Rows(dialect.prompt, dialect.ignore, dialect.joins)
        self._shown_at = now
        self._began = now
        self._password_given = False
        self._barrier_at: Optional[float] = None
        self._barrier_line = 0

    def feed(self, data: bytes, now: float) -> None:
        """Take in what it has written."""
        self._shown_at = now
        self.seen.is_quiet = False
        self._show(self._rows.feed(data))

    def end(self, now: float) -> None:
        """Nothing more comes."""
        self._show(self._rows.enter(""))
        self.tick(now + _SILENT_SECONDS)

    def typed(self, line: str, now: float) -> None:
        """A line has been typed."""
        self._password_given = self.seen.asks(self._dialect.password) or self._password_given
        self._enter(line, now)
        self.seen.answer()

    def typed_barrier(self, line: str, now: float) -> None:
        """The barrier command has been typed: something that nobody has to wait for an answer to but this."""
        self._enter(line, now)
        self._barrier_at, self._barrier_line = now, len(self.seen.lines)

    def tick(self, now: float) -> None:
        """Notice what can be noticed now."""
        quiet = now - self._shown_at
        self.seen.is_quiet = quiet >= QUIET_SECONDS
        if self._barrier_at is not None:
            self._watch_barrier(now - self._barrier_at, quiet)
        elif self.seen.is_quiet and not self.seen.is_logged_in:
            self._watch_login()

    def says_ready(self) -> bool:
        """Whether a server has said that it is ready, if it says so at all."""
        rows = [*self.seen.lines, self.seen.partial]
        return not self._dialect.ready or any(self._ready.search(row) for row in rows)

    def wants_first(self, now: float) -> bool:
        """Whether it is time for the first word: the program has spoken, or is not going to."""
        has_spoken = bool(self.seen.new()) and self.seen.is_quiet
        return self.is_first_due and (has_spoken or now - self._began > _UNSURE_SECONDS)

    def _watch_login(self) -> None:
        rows = self.seen.new()
        if any(self.seen.asks(question) for question in (self._dialect.username, self._dialect.password)):
            self._password_given = False
        elif self._password_given and any(self._welcome.search(row) for row in rows):
            self._rows.learn(self.seen.lines[len(self.seen.lines) - len(rows) :])
            self.seen.set_partial("")
            self.seen.is_logged_in = True
            self.seen.add(LOGGED_IN)
            self.seen.answer()
        elif any(self._blocked.search(row) for row in rows) and NOT_LET_IN not in rows:
            self.seen.add(NOT_LET_IN)

    def _watch_barrier(self, since: float, quiet: float) -> None:
        rows = [*self.seen.lines[self._barrier_line :], self.seen.partial]
        is_answered = any(self._answer.search(row) for row in rows) and quiet >= QUIET_SECONDS
        is_likely = any(rows) and quiet >= _UNSURE_SECONDS
        if is_answered or is_likely or since >= _SILENT_SECONDS:
            self._barrier_at = None
            self.seen.take_all(self._barrier_line, self._answer)
            self.seen.add(SETTLED)

    def _enter(self, line: str, now: float) -> None:
        self._shown_at = now
        self.seen.is_quiet = False
        self._show(self._rows.enter(line))

    def _show(self, rows: List[str]) -> None:
        for row in rows:
            self.seen.add(row)
        self.seen.set_partial(self._rows.partial)
