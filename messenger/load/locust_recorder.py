"""What is measured, told to Locust, too, for its own page and files."""

from __future__ import annotations

from typing import Any, Optional

from messenger.load.lag import LAG
from messenger.load.recorder import Recorder


class LocustRecorder(Recorder):
    """A recorder that tells Locust, too, so that its page and files show the same operations."""

    def __init__(self, environment: Any) -> None:
        super().__init__()
        self._fire = environment.events.request.fire

    def latency(self, operation: str, seconds: float, at: float) -> None:
        """See `Recorder`."""
        super().latency(operation, seconds, at)
        if operation != LAG:
            self._tell(operation, seconds * 1000, None)

    def failure(self, operation: str, reason: str, at: float) -> None:
        """See `Recorder`."""
        super().failure(operation, reason, at)
        self._tell(operation, 0.0, reason)

    def _tell(self, operation: str, milliseconds: float, reason: Optional[str]) -> None:
        self._fire(
            request_type="messenger", name=operation, response_time=milliseconds, response_length=0,
            exception=reason, context={},
        )  # fmt: skip
