"""What the I/O threads share: the rules and the journal, behind one lock; and what becomes of a batch."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Final, List, Optional

from messenger.chat.accounts import Accounts
from messenger.chat.rules import Rules
from messenger.chat.state import Moment
from messenger.config import ServerConfig
from messenger.errors import StorageError
from messenger.protocol.messages import Login
from messenger.server.batch import Batch, Work
from messenger.server.connection import Connection
from messenger.server.console import Console
from messenger.server.counts import NO_MESSAGES, Messages
from messenger.server.journal import Journal
from messenger.server.login import LoginWorkers
from messenger.server.syncer import Syncer

if TYPE_CHECKING:
    from messenger.server.loop import IoLoop

USERLOG_CREDIT_SECONDS: Final = 0.05
"""Writing time that userlog.txt may use at once. It is replaced before the reply to each login and logout, as long
as this lasts (over a hundred times in a row); the file system takes 0.3 ms for it, more with thousands of users."""

USERLOG_SHARE: Final = 0.1
"""How fast the credit comes back, in seconds a second: a storm of logins spends no more than that on the file."""

USERLOG_RETRY_SECONDS: Final = 0.02
"""When to look again whether a replacement that was put off can be made."""


FAILED_RETRY_SECONDS: Final = 1.0
"""When to try a file again that could not be replaced, on a full disk for instance."""


class Core:
    """One server's rules and files. `lock` is held by the I/O thread that hands requests to the rules."""

    def __init__(
        self, rules: Rules, accounts: Accounts, journal: Journal, console: Console, config: ServerConfig
    ) -> None:
        self.lock = threading.Lock()
        self.rules = rules
        self.journal = journal
        self.workers = LoginWorkers()
        self.messages = NO_MESSAGES
        """All that were accepted since the start."""
        self._accounts = accounts
        self._console = console
        self._is_shared = config.io_threads > 1
        self.is_userlog_due = False
        """Whether userlog.txt is behind, and `commit` has to be called again soon."""
        self._groups_retry = math.inf
        """When to write the file of groups again, after that has failed."""
        self._userlog_credit = USERLOG_CREDIT_SECONDS
        self._userlog_looked = 0.0
        self.syncer: Optional[Syncer] = Syncer(self._release) if config.durable else None

    def new_batch(self) -> Batch:
        """Return the sink of effects for one I/O thread."""
        return Batch(self.journal, self._verify)

    def commit(self, batch: Batch, loop: IoLoop, moment: Moment) -> Work:
        """Write a batch to the files, then hand out what it sends: the caller's own share is returned.

        To be called with the lock held. Whatever another thread handed to this one before comes first.
        """
        state = self.rules.state
        messages = NO_MESSAGES
        if batch.lines:
            try:
                self.journal.write_messages(batch.lines, batch.group_lines)
                messages = batch.messages()
            except StorageError:
                state.counts.refusals["not_stored"] += len(batch.lines)
                batch.take_back_messages(state)
        if batch.activity:
            self.journal.write_activity(batch.activity)
        if batch.is_groups_changed or self._groups_retry <= moment.monotonic:
            written = self.journal.write_groups(state.group_records())
            self._groups_retry = math.inf if written else moment.monotonic + FAILED_RETRY_SECONDS
        if batch.is_presence_changed:
            self.is_userlog_due = True
        if self.is_userlog_due:
            self._write_userlog(moment.monotonic)
        if batch.told:
            self._console.tell(moment.text, batch.told)
        if self.syncer is not None:
            batch.hurry()  # an acknowledgement shares the fate of its messages: refused if these cannot be synced
        work = batch.take_pending()
        if self.syncer is not None and work:
            files, self.journal.unsynced = self.journal.unsynced, set()
            self.syncer.submit(files, work, messages)
            work = []
        elif messages is not NO_MESSAGES:
            self.messages = self.messages.plus(messages)
        return self._share(work, loop)

    def threads(self) -> List[threading.Thread]:
        """Return the threads that work for the I/O threads."""
        return [*self.workers.threads, *([] if self.syncer is None else [self.syncer.thread])]

    def _write_userlog(self, now: float) -> None:
        earned = (now - self._userlog_looked) * USERLOG_SHARE
        self._userlog_credit = min(self._userlog_credit + earned, USERLOG_CREDIT_SECONDS)
        self._userlog_looked = now
        if self._userlog_credit > 0:
            started = time.monotonic()
            self.is_userlog_due = not self.journal.write_userlog(self.rules.state.online.values())
            self._userlog_credit -= time.monotonic() - started
            if self.is_userlog_due:
                self._userlog_credit = -FAILED_RETRY_SECONDS * USERLOG_SHARE

    def _share(self, work: Work, loop: IoLoop) -> Work:
        if not self._is_shared and not loop.handed:
            return work
        mine, loop.handed = loop.handed, []
        others = set()
        for item in work:
            owner = item[0].loop
            if owner is loop:
                mine.append(item)
            else:
                owner.handed.append(item)
                others.add(owner)
        for owner in others:
            owner.wake()
        return mine

    def _release(self, work: Work, messages: Messages, stored: bool) -> None:
        with self.lock:
            if stored:
                self.messages = self.messages.plus(messages)
            else:
                self.rules.state.counts.refusals["not_stored"] += messages.lines
            owners = set()
            for item in work:
                owner = item[0].loop
                owner.handed.append(item)
                owners.add(owner)
        for owner in owners:
            owner.wake()

    def _verify(self, connection: Connection, login: Login) -> bool:
        def check() -> bool:
            return self._accounts.check_slow(login.username, login.password)

        def done(right: bool) -> None:
            connection.loop.post_verified(connection, login, right)

        return self.workers.submit(check, done)
