"""How a rule says no. Success never raises, so the exception costs only those who are refused."""

from __future__ import annotations

from typing import Optional

from messenger.chat.state import Session, State
from messenger.protocol.messages import Error
from messenger.protocol.text import clean
from messenger.wording import REFUSALS

_SHOWN_MAX = 64  # characters of a value that a sentence repeats to whoever typed it


class Refusal(Exception):
    """A request breaks a rule: `code` and its sentence, with the fields filled in."""

    def __init__(self, code: str, retry_after: float = 0, **fields: object) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after
        self.fields = fields

    def error(self, request_id: Optional[int]) -> Error:
        """Return the reply that tells it."""
        fields = {name: value if isinstance(value, Ready) else shown(value) for name, value in self.fields.items()}
        return Error(self.code, REFUSALS[self.code].format(**fields), request_id, self.retry_after)


def unreachable(state: State, session: Session, user: str) -> Refusal:
    """Return why nothing can be sent from this session to `user`, who is not online or is the session's own."""
    if user not in state.users:
        return Refusal("unknown_user", user=user)
    if user not in state.online:
        return Refusal("offline", user=user)
    return Refusal("yourself", user=session.name)


class Ready(str):
    """A field whose parts went through `shown` one by one."""

    __slots__ = ()


def shown(value: object) -> str:
    """Return a value as a sentence may repeat it: clean, and not for ever."""
    text = clean(str(value))
    return text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "…"
