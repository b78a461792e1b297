"""The files of a client's recording, pure: others get them, whatever came in between, and send those that came."""

from __future__ import annotations

from typing import Dict, List, NamedTuple

from messenger import wording
from messenger.peer.handle import TransferAsked, TransferDone, TransferEnded, TransferEvent, TransferStarted
from messenger.scenario.recording import Party, Pen, file_typed, gets_file, sends_file


class _File(NamedTuple):
    """A file that was offered and has not arrived."""

    sender: Party
    receiver: Party
    name: str
    size: int


class Sending:
    """The transfers of one client. A file that failed on its way is told, and arrives in a replay."""

    def __init__(self, pen: Pen, me: Party) -> None:
        self._pen = pen
        self._me = me
        self._files: Dict[int, _File] = {}
        """By the numbers of their transfers."""
        self._asked: Dict[int, bool] = {}
        """Those of them that wait for an answer (True), or were refused."""

    def is_asked(self, number: int) -> bool:
        """Whether a transfer waits for an answer."""
        return self._asked.get(number, False)

    def answers(self, number: int, accepts: bool) -> List[str]:
        """The question whether a file is wanted is answered."""
        if accepts:
            del self._asked[number]
        else:
            self._asked[number] = False
        return [f"{self._me.program} > /{'accept' if accepts else 'refuse'} ${{transfer_{_letters(number)}}}"]

    def offers(self, event: TransferEvent, receiver: Party) -> List[str]:
        """A file is sent from here."""
        file = _File(self._me, receiver, file_typed(self._pen, event.name), event.size)
        return [*self._begin(event.number, file), self._sees(wording.OFFERED_TO, file.name)]

    def happens(self, event: TransferEvent, other: Party) -> List[str]:
        """Something is shown of a transfer."""
        number = event.number
        if number not in self._files:
            is_new = event.direction == "in" and isinstance(event, (TransferAsked, TransferStarted))
            return self._comes(event, other) if is_new else []
        if isinstance(event, TransferDone):
            return self._end(number)
        if isinstance(event, TransferEnded):
            return [self._pen.remark(f"not delivered: {event.message}"), *self._end(number)]
        return []

    def finish(self, user: str = "") -> List[str]:
        """Nothing is left to be waited for when this user leaves, or anybody."""
        concerned = [
            number for number, file in self._files.items() if user in ("", file.sender.user, file.receiver.user)
        ]
        return [line for number in concerned for line in self._end(number)]

    def _begin(self, number: int, file: _File) -> List[str]:
        self._files[number] = file
        return sends_file(self._pen, file.sender, file.receiver, file.name, file.size)

    def _comes(self, event: TransferEvent, sender: Party) -> List[str]:
        file = _File(sender, self._me, file_typed(self._pen, event.name), event.size)
        lines = self._begin(event.number, file)
        if not isinstance(event, TransferAsked):
            return [*lines, self._sees(wording.RECEIVING, file.name, sender.user)]
        self._asked[event.number] = True
        value = f"{{transfer_{_letters(event.number)}:number}}"
        asked = wording.ASKED.partition(" or")[0].format(user=sender.user, name=file.name, size="{text}", number=value)
        return [*lines, f"{self._me.program} < {asked}"]

    def _end(self, number: int) -> List[str]:
        """It arrives, unless it was refused or nobody has answered."""
        file = self._files.pop(number)
        lines = self.answers(number, accepts=False) if self.is_asked(number) else []
        if self._asked.pop(number, None) is None:
            return gets_file(file.sender, file.receiver, file.name, file.size)
        told = wording.NOT_RECEIVED.partition(":")[0].format(name=file.name, user=file.sender.user)
        return [*lines, f"{self._me.program} < {told}"]

    def _sees(self, template: str, name: str, user: str = "") -> str:
        return f"{self._me.program} < {template.partition(' (')[0].format(name=name, user=user)}"


def _letters(number: int) -> str:
    """Return a number as the names of values may hold it, in letters."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))
