"""The files of one conversation: what is told of them, the commands about them, and waiting for their end."""

from __future__ import annotations

import os
import queue
import threading
import time
from typing import Callable, Dict, Final, List, Optional, Set

from messenger import wording
from messenger.client.commands import CommandError
from messenger.client.figures import count_text
from messenger.client.render import Shown, TransferInfo, TransferList, TransferOffered
from messenger.client.screen import Screen, Woken
from messenger.config import FileConfig
from messenger.peer.handle import (
    AnyTransferEvent,
    Transfer,
    TransferAsked,
    TransferDone,
    TransferEnded,
    TransferProgress,
    TransferStarted,
)
from messenger.peer.transfers import Transfers

PROGRESS_SECONDS: Final = 10.0
"""How often a line tells how far a transfer is, where nothing else shows it."""

ENDED_LISTED: Final = 10
"""Transfers that have ended and are still listed by `/transfers`."""

_PATIENCE: Final = 1.0  # after so long a wait looks around: a signal may have come to another thread


class Files:
    """The transfers of one conversation, over all its connections.

    What happens to them is shown by a thread of its own, so that a terminal that is paused does not stop them. The
    waits return when what they wait for has been shown.
    """

    def __init__(
        self,
        config: FileConfig,
        show: Callable[[Shown], None],
        progress_seconds: float,
        on_failed: Callable[[], None] = lambda: None,
    ) -> None:
        """Take the UDP port; raises `ConfigError`. `on_failed` is called after an outgoing transfer has failed."""
        self.transfers = Transfers(config)
        self._source_dir = config.source_dir
        self.failures = 0
        """Outgoing transfers that have failed, or were refused."""
        self._show = show
        self._progress_seconds = progress_seconds
        self._on_failed = on_failed
        self._on_idle: Optional[Callable[[], None]] = None
        self._asking: Set[int] = set()
        self._answered: Set[int] = set()
        self._ended: Set[int] = set()
        self._next_progress: Dict[int, float] = {}
        self._nobody_answers = False
        self._changed = threading.Condition()
        self._order = threading.Lock()
        self._news: queue.SimpleQueue[Optional[AnyTransferEvent]] = queue.SimpleQueue()
        self._teller = threading.Thread(target=self._tell, name="messenger-news-of-files", daemon=True)
        self._teller.start()

    def take(self, event: AnyTransferEvent) -> None:
        """Take news of a transfer. Any thread may call; never waits."""
        self._news.put(event)

    def close(self) -> None:
        """End all transfers, telling the other sides, and return when that has been shown."""
        self.transfers.close()
        self._news.put(None)
        self._teller.join(_PATIENCE)

    # ---- commands -------------------------------------------------------------------------------------------

    def send(self, user: str, file: str) -> Transfer:
        """Offer a file; raises `SourceFailed` or `TransferFailed` for what cannot be sent."""
        path = os.path.expanduser(file) if file.startswith("~/") else file  # noqa: PTH111 - Path's raises without a home
        with self._order:  # nothing is told of it before this
            transfer = self.transfers.send(user, self._source_dir / path)
            self._show(TransferOffered(transfer.number, transfer.id, "out", user, transfer.name, transfer.size))
        return transfer

    def running(self) -> List[Transfer]:
        """Return those whose end has not been shown."""
        return [transfer for transfer in self.transfers.list() if transfer.number not in self._ended]

    def listed(self) -> TransferList:
        """Return what `/transfers` shows."""
        every = self.transfers.list()
        last = [transfer.number for transfer in every if transfer.is_ended][-ENDED_LISTED:]
        return TransferList([_info(one) for one in every if not one.is_ended or one.number in last])

    def cancel(self, number: int) -> None:
        """End a transfer; raises `CommandError`."""
        self._running_one(number).cancel()
        self._wait(lambda: number in self._ended)

    def accept(self, number: int) -> None:
        """Accept a file that waits for an answer; raises `CommandError`."""
        self._asking_one(number).accept()

    def refuse(self, number: int) -> None:
        """Refuse a file that waits for an answer; raises `CommandError`."""
        self._asking_one(number).refuse()
        self._wait(lambda: number in self._ended)

    def _running_one(self, number: int) -> Transfer:
        transfer = self.transfers.find(number)
        if transfer is None:
            raise CommandError("unknown_transfer", wording.NO_SUCH_TRANSFER.format(number=number))
        if transfer.is_ended:
            raise CommandError("transfer_ended", wording.TRANSFER_ENDED.format(number=number))
        return transfer

    def _asking_one(self, number: int) -> Transfer:
        transfer = self._running_one(number)
        with self._changed:
            if number not in self._asking:
                raise CommandError("not_asked", wording.TRANSFER_ASKS_NOTHING.format(number=number))
            self._asking.discard(number)
        return transfer

    # ---- waiting --------------------------------------------------------------------------------------------

    def wait_answer(self, number: int) -> None:
        """Return when a transfer was accepted, or will not be."""
        self._wait(lambda: number in self._answered)

    def wait_all(self, is_over: Callable[[], bool] = lambda: False) -> None:
        """Return when nothing runs any more, or `is_over`. Whoever asks meanwhile is refused: nobody will answer."""
        self._refuse_asking()
        self._wait(lambda: not self.running() or is_over())

    def ask_before_leaving(self, screen: Screen) -> bool:
        """Ask a person what is to become of what still runs; False if they would rather stay. Raises `Woken`."""
        question = wording.ASK_BEFORE_LEAVING
        while True:
            try:
                answer = self._ask(screen, question)
            except EOFError:
                answer = "cancel"  # whoever presses Ctrl-D once more wants to be out of here
            if not answer:
                return True
            if "wait".startswith(answer):
                question = wording.ASK_WHILE_WAITING
                self._refuse_asking()
            elif "cancel".startswith(answer):
                for transfer in self.running():
                    transfer.cancel()
                self.wait_all()
                return True
            elif "stay".startswith(answer):
                self._nobody_answers = False
                return False

    def wait_without_server(self, screen: Screen) -> None:
        """Return when nothing runs any more, after the connection was lost. Only Ctrl-C ends it before."""
        while screen.is_interactive and self.running():
            try:
                self._ask(screen, wording.WAIT_WITHOUT_SERVER)
            except Woken:
                continue
            except EOFError:
                break  # there may be nothing but ends from here on: wait without asking
        self.wait_all()

    def _ask(self, screen: Screen, question: str) -> str:
        """Return an answer that is not blank; nothing once nothing runs any more. Raises EOFError and `Woken`."""
        self._on_idle = screen.wake
        answer = ""
        try:
            while not answer and self.running():
                answer = screen.ask(question.format(transfers=count_text(len(self.running())))).strip().lower()
        except Woken:
            if self.running():
                raise
            return ""
        finally:
            self._on_idle = None
        return answer

    def _refuse_asking(self) -> None:
        with self._changed:
            self._nobody_answers = True
            asking, self._asking = self._asking, set()
        for number in asking:
            self._refuse(number)

    def _refuse(self, number: int) -> None:
        transfer = self.transfers.find(number)
        if transfer is not None:
            transfer.refuse()

    def _wait(self, is_met: Callable[[], bool]) -> None:
        with self._changed:
            while not is_met():
                self._changed.wait(_PATIENCE)

    # ---- the thread that tells ------------------------------------------------------------------------------

    def _tell(self) -> None:
        while True:
            event = self._news.get()
            if event is None:
                return
            if isinstance(event, TransferAsked):
                self._note_question(event.number)  # before it is shown: whoever reads it may answer at once
            with self._order:
                if not isinstance(event, TransferProgress) or self._is_due(event.number):
                    self._show(event)
            with self._changed:
                self._note(event)
                self._changed.notify_all()
                on_idle = None if self.running() else self._on_idle
            if on_idle is not None:
                on_idle()
            if isinstance(event, TransferEnded) and event.direction == "out":
                self._on_failed()

    def _note_question(self, number: int) -> None:
        with self._changed:
            if not self._nobody_answers:
                self._asking.add(number)
                return
        self._refuse(number)

    def _note(self, event: AnyTransferEvent) -> None:
        number = event.number
        if isinstance(event, TransferStarted):
            self._asking.discard(number)
            self._answered.add(number)
            self._next_progress[number] = time.monotonic() + self._progress_seconds
        elif isinstance(event, (TransferDone, TransferEnded)):
            self._asking.discard(number)
            self._answered.add(number)
            self._ended.add(number)
            self._next_progress.pop(number, None)
            self.failures += isinstance(event, TransferEnded) and event.direction == "out"

    def _is_due(self, number: int) -> bool:
        now = time.monotonic()
        if now < self._next_progress.get(number, 0.0):
            return False
        self._next_progress[number] = now + self._progress_seconds
        return True


def _info(transfer: Transfer) -> TransferInfo:
    done, rate, *_ = transfer.progress()
    direction = "out" if transfer.is_outgoing else "in"
    return TransferInfo(
        transfer.number, direction, transfer.user, transfer.name, transfer.size, transfer.state(), done, round(rate)
    )
