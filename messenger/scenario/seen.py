"""What one actor has seen: whole lines in their order, of which each counts for one expectation only."""

from __future__ import annotations

import re
from typing import Dict, Final, List, Mapping, Optional

from messenger.scenario.pattern import Pattern

_ENDS_AS_A_QUESTION: Final = re.compile(r"[:>?]\s*\Z")


class Seen:
    """Lines, and the beginning of the next one, as a question is that waits for its answer."""

    def __init__(self) -> None:
        self.lines: List[str] = []
        self.partial = ""
        self._taken: List[bool] = []
        self._partial_taken = False
        self._is_answered = False
        self._typed_at = 0
        """How many lines there were when something was typed last."""
        self._last = -1
        """Index of the line that was taken last."""

    def add(self, line: str) -> None:
        """A line is complete: what `partial` began, or another one."""
        is_same = bool(self.partial) and line.startswith(self.partial)
        self.lines.append(line)
        self._taken.append(self._partial_taken and is_same)
        self.set_partial("")

    def set_partial(self, text: str) -> None:
        """A line has begun."""
        if not text or not text.startswith(self.partial):
            self._partial_taken = self._is_answered = False
        self.partial = text

    def answer(self) -> None:
        """Something is typed: the question that stands there, if any, has been answered."""
        self._is_answered = bool(self.partial)
        self._typed_at = len(self.lines)

    def take_question(self) -> None:
        """The question that stands there is answered by no step, and so no step has to ask for it."""
        self._partial_taken = bool(self.partial)

    def is_waiting(self) -> bool:
        """Whether the line that has begun is as long as it is going to be for now, as one that ends like a question is.

        A long message comes in pieces, and what is kept of it would be cut short.
        """
        return _ENDS_AS_A_QUESTION.search(self.partial) is not None

    def asks(self, question: str) -> bool:
        """Whether this question waits for an answer."""
        return self.partial.startswith(question.rstrip()) and not self._is_answered

    def take(self, pattern: Pattern, values: Mapping[str, str], is_next: bool = False) -> Optional[Dict[str, str]]:
        """Take the first line that matches and is not taken yet; with `is_next`, after the one that was taken last.

        Returns what is captured, or None. Raises `Unknown`.
        """
        match = pattern.matching(values)
        for index in range(self._last + 1 if is_next else 0, len(self.lines)):
            if not self._taken[index]:
                found = match(self.lines[index])
                if found is not None:
                    self._taken[index] = True
                    self._last = index
                    return found
        if self.partial and not self._partial_taken and self.is_waiting():
            found = match(self.partial)
            if found is not None:
                self._partial_taken = True
                self._last = len(self.lines)
                return found
        return None

    def take_answer(self, pattern: Pattern) -> bool:
        """Take a line that no step has asked for, so that `is_next` goes by the steps alone."""
        last = self._last
        is_there = self.take(pattern, {}) is not None
        self._last = last
        return is_there

    def take_all(self, begin: int, like: re.Pattern[str]) -> None:
        """Take every line like that from the one with this index on: no step has asked for them, and none shall."""
        for index in range(begin, len(self.lines)):
            self._taken[index] = self._taken[index] or like.search(self.lines[index]) is not None

    def take_new(self) -> Optional[str]:
        """Take the first line that has come since something was typed last and is not taken yet."""
        for index in range(self._typed_at, len(self.lines)):
            if not self._taken[index]:
                self._taken[index] = True
                return self.lines[index]
        return None

    def find(self, pattern: Pattern, values: Mapping[str, str]) -> Optional[str]:
        """Return a line that matches and is not taken yet, be it one that has only begun."""
        match = pattern.matching(values)
        rows = [*zip(self.lines, self._taken), (self.partial, self._partial_taken or not self.partial)]
        return next((row for row, taken in rows if not taken and match(row) is not None), None)

    def untaken(self) -> List[str]:
        """Return the lines that no expectation has taken, and what stands there now."""
        return [line for line, taken in zip(self.lines, self._taken) if not taken] + [self.partial] * bool(self.partial)
