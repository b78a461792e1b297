"""The Locust users: a class for each role of `messenger.load.plan`. Importing this imports Locust: it patches Python.

A Locust user here is often several people, because whoever writes needs somebody to read: `Plan.accounts_of`.
"""

from __future__ import annotations

import random
import time
from typing import Any, ClassVar, Dict, Final, List, Optional, Set, Type

import gevent
from locust import User, tag, task

from messenger.errors import MessengerError
from messenger.load.accounts import TooFewAccounts
from messenger.load.people import Account, Lane, Person
from messenger.load.shared import Load
from messenger.peer.transfers import Transfers

RETRY_SECONDS: Final = 1.0
"""Between two attempts to log in."""

CATCH_UP_SECONDS: Final = 1.0
"""For how long after the end of sending that is sent which was due before."""

SPREAD_SECONDS: Final = 1.0
"""Over which those come who come together: Locust starts all users of a second at once, and a hundred who connect
together keep a generator busy for a fifth of it."""

LOOK_SECONDS: Final = 0.5
"""How often whoever waits looks whether the run is being stopped."""


class MessengerUser(User):
    """People who play one role together: logged in at the start, again whenever the connection is gone."""

    abstract = True
    role: ClassVar[str] = ""
    sends: ClassVar[bool] = False
    """Whether it writes messages, at their times in the open model."""
    load: ClassVar[Load]

    def on_start(self) -> None:
        """Take accounts and log everybody in."""
        self.accounts: List[Account] = []
        self.people: List[Person] = []
        self.lanes: List[Lane] = []
        host, _, port = (self.host or self.environment.host or "127.0.0.1:12000").rpartition(":")
        self.address = (host.strip("[]"), int(port))
        load = self.load
        self.plan, self.traffic = load.plan, load.traffic
        load.users.add(self)
        try:
            self.accounts = load.pool.take(self.plan.accounts_of(self.role))
        except TooFewAccounts:
            load.traffic.recorder.failure("accounts", "none was left", time.time())
            return  # and does nothing: raised, it would be Locust's, and not in the report
        self.pause(random.random() * SPREAD_SECONDS)  # noqa: S311 - no secret
        self.people = [Person(account, self.address, load.traffic) for account in self.accounts]
        load.people.update(self.people)
        self.next_due = time.monotonic() + random.random() * (1 / self.plan.rate if self.plan.rate else 0)  # noqa: S311
        self.prepare()
        self.enter()

    def on_stop(self) -> None:
        """Log everybody out and give the accounts back."""
        self.load.users.discard(self)
        # Who is stopped in the middle of a run was given no time for what had just become due.
        self.tell_unsent(min(self.load.stopped_at, time.monotonic() - LOOK_SECONDS))
        for person in self.people:
            try:
                person.log_out()
            except MessengerError:
                person.close()
        for lane in self.lanes:
            self.traffic.close(lane)
        self.load.people.difference_update(self.people)
        self.load.pool.give_back(self.accounts)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)

        @tag(cls.role)
        @task
        def act(user: MessengerUser) -> None:
            user.act()

        cls.tasks = [act]

    def act(self) -> None:
        """Do once what the role does; when the run is being stopped, only what should have been done before."""
        if not self.accounts or (self.traffic.is_stopping and not self.is_behind):
            gevent.sleep(0.1)
            return
        with self.traffic.busy():
            self.act_once()

    def act_once(self) -> None:
        """Do once what the role does, or log in who is not."""
        if all(person.is_in for person in self.people):
            self.play()
        else:
            self.enter()

    def prepare(self) -> None:
        """Make what the role needs, before anybody is logged in."""

    def enter(self) -> None:
        """Log in everybody who is not, until it works."""
        for person in self.people:
            while not person.is_in and not self.traffic.is_stopping:
                person.close()
                if not person.log_in(self.files_of(person)):
                    self.pause(RETRY_SECONDS)
        if not self.traffic.is_stopping:
            self.gather()

    def gather(self) -> None:
        """Do what follows the logins, each time."""

    def files_of(self, person: Person) -> Optional[Transfers]:
        """Return what this one sends and receives files with; None: nothing."""
        return None

    def play(self) -> None:
        """Do once what the role does."""
        raise NotImplementedError

    def think(self) -> None:
        """Wait as a person does."""
        self.pause(random.expovariate(1 / self.plan.think) if self.plan.think else 0.0)

    def pause(self, seconds: float) -> None:
        """Do nothing for so long, or until the run is being stopped."""
        end = time.monotonic() + seconds
        while not self.traffic.is_stopping:
            left = end - time.monotonic()
            gevent.sleep(max(0.0, min(left, LOOK_SECONDS)))
            if left <= LOOK_SECONDS:
                return

    @property
    def is_behind(self) -> bool:
        """Whether a message is due that can be sent (open model)."""
        if not (self.sends and self.plan.rate and self.people):
            return False
        is_time = time.monotonic() < self.load.stopped_at + CATCH_UP_SECONDS
        return self._is_due and is_time and all(person.is_in for person in self.people)

    @property
    def _is_due(self) -> bool:
        return self.next_due <= min(self.load.stopped_at, time.monotonic())

    def tell_unsent(self, until: float) -> None:
        """Count the messages that were due until then and were not sent; the next call begins after them."""
        count = 0
        while self.sends and self.plan.rate and self.people and self.next_due <= until:
            count += 1
            self.next_due += random.expovariate(self.plan.rate)
        if count:
            self.traffic.recorder.amount("unsent", count, time.time())

    def send(self, person: Person, lane: Lane, to: str) -> None:
        """Send one message as the model has it: at its time, or after the one before was acknowledged."""
        if self.plan.rate:
            self.pause(self.next_due - time.monotonic())
            if self._is_due:
                person.send(lane, to, self.next_due, self.plan.text_bytes)
                self.next_due += random.expovariate(self.plan.rate)
            return
        pending = person.send(lane, to, time.monotonic(), self.plan.text_bytes)
        if pending is not None:
            try:
                pending.result(30)
            except MessengerError:
                pass  # it is in the record
        self.think()


class MessagesUser(MessengerUser):
    """Two people who write to each other in turns."""

    role = "messages"
    sends = True

    def prepare(self) -> None:
        """Open a lane each way."""
        one, two = self.people
        self.lanes = [self.traffic.open(self.role, [two.name]), self.traffic.open(self.role, [one.name])]
        self.turn = 0

    def play(self) -> None:
        """Write to the other."""
        self.turn ^= 1
        self.send(self.people[self.turn], self.lanes[self.turn], self.people[1 - self.turn].name)


class GroupsUser(MessengerUser):
    """A group of people of whom one writes to all others."""

    role = "groups"
    sends = True

    def prepare(self) -> None:
        """Open a lane to all others."""
        self.group_name = f"g{random.getrandbits(60):x}"
        self.is_made = False
        self.joined: Set[Person] = set()
        self.lanes = [self.traffic.open(self.role, [person.name for person in self.people[1:]])]

    def gather(self) -> None:
        """Make the group and join it, the first time: the server keeps it."""
        creator, *others = self.people
        names = [person.name for person in others]
        if creator.is_in and not self.is_made:  # each may have lost the connection while others logged in
            self.is_made = creator.ask("creategroup", creator.client.create_group, self.group_name, names)
        for person in [one for one in others if self.is_made and one not in self.joined]:
            if person.is_in and person.ask("joingroup", person.client.join_group, self.group_name):
                self.joined.add(person)

    def play(self) -> None:
        """Write to the group."""
        self.send(self.people[0], self.lanes[0], self.group_name)


class PresenceUser(MessengerUser):
    """Somebody who asks again and again who is there."""

    role = "presence"

    def play(self) -> None:
        """Ask for the list."""
        self.people[0].ask("activeuser", self.people[0].client.active_users)
        self.think()


class LoginsUser(MessengerUser):
    """Somebody who logs in and out."""

    role = "logins"

    def play(self) -> None:
        """Log out; being logged in again comes by itself."""
        self.think()
        self.people[0].log_out()


class WrongPasswordsUser(MessengerUser):
    """Somebody who tries wrong passwords until the account is blocked, waits, and logs in."""

    role = "wrong-passwords"

    def play(self) -> None:
        """Be refused until blocked; what is refused counts as operation `refusal`, what is not as a failure."""
        person = self.people[0]
        person.log_out()
        for _ in range(5):
            began = time.monotonic()
            code = person.try_password("not " + person.account.password)
            if code in ("login_failed", "blocked"):
                self.traffic.recorder.latency("refusal", time.monotonic() - began, time.time())
            else:
                self.traffic.recorder.failure("refusal", code or "was let in", time.time())
            if code == "blocked":
                self.pause(10.5)
                break
        self.think()


class ReconnectsUser(MessagesUser):
    """Two people of whom one loses the connection now and then and comes back."""

    role = "reconnects"

    def play(self) -> None:
        """Write a few times, then drop a connection."""
        if random.random() < 0.1 and not self.traffic.is_stopping:  # noqa: S311 - as above
            self.people[0].drop()
        else:
            super().play()


class SlowReadersUser(MessagesUser):
    """Two people of whom the second reads slowly: each message takes it a while."""

    role = "slow-readers"

    def prepare(self) -> None:
        """As `MessagesUser`; the second one dawdles."""
        super().prepare()
        self.people[1].on_message = lambda: gevent.sleep(0.05)

    def play(self) -> None:
        """Write to the slow one."""
        self.send(self.people[0], self.lanes[0], self.people[1].name)


USERS: Final[Dict[str, Type[MessengerUser]]] = {
    one.role: one
    for one in (
        MessagesUser, GroupsUser, PresenceUser, LoginsUser, WrongPasswordsUser, ReconnectsUser, SlowReadersUser,
    )
}  # fmt: skip
"""The class of each role, but for those of other modules."""
