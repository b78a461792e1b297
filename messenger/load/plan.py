"""What load is asked for: options of a profile or of Locust's command line, checked when they are read."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Dict, Final, Optional, Sequence, Tuple

from messenger.config import parse_size
from messenger.errors import ConfigError

ROLES: Final[Dict[str, int]] = {
    "messages": 2,
    "groups": 10,
    "presence": 1,
    "logins": 1,
    "wrong-passwords": 1,
    "reconnects": 2,
    "slow-readers": 2,
    "files": 2,
}
"""What users do, and how many accounts one Locust user of the kind has."""


SCENARIO: Final = "scenario"
"""The role of those who play a scenario."""


@dataclass(frozen=True)
class Plan:
    """What each Locust user does, and how fast; raises `ConfigError` when built with an impossible value."""

    mix: Dict[str, float] = field(default_factory=lambda: {"messages": 1.0})
    """Shares of people by role; a role that is not named is not played."""
    rate: float = 0.0
    """Messages a second that each sender sends, whatever happens to the ones before (open model); 0: each waits for
    the acknowledgement, and then for `think` (closed model)."""
    think: float = 1.0
    """Seconds between the end of one thing and the next, on average (exponential)."""
    text_bytes: int = 40
    file_bytes: Tuple[int, int] = (5_000_000, 5_000_000)
    """Least and most size of a file; sizes between are equally likely on a logarithmic scale."""
    group_size: int = ROLES["groups"]
    scenario: str = ""
    """The file of a scenario that is played in the place of roles."""
    scenario_people: int = 1
    """How many users it has."""
    drain: float = 10.0
    """Seconds after the last message in which answers and deliveries are still waited for."""

    def __post_init__(self) -> None:
        for name, value in (("rate", self.rate), ("think", self.think), ("drain", self.drain)):
            if not 0 <= value < 1e6:
                raise ConfigError(f"{name} must be a number from 0 to a million, not {value:g}")
        if not 0 <= self.text_bytes <= 4000:
            raise ConfigError(f"text-bytes must be from 0 to 4000, not {self.text_bytes}")
        if self.group_size < 2:
            raise ConfigError(f"group-size must be 2 or more, not {self.group_size}")
        if not 0 <= self.file_bytes[0] <= self.file_bytes[1]:
            raise ConfigError("file-size must be SIZE or LEAST-MOST")

    def accounts_of(self, role: str) -> int:
        """Return how many accounts one Locust user of a role has."""
        if role == SCENARIO:
            return self.scenario_people
        return self.group_size if role == "groups" else ROLES[role]

    def users(self, people: int) -> Dict[str, int]:
        """Return how many Locust users of each role make up so many people: at least one of each that has a share."""
        total = sum(self.mix.values())
        return {
            role: max(1, round(people * share / total / self.accounts_of(role)))
            for role, share in self.mix.items()
            if share > 0
        }

    @property
    def weights(self) -> Dict[str, int]:
        """By which Locust chooses the role of its next user, where it is told no numbers but that of all users."""
        return {
            role: max(1, round(100 * share / self.accounts_of(role))) for role, share in self.mix.items() if share > 0
        }

    def most_people(self, users: int) -> int:
        """Return how many accounts so many Locust users may need: it never strays from the weights by a whole user."""
        weights = self.weights
        total = sum(weights.values())
        return sum(
            self.accounts_of(role) * min(users, math.ceil(users * weight / total) + 1)
            for role, weight in weights.items()
        )

    def most_people_of(self, people: int) -> int:
        """Return how many accounts as many Locust users may need as make up so many people."""
        return self.most_people(sum(self.users(people).values()))

    def people(self, users: Dict[str, int]) -> int:
        """Return how many accounts these Locust users need."""
        return sum(self.accounts_of(role) * count for role, count in users.items())


def people_at(stages: Sequence[Tuple[float, int]], seconds: float) -> Optional[int]:
    """Return how many people there are after so many seconds, between two stages evenly more; None at the end."""
    for (start, before), (end, after) in zip(stages, stages[1:]):
        if seconds < end:
            return round(before + (after - before) * max(0.0, seconds - start) / (end - start))
    return None


def parse_mix(text: str) -> Dict[str, float]:
    """Read `messages=80,groups=20`, or `messages`; raises `ConfigError`."""
    mix: Dict[str, float] = {}
    for part in text.split(","):
        role, _, share = part.strip().partition("=")
        if role not in ROLES or (share and not re.fullmatch(r"\d+(\.\d+)?", share)):
            raise ConfigError(f"mix must be ROLE=SHARE with commas between, roles {', '.join(ROLES)}, not {part!r}")
        mix[role] = float(share or 1)
    if not sum(mix.values()):
        raise ConfigError("mix has no share above 0")
    return mix


def parse_sizes(text: str) -> Tuple[int, int]:
    """Read `5MB`, or `100kB-10MB`; raises `ConfigError`."""
    least, dash, most = text.partition("-")
    low = parse_size(least.strip(), "file-size")
    return low, parse_size(most.strip(), "file-size") if dash else low
