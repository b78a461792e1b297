"""What each graded scenario counts, and for which feature; a marks file changes it.

A marks file holds `NAME = MARKS` lines. NAME is a scenario, as it is named where marks are lost (`files/paused`), or a
feature (`files`), whose scenarios share the marks in proportion to what they count otherwise. What counts 0 is not
played.
"""

from __future__ import annotations

import re
import secrets
from fractions import Fraction
from pathlib import Path
from typing import Dict, Final, List, NamedTuple, Sequence

from messenger.errors import ConfigError
from messenger.scenario.collection import Source
from messenger.scenario.grading.settings import Setting

FEATURES: Final = Path(__file__).parent / "features"
"""The folder of the scenarios that are graded unless others are named."""

USERS: Final = ("Yoda", "Obi-Wan", "Hans", "Leia", "Luke", "r2D2")
"""Who has an account in graded scenarios."""

_NUMBER: Final = re.compile(r"\d{1,6}(\.\d{1,3})?\Z")


class Item(NamedTuple):
    """A scenario that counts."""

    source: Source
    feature: str
    marks: Fraction


def new_accounts() -> Dict[str, str]:
    """Return user names with passwords that no program knows beforehand."""
    return {name: f"pw-{secrets.token_hex(5)}" for name in USERS}


def weigh(sources: Sequence[Source], settings: Sequence[Setting] = ()) -> List[Item]:
    """Return the scenarios that count something, in their order; `settings` are those of a marks file.

    Raises `ConfigError` for a scenario without `@marks`, and for marks of something that is not there.
    """
    for source in sources:
        if not source.scenario.marks[1]:
            raise ConfigError(f"{source.path}: expected a line @marks NUMBER FEATURE")
    features = {source.name: source.scenario.marks[1] for source in sources}
    marks = {source.name: Fraction(source.scenario.marks[0]) for source in sources}
    given = {setting.key: _number(setting) for setting in settings}
    for setting in settings:
        if setting.key not in marks and setting.key not in features.values():
            known = ", ".join([*dict.fromkeys(features.values()), *marks])
            raise ConfigError(f"{setting.place}: {setting.key} is no feature or scenario; there are {known}")
    marks.update({name: given[name] for name in marks if name in given})
    for feature in set(features.values()) & set(given):
        names = [name for name in marks if features[name] == feature]
        total = sum(marks[name] for name in names)
        if not total and given[feature]:
            raise ConfigError(f"all scenarios of {feature} count 0, so they cannot share {given[feature]} marks")
        marks.update({name: marks[name] * given[feature] / total for name in names if total})
    items = [Item(source, features[source.name], marks[source.name]) for source in sources]
    return [item for item in items if item.marks]


def select(items: Sequence[Item], features: Sequence[str]) -> List[Item]:
    """Return the items of these features, or all if none is named; raises `ConfigError` for one that is not there."""
    known = list(dict.fromkeys(item.feature for item in items))
    for feature in features:
        if feature not in known:
            raise ConfigError(f"there is no feature {feature}; there are {', '.join(known)}")
    return [item for item in items if not features or item.feature in features]


def _number(setting: Setting) -> Fraction:
    if not _NUMBER.match(setting.value):
        raise ConfigError(f"{setting.place}: expected a number of marks, not {setting.value}")
    return Fraction(setting.value)
