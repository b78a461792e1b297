"""What all Locust users of one process share."""

from __future__ import annotations

import math
import random
import time
from typing import List, Optional, Protocol, Set, Union

from messenger.load.accounts import FarPool, Pool
from messenger.load.faults import ImpairedTransfers, impairment_of, seconds_of, share_of
from messenger.load.people import Person, Traffic
from messenger.load.plan import Plan
from messenger.load.profiles import Fault
from messenger.load.relay import Impairment


class Sender(Protocol):
    """A Locust user, as far as it sends."""

    @property
    def is_behind(self) -> bool:
        """Whether a message is due that can be sent."""

    def tell_unsent(self, until: float) -> None:
        """Count the messages that were due until then (`time.monotonic`) and were not sent."""


class Load:
    """The plan, the accounts that are left, and everybody who is there."""

    def __init__(self, plan: Plan, pool: Union[Pool, FarPool], traffic: Traffic) -> None:
        self.plan = plan
        self.pool = pool
        self.traffic = traffic
        self.people: Set[Person] = set()
        """Everybody."""
        self.stopped_at = math.inf
        """When sending was to end (`time.monotonic`): what was due until then is still sent, if it can be."""
        self.users: Set[Sender] = set()
        """The Locust users."""
        self.transfers: Set[ImpairedTransfers] = set()
        self.impairment: Optional[Impairment] = None
        """What happens to the datagrams of files."""

    @property
    def is_busy(self) -> bool:
        """Whether somebody is in the middle of something, or is to send what was due."""
        return bool(self.traffic.acting) or any(user.is_behind for user in self.users)

    def end(self) -> None:
        """The drain is over: nothing is waited for any more."""
        self.traffic.is_over = True
        for user in self.users:
            user.tell_unsent(self.stopped_at)

    def carry_out(self, fault: Fault) -> None:
        """Let something go wrong; what can was looked at by `check_fault`."""
        words = fault.how.split()
        if fault.what == "kill-clients":
            for person in self._some(words[0] if words else "10%"):
                person.close()
        elif fault.what == "pause-receivers":
            until = time.monotonic() + seconds_of(words[0] if words else "1s")
            for person in self._some(words[1] if len(words) > 1 else "100%"):
                person.paused_until = until
        elif fault.what == "udp":
            self.impairment = impairment_of(fault.how)
            for transfers in self.transfers:
                transfers.impairment = self.impairment

    def _some(self, share: str) -> List[Person]:
        people = sorted(self.people, key=lambda person: person.name)
        return random.sample(people, round(len(people) * share_of(share)))
