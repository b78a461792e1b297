"""What a program is told of its marks: Markdown for people, JUnit's XML for CI."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from typing import Dict, Final, Iterator, List, NamedTuple, Sequence

from messenger.scenario.grading.marks import Item
from messenger.scenario.playing import PASSED, Outcome
from messenger.scenario.reports import Played, junit, safe

_LINES_MAX: Final = 40
_LINE_MAX: Final = 300
"""Lines of the evidence for one loss, and characters of each."""

_MARKUP: Final = re.compile(r"([\\`*_\[\]<>|])")


class Mark(NamedTuple):
    """What a scenario has brought."""

    item: Item
    outcome: Outcome

    @property
    def is_won(self) -> bool:
        """Whether its marks are given: all of them, or none."""
        return self.outcome.verdict == PASSED

    @property
    def given(self) -> Fraction:
        """Its marks."""
        return self.item.marks if self.is_won else Fraction(0)


def markdown(marks: Sequence[Mark], seconds: float) -> str:
    """Return the whole report: marks by feature, then each scenario with the evidence if its marks are lost."""
    return "\n".join([*_head(marks, seconds), *_details(marks)])


def table(marks: Sequence[Mark], seconds: float) -> str:
    """Return the marks by feature only."""
    return "\n".join(_head(marks, seconds))


def junit_report(marks: Sequence[Mark], seconds: float) -> str:
    """Return a test case for each scenario."""
    return junit([_played(mark) for mark in marks], "grade", seconds, "messenger grade")


def in_words(number: Fraction) -> str:
    """Return marks with two digits behind the point, if they have any."""
    return f"{float(number):.2f}".rstrip("0").rstrip(".")


def _head(marks: Sequence[Mark], seconds: float) -> Iterator[str]:
    yield f"# {_sum(marks)} marks"
    yield ""
    yield "| feature | marks |"
    yield "| --- | --- |"
    for feature, those in _by_feature(marks).items():
        yield f"| {_plain(feature)} | {_sum(those)} |"
    yield ""
    yield f"{len(marks)} scenarios in {seconds:.1f} s."


def _details(marks: Sequence[Mark]) -> Iterator[str]:
    for feature, those in _by_feature(marks).items():
        yield f"\n## {_plain(feature)}: {_sum(those)}\n"
        for mark in those:
            share = f"{in_words(mark.given)} of {in_words(mark.item.marks)}"
            yield f"- [{'x' if mark.is_won else ' '}] {share}: {_plain(mark.item.source.scenario.claim)}"
            if not mark.is_won:
                yield from _evidence(mark)
    yield ""


def _evidence(mark: Mark) -> Iterator[str]:
    text = _evidence_text(mark.outcome)
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    yield ""
    yield f"  {fence}text"
    yield from (f"  {line}".rstrip() for line in text.split("\n"))
    yield f"  {fence}"
    yield ""


def _evidence_text(outcome: Outcome) -> str:
    """Return what was asked for and seen; of much of it, the beginning."""
    lines = safe(outcome.message).split("\n")
    lines = [line if len(line) <= _LINE_MAX else line[:_LINE_MAX] + " …" for line in lines]
    lines = [*lines[:_LINES_MAX], *(["  …"] if len(lines) > _LINES_MAX else [])]
    return "\n".join([*lines, *([f"  kept in {outcome.kept}"] if outcome.kept else [])])


def _played(mark: Mark) -> Played:
    source, outcome = mark.item.source, mark.outcome
    if not mark.is_won:
        outcome = replace(outcome, message=f"{in_words(mark.item.marks)} marks lost: {_evidence_text(outcome)}")
    return Played(source.name, f"{source.name}.scenario", source.scenario.claim, [outcome])


def _by_feature(marks: Sequence[Mark]) -> Dict[str, List[Mark]]:
    features: Dict[str, List[Mark]] = {}
    for mark in marks:
        features.setdefault(mark.item.feature, []).append(mark)
    return features


def _sum(marks: Sequence[Mark]) -> str:
    given = sum((mark.given for mark in marks), Fraction(0))
    return f"{in_words(given)} of {in_words(sum((mark.item.marks for mark in marks), Fraction(0)))}"


def _plain(text: str) -> str:
    return _MARKUP.sub(r"\\\1", safe(text))
