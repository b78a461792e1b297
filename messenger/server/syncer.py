"""Durable acknowledgements: batches wait here until their log lines are on the disk, many for one fdatasync."""

from __future__ import annotations

import logging
import threading
from typing import Callable, List, Set, Tuple, Union

from messenger.errors import StorageError
from messenger.server.batch import Work, refuse_messages
from messenger.server.counts import NO_MESSAGES, Messages
from messenger.server.logfile import LogFile

_log = logging.getLogger(__name__)


class Syncer:
    """One thread that syncs, and then releases everything that waited for it, in order (group commit)."""

    def __init__(self, release: Callable[[Work, Messages, bool], None]) -> None:
        """`release` gets what waited, the messages in it, and whether they could be stored."""
        self._release = release
        self._waiting: List[Tuple[Set[LogFile], Union[Work, threading.Event], Messages]] = []
        self.lines_waiting = 0
        """Lines of messages whose acknowledgements wait for the disk. Any thread may read."""
        self._condition = threading.Condition()
        self._stopping = False
        self.thread = threading.Thread(target=self._run, name="syncer", daemon=True)

    def start(self) -> None:
        """Begin to sync."""
        self.thread.start()

    def submit(self, files: Set[LogFile], work: Work, messages: Messages) -> None:
        """Release `work` once these files, and everything submitted before, are on the disk. Never waits."""
        with self._condition:
            self._waiting.append((files, work, messages))
            self.lines_waiting += messages.lines
            self._condition.notify()

    def drain(self) -> None:
        """Return when everything submitted so far has been released."""
        released = threading.Event()
        with self._condition:
            self._waiting.append((set(), released, NO_MESSAGES))
            self._condition.notify()
        released.wait()

    def stop(self) -> None:
        """Return when everything submitted has been released."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        self.thread.join()

    def _run(self) -> None:
        done = 0
        while True:
            with self._condition:
                self.lines_waiting -= done
                while not self._waiting and not self._stopping:
                    self._condition.wait()
                batches, self._waiting = self._waiting, []
            if not batches:
                return
            files: Set[LogFile] = set().union(*(files for files, _, _ in batches))
            done = sum(messages.lines for _, _, messages in batches)
            stored = self._sync(files)
            for its_files, work, messages in batches:
                if isinstance(work, threading.Event):
                    work.set()
                    continue
                its_stored = stored or not its_files
                if not its_stored:
                    work = [(connection, refuse_messages(events)) for connection, events in work]
                self._release([(connection, events) for connection, events in work if events], messages, its_stored)

    @staticmethod
    def _sync(files: Set[LogFile]) -> bool:
        try:
            for file in files:
                file.sync()
        except StorageError as error:
            _log.error("messages refused: %s", error)
            return False
        return True
