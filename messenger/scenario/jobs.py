"""Plays side by side, each in a process of its own: one that breaks or is stuck costs nothing but itself.

Processes and not threads, because programs in terminals are forked, and that is safe only where no other thread runs.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from typing import Callable, Dict, Final, Generator, Iterator, List, NamedTuple, Sequence, Tuple

from messenger.scenario.playing import FAILED, Outcome, Task, perform
from messenger.scenario.setting import Cancelled

SLOW_SHARE: Final = 4
"""So many slow plays have place where one other has: they mostly wait."""

_ENDING_SECONDS: Final = 20.0
"""How long a play may take to end its programs."""

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_FORK: Final = multiprocessing.get_context("fork")


def default_jobs() -> int:
    """Return how many plays there are at once unless somebody says so: two for each processor, as they often wait."""
    affinity = getattr(os, "sched_getaffinity", None)
    return 2 * (len(affinity(0)) if affinity else os.cpu_count() or 1)


class Job(NamedTuple):
    """One play."""

    number: int
    """By which its outcome is known."""
    task: Task
    is_slow: bool = False
    """Whether it mostly waits: then it starts before the others, and beside them."""


def perform_all(
    jobs: Sequence[Job], places: int, on_start: Callable[[Job], None] = lambda job: None
) -> Generator[Tuple[Job, Outcome], None, None]:
    """Play all, so many at once, and yield outcomes as they come.

    Slow ones take less place, unless there is only one. Call it where no thread runs. However the iteration ends (close
    it if that is early), no process is left.
    """
    waiting = sorted(jobs, key=lambda job: not job.is_slow)
    running: Dict[Connection, _Running] = {}
    try:
        while waiting or running:
            while waiting and _has_place(waiting[0], [one.job for one in running.values()], places):
                job = waiting.pop(0)
                on_start(job)
                one = _Running(job)
                running[one.connection] = one
            for ready in wait(list(running)):
                assert isinstance(ready, Connection)
                one = running[ready]
                outcome = one.outcome()
                del running[ready]
                yield one.job, outcome
    finally:
        with _undisturbed():
            for one in running.values():
                one.process.terminate()
            for one in running.values():
                one.end()


def _has_place(job: Job, running: List[Job], places: int) -> bool:
    def share(one: Job) -> int:
        return 1 if one.is_slow and places > 1 else SLOW_SHARE

    return not running or share(job) + sum(map(share, running)) <= places * SLOW_SHARE


class _Running:
    """A process that plays."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.connection, remote = _FORK.Pipe(duplex=False)
        with _undisturbed():  # until the process knows what to do at signals
            self.process = _FORK.Process(target=_work, args=(job.task, remote, os.getpid()))
            self.process.start()
        remote.close()

    def outcome(self) -> Outcome:
        """Wait for what comes of the play."""
        try:
            outcome: Outcome = self.connection.recv()
        except EOFError:
            self.end()
            return Outcome(FAILED, message=f"the process that played it ended with status {self.process.exitcode}")
        self.end()
        return outcome

    def end(self) -> None:
        """Wait for the end of the process, and help if need be."""
        self.process.join(_ENDING_SECONDS)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
        self.connection.close()


def _work(task: Task, connection: Connection, parent: int) -> None:
    is_cancelled = False

    def cancel(*_: object) -> None:
        nonlocal is_cancelled
        is_cancelled = True

    for number in _SIGNALS:
        signal.signal(number, cancel)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    try:
        outcome = perform(task, lambda: is_cancelled or os.getppid() != parent)
    except Cancelled:
        return
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one play is told of it, and others go on
        outcome = Outcome(FAILED, message=f"{task.path}: it could not be played: {type(error).__name__}: {error}")
    connection.send(outcome)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Signals come afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
