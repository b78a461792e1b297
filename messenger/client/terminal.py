"""The terminal that people use: prompt_toolkit's line editing, with history, completion, and room for what arrives."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
import threading
import tty
from typing import Any, Dict, Final, Iterable, List, Optional

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import Style

from messenger.client.commands import BY_NAME, prompt_lines
from messenger.client.completion import Names, complete
from messenger.client.figures import progress_lines
from messenger.client.screen import Woken
from messenger.errors import MessengerError
from messenger.protocol.usage import help_line

_COLOURS: Final[Dict[str, str]] = {
    "message": "36",
    "group_message": "35",
    "invited": "33",
    "error": "31",
    "welcome": "1",
    "transfer_asked": "33",
    "transfer_started": "34",
    "transfer_stalled": "33",
    "transfer_done": "32",
    "transfer_failed": "31",
}
"""ANSI colour of a line by the type of its event; all others are plain."""

REFRESH_SECONDS: Final = 0.25
"""How often the bars of running transfers are drawn."""

BARS_MAX: Final = 5
"""Bars at one time; on a small terminal fewer."""

_STYLE: Final = Style([("bottom-toolbar", "noreverse")])


class EditorTerminal:
    """A screen (see `messenger.client.screen.Screen`) on a full terminal."""

    is_interactive = True
    is_broken = False
    fault = ""
    shows_progress = True

    def __init__(self, names: Names) -> None:
        self._colours = not os.environ.get("NO_COLOR")
        depth = None if self._colours else ColorDepth.DEPTH_1_BIT
        self._login: PromptSession[str] = PromptSession(color_depth=depth, style=_STYLE)
        self._commands: PromptSession[str] = PromptSession(
            history=InMemoryHistory(),
            completer=_LineCompleter(names),
            complete_in_thread=True,
            complete_while_typing=False,
            color_depth=depth,
            style=_STYLE,
        )
        self._running = names.running
        self._session = self._login
        self._refreshing: Optional[asyncio.TimerHandle] = None
        self._woken = False
        # Between two prompts nothing is echoed: what is typed ahead stands at the next one.
        self._saved: List[Any] = termios.tcgetattr(0)
        tty.setcbreak(0)
        self._lock = threading.Lock()
        self._waiting: List[str] = []
        self._editing: Optional[asyncio.AbstractEventLoop] = None
        """The editor's loop while a line is edited: only there can something be shown above that line."""
        self._pasted: List[str] = []

    def ask(self, question: str, hidden: bool = False) -> str:
        """Ask a question; a hidden answer shows asterisks, and none enters the history."""
        return self._prompt(self._login, question, is_password=hidden)

    def read_command(self) -> str:
        """Let a line be edited and return it; of several lines pasted at once, one after the other."""
        if not self._pasted:
            self._pasted = self._prompt(self._commands, self._command_prompt).replace("\r", "\n").split("\n")
        return self._pasted.pop(0)

    def show(self, lines: List[str], kind: str = "") -> None:
        """Show lines above the line that is being edited."""
        colour = _COLOURS.get(kind) if self._colours else None
        with self._lock:
            self._waiting += [f"\x1b[{colour}m{line}\x1b[0m\n" if colour else line + "\n" for line in lines]
            loop = self._editing
        if loop is None:
            self._write()
        else:
            try:
                loop.call_soon_threadsafe(self._show_above)
            except RuntimeError:
                pass  # the line has just been entered: `_prompt` shows what waits

    def wake(self) -> None:
        """Make reading raise `Woken`."""
        self._woken = True
        for session in (self._commands, self._login):
            loop = session.app.loop
            if loop is not None and not loop.is_closed():
                loop.call_soon_threadsafe(self._give_up, session)

    def close(self) -> None:
        """Show what waits to be shown, and give the terminal its settings back."""
        self._write()
        termios.tcsetattr(0, termios.TCSADRAIN, self._saved)

    def _command_prompt(self) -> FormattedText:
        """Return the list of commands, folded here because the editor cuts all lines of a prompt but the last."""
        commands = prompt_lines(self._commands.app.output.get_size().columns)
        return FormattedText([("ansibrightblack" if self._colours else "", commands + "\n"), ("bold", "> ")])

    def _prompt(self, session: PromptSession[str], message: Any, is_password: bool = False) -> str:
        self._write()
        try:
            return session.prompt(message, is_password=is_password, pre_run=lambda: self._begin(session))
        finally:
            with self._lock:
                self._editing = None
            self._write()

    def _begin(self, session: PromptSession[str]) -> None:
        with self._lock:
            self._editing = session.app.loop
        self._session = session
        self._refreshing = None
        self._refresh()
        self._show_above()
        self._give_up(session)

    def _show_above(self) -> None:
        """Show what waits above the line that is being edited; called in the editor's loop."""
        if self._waiting and self._editing is not None:
            run_in_terminal(self._write)
            self._refresh()

    def _refresh(self) -> None:
        """Draw how far transfers are, and again soon as long as there are any; called in the editor's loop."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            self._refreshing = None
        session, is_running = self._session, bool(self._running())
        was_running = session.bottom_toolbar is not None
        session.bottom_toolbar = self._toolbar if is_running else None
        if is_running or was_running:
            session.app.invalidate()
        if is_running and self._editing is not None:
            self._refreshing = self._editing.call_later(REFRESH_SECONDS, self._refresh)

    def _toolbar(self) -> str:
        size = self._session.app.output.get_size()
        most = max(1, min(BARS_MAX, size.rows // 4))
        running = [(transfer, transfer.progress()) for transfer in self._running()]
        return "\n".join(progress_lines(running, size.columns, most))

    def _write(self) -> None:
        with self._lock:
            text = "".join(self._waiting)
            self._waiting.clear()
            if text:
                sys.stdout.write(text)
                sys.stdout.flush()

    def _give_up(self, session: PromptSession[str]) -> None:
        if self._woken and session.app.is_running and not session.app.is_done:
            self._woken = False
            session.app.exit(exception=Woken())


class _LineCompleter(Completer):
    def __init__(self, names: Names) -> None:
        self._names = names

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        try:
            word, found = complete(document.text_before_cursor, self._names)
        except MessengerError:
            return  # the connection is gone or slow: nothing to complete from
        for text in found:
            meta = help_line(BY_NAME[text]) if text in BY_NAME else None
            yield Completion(text, start_position=-len(word), display_meta=meta)
