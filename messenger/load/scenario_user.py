"""A Locust user that plays a scenario over and over, with accounts of its own."""

from __future__ import annotations

import logging
import secrets
import tempfile
import time
from pathlib import Path
from typing import ClassVar, Final

from messenger.load.adapt import Adapted
from messenger.load.users import MessengerUser
from messenger.scenario.library import Configure, LibraryDriver
from messenger.scenario.player import Play
from messenger.scenario.setting import Setting

_log: Final = logging.getLogger("messenger.load")


class ScenarioUser(MessengerUser):
    """The actors of one scenario."""

    role = "scenario"
    adapted: ClassVar[Adapted]
    configure: ClassVar[Configure]

    def enter(self) -> None:
        """The scenario logs in by itself."""

    def act_once(self) -> None:
        """Play the scenario once."""
        adapted = type(self).adapted
        cast = {user: account.name for user, account in zip(adapted.users, self.accounts)}
        passwords = {account.name: account.password for account in self.accounts}
        scenario = adapted.cast(cast, secrets.token_hex(4))
        recorder = self.traffic.recorder
        recorder.amount("plays started", 1, time.time())
        with tempfile.TemporaryDirectory(prefix="messenger-load-") as name:
            setting = Setting(Path(name), passwords, self.address)
            result = Play(scenario, LibraryDriver(type(self).configure), setting).run()
        failure = result.failure
        if result.skipped:
            recorder.failure("scenario", result.skipped, time.time())
        elif failure is None:
            recorder.latency("scenario", result.seconds, time.time())
        elif not self.traffic.is_over:  # else it is one of those that have not come to their end
            recorder.failure("scenario", f"line {failure.step.place.line}: {failure.step.text}", time.time())
            _log.debug("%s", failure)
        self.think()
