"""What a conversation tells of its files, and when."""

from __future__ import annotations

import math
import threading
from typing import Any, Iterator, List

import pytest

from messenger.client.files import Files
from messenger.client.render import Shown, TransferList
from messenger.config import FileConfig
from messenger.peer.handle import TransferDone, TransferEnded, TransferEvent, TransferProgress, TransferStarted

OF = (1, "0" * 32, "out", "Hans", "clip.mp4", 1000)


@pytest.fixture
def shown() -> List[Shown]:
    """What was told."""
    return []


@pytest.fixture
def make(shown: List[Shown]) -> Iterator[List[Files]]:
    """Close what is put here."""
    made: List[Files] = []
    yield made
    for files in made:
        files.close()


@pytest.mark.parametrize(("seconds", "told"), [(0.0, 3), (math.inf, 0), (1000.0, 0)])
def test_progress_is_told_as_often_as_wanted(make: List[Files], shown: List[Shown], seconds: float, told: int) -> None:
    files = Files(FileConfig(), shown.append, seconds)
    make.append(files)
    files.take(TransferStarted(*OF))
    for done in (1, 2, 3):
        files.take(TransferProgress(*OF, done=done))
    files.take(TransferDone(*OF))
    files.close()
    assert [type(event) for event in shown] == [TransferStarted, *[TransferProgress] * told, TransferDone]


def test_a_line_of_progress_is_due_again_after_its_time(make: List[Files], shown: List[Shown]) -> None:
    files = Files(FileConfig(), shown.append, 0.01)
    make.append(files)
    done = 0
    files.take(TransferStarted(*OF))
    while len(shown) < 4:  # the started, and three of however many it takes
        done += 1
        files.take(TransferProgress(*OF, done=done))
    files.take(TransferEnded(*OF, code="x", message="y"))
    files.close()
    assert files.failures == 1


def test_what_shows_may_be_stuck_without_stopping_anything(make: List[Files]) -> None:
    """A paused terminal: whoever brings the news goes on, and so does the thread of the transfers."""
    stuck, entered = threading.Event(), threading.Event()

    def show(event: Shown) -> None:
        entered.set()
        stuck.wait(10)

    files = Files(FileConfig(), show, 0.0)
    make.append(files)
    for _ in range(1000):
        files.take(TransferProgress(*OF))
    assert entered.wait(10)
    called = threading.Event()
    files.transfers.engine.call(called.set)
    assert called.wait(5)
    stuck.set()


class Ended:
    """A terminal at which Ctrl-D was pressed, or which is gone: each question is answered by the end of the input."""

    is_interactive = True

    def __init__(self) -> None:
        self.questions: List[str] = []

    def ask(self, question: str, hidden: bool = False) -> str:
        self.questions.append(question)
        raise EOFError

    def wake(self) -> None:
        pass


def test_whoever_ends_the_input_while_files_go_on_without_a_server_is_not_asked_again(
    make: List[Files], shown: List[Shown]
) -> None:
    files = Files(FileConfig(), shown.append, 0.0)
    make.append(files)
    transfer = files.transfers._new_handle(OF[1], True, "Hans", "clip.mp4", 1000)

    def end() -> None:
        transfer.end(None)
        files.take(TransferDone(*OF))

    threading.Timer(0.1, end).start()
    screen: Any = Ended()
    files.wait_without_server(screen)
    assert len(screen.questions) == 1
    assert [type(event) for event in shown] == [TransferDone]


def test_an_empty_list_is_one_too(make: List[Files], shown: List[Shown]) -> None:
    files = Files(FileConfig(), shown.append, 0.0)
    make.append(files)
    assert files.listed() == TransferList([])
    files.wait_all()
    assert not [event for event in shown if isinstance(event, TransferEvent)]
