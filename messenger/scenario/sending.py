"""The files of a client's recording, pure: others get them, whatever came in between, and send those that came."""

from __future__ import annotations

from typing import Dict, List

from messenger import wording
from messenger.peer.handle import TransferAsked, TransferDone, TransferEnded, TransferEvent, TransferStarted
from messenger.scenario.recording import Party, Pen, file_typed, gets_file, sends_file


class Sending:
    """The transfers of one client. A file that failed on its way is told, and arrives in a replay."""

    def __init__(self, pen: Pen, me: Party) -> None:
        self._pen = pen
        self._me = me
        self._names: Dict[int, str] = {}
        """Names of files by the numbers of transfers that were told and have not ended."""
        self._asked: Dict[int, Party] = {}
        """From whom the files come that wait for an answer."""
        self._refused: Dict[int, bool] = {}

    def is_asked(self, number: int) -> bool:
        """Whether a transfer waits for an answer."""
        return number in self._asked

    def answers(self, number: int, accepts: bool) -> List[str]:
        """The question whether a file is wanted is answered."""
        del self._asked[number]
        self._refused[number] = not accepts
        return [f"{self._me.program} > /{'accept' if accepts else 'refuse'} ${{transfer_{_letters(number)}}}"]

    def offers(self, event: TransferEvent, receiver: Party) -> List[str]:
        """A file is sent from here."""
        name = self._names[event.number] = file_typed(self._pen, event.name)
        lines = sends_file(self._pen, self._me, receiver, name, event.size)
        return [*lines, f"{self._me.program} < {_beginning(wording.OFFERED_TO, name, '')}"]

    def happens(self, event: TransferEvent, other: Party) -> List[str]:
        """Something is shown of a transfer."""
        number = event.number
        is_in = event.direction == "in"
        if is_in and isinstance(event, (TransferAsked, TransferStarted)) and number not in self._names:
            return self._comes(event, other)
        if not isinstance(event, (TransferDone, TransferEnded)) or number not in self._names:
            return []
        lines = []
        if self._asked.pop(number, None) is not None:
            lines = self._answer_late(number)
        name = self._names.pop(number)
        if self._refused.pop(number, False):
            return [
                *lines,
                f"{self._me.program} < {wording.NOT_RECEIVED.partition(':')[0].format(name=name, user=other.user)}",
            ]
        if isinstance(event, TransferEnded):
            lines.append(self._pen.remark(f"not delivered: {event.message}"))
        sender, receiver = (other, self._me) if is_in else (self._me, other)
        return [*lines, *gets_file(sender, receiver, name, event.size)]

    def _comes(self, event: TransferEvent, sender: Party) -> List[str]:
        name = self._names[event.number] = file_typed(self._pen, event.name)
        lines = sends_file(self._pen, sender, self._me, name, event.size)
        if isinstance(event, TransferAsked):
            self._asked[event.number] = sender
            value = f"{{transfer_{_letters(event.number)}:number}}"
            asked = wording.ASKED.partition(" or")[0].format(user=sender.user, name=name, size="{text}", number=value)
            return [*lines, f"{self._me.program} < {asked}"]
        return [*lines, f"{self._me.program} < {_beginning(wording.RECEIVING, name, sender.user)}"]

    def _answer_late(self, number: int) -> List[str]:
        """Nobody answered in time; a replay need not wait for that."""
        self._asked[number] = self._me
        return self.answers(number, accepts=False)


def _beginning(template: str, name: str, user: str) -> str:
    return template.partition(" (")[0].format(name=name, user=user)


def _letters(number: int) -> str:
    """Return a number as the names of values may hold it, in letters."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))
