"""The chat program: chooses the screen, holds the conversation, cleans up."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import List, NoReturn, Optional

from messenger import wording
from messenger.client.bare_terminal import BareTerminal
from messenger.client.chat import Conversation
from messenger.client.completion import Names
from messenger.client.screen import PipeScreen, Screen
from messenger.client.status import Status, complain_on_stderr
from messenger.client.witness import Witness
from messenger.config import ChatConfig
from messenger.peer.handle import Transfer


def run(config: ChatConfig, script: Optional[Path], plain: bool, witness: Optional[Witness] = None) -> int:
    """Chat until the end, while `witness` looks on; returns the exit status.

    Raises `ConfigError` for a script that cannot be read.
    """
    names = Names(lambda: _users_online(conversation), lambda: _running(conversation))
    screen = _choose_screen(config, script, plain, names)
    conversation = Conversation(config, screen, complain_on_stderr, witness)
    if witness is not None:
        is_for_people = screen.is_interactive and not config.json
        witness.complain = (lambda message: screen.show([message])) if is_for_people else complain_on_stderr
    conversation.on_event = names.learn
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, end_on_signal)
    try:
        status = int(conversation.run())
        if screen.fault:
            complain_on_stderr(wording.OUTPUT_FAILED.format(reason=screen.fault))
            status = status or int(Status.FAILED)
        return status
    finally:
        screen.close()


def end_on_signal(number: int, frame: object) -> NoReturn:
    """End the program, giving the terminal its settings back on the way, and telling the server and other clients."""
    raise SystemExit(128 + number)


def _choose_screen(config: ChatConfig, script: Optional[Path], plain: bool, names: Names) -> Screen:
    # JSON is UTF-8 whatever the locale says (RFC 8259, section 8.1).
    encoding = "utf-8" if config.json or sys.stdout is None else sys.stdout.encoding
    if script is not None or not os.isatty(0):
        return PipeScreen(script, encoding)
    if plain or config.json or not os.isatty(1) or os.environ.get("TERM", "dumb") == "dumb":
        return BareTerminal(encoding)
    from messenger.client.terminal import EditorTerminal  # a third of a second that scripts need not spend

    return EditorTerminal(names)


def _users_online(conversation: Conversation) -> List[str]:
    return [user.name for user in conversation.client.active_users(timeout=1)]


def _running(conversation: Conversation) -> List[Transfer]:
    return conversation.files.transfers.running()
