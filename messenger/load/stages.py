"""How many Locust users there are as time goes by. Importing this imports Locust: it patches Python."""

from __future__ import annotations

from typing import Optional, Sequence, Tuple

from locust import LoadTestShape

from messenger.load.plan import Plan, people_at


class Stages(LoadTestShape):
    """As many users as make up the people of each stage; between two stages the number changes evenly."""

    def __init__(self, plan: Plan, stages: Sequence[Tuple[float, int]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Locust's
        self._plan = plan
        self._stages = stages

    def tick(self) -> Optional[Tuple[int, float]]:
        """Return how many users there should be now, and how many may come a second; None at the end."""
        now: float = self.get_run_time()  # type: ignore[no-untyped-call]  # as above
        people = people_at(self._stages, now)
        return None if people is None else (sum(self._plan.users(people).values()), 1000.0)  # a spike is one
