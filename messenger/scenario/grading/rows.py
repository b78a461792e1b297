"""What a program writes to its terminal, as rows of text without its prompts, colours and echoes; pure."""

from __future__ import annotations

import codecs
import re
from typing import Final, List, Optional, Set

_CONTROL_SEQUENCE: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_BEGUN_SEQUENCE: Final = re.compile(r"\x1b(\[[0-9;?]*[ -/]*)?\Z")
_ROW_END: Final = re.compile(r"\r\n|\n|\r(?!\Z)")
"""After a carriage return a row is written anew: that is another one. One that comes last may be half a line end."""
_MOST_ECHOES: Final = 8
_MOST_OF_ROW: Final = 1 << 20


class Rows:
    """Bytes in, rows out, the same ones however the bytes are cut."""

    def __init__(self, prompt: str = "", ignore: str = "", joins: str = "") -> None:
        """`prompt`, `ignore` and `joins` are those of the dialect."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._prompt = _compile(rf"\A\s*(?:{prompt})[ \t]*" if prompt else "")
        self._ignore = _compile(ignore)
        self._joins = _compile(joins)
        self._prompts: List[str] = []
        self._usual: Set[str] = set()
        self._echoes: List[str] = []
        self._raw = ""
        self._held = ""
        """A row that goes on in the next one."""

    @property
    def partial(self) -> str:
        """The row that has begun."""
        text = self._without_prompts(_without_sequences(self._raw))
        return "" if text.strip() in self._usual or self._is_ignored(text) else text.rstrip()

    def feed(self, data: bytes) -> List[str]:
        """Take in bytes; returns the rows that are complete by now."""
        self._raw += self._decoder.decode(data)
        *rows, self._raw = _ROW_END.split(self._raw)
        if len(self._raw) > _MOST_OF_ROW:
            rows, self._raw = [*rows, self._raw], ""
        return self._complete(rows)

    def enter(self, line: str) -> List[str]:
        """Enter is typed, with a line before it: the row ends; if the program echoes the line, that is no row."""
        rows, self._raw = [self._raw], ""
        self._echoes = [*self._echoes[-_MOST_ECHOES:], line.strip()]
        return self._complete(rows)

    def learn(self, rows: List[str]) -> None:
        """These rows, and the one that has begun, are shown to everybody: they and the prompt are nobody's lines."""
        prompt = self._without_prompts(_without_sequences(self._raw)).strip()
        if prompt:
            self._prompts.append(prompt)
        self._usual.update(row.strip() for row in rows)

    def _complete(self, rows: List[str]) -> List[str]:
        complete = []
        for row in rows:
            text = self._without_prompts(_without_sequences(row)).rstrip()
            if not text.strip() or text.strip() in self._usual or self._is_ignored(text) or self._is_echo(text):
                continue
            text = self._held + text
            self._held = text + " " if self._joins is not None and self._joins.search(text) else ""
            if not self._held:
                complete.append(text)
        return complete

    def _without_prompts(self, text: str) -> str:
        while True:
            found = self._prompt.match(text) if self._prompt is not None else None
            if found is not None and found.end():
                text = text[found.end() :]
                continue
            bare = text.lstrip()
            prompt = next((prompt for prompt in self._prompts if bare.startswith(prompt)), "")
            if not prompt:
                return text
            text = bare[len(prompt) :].lstrip()

    def _is_ignored(self, text: str) -> bool:
        return self._ignore is not None and self._ignore.search(text) is not None

    def _is_echo(self, text: str) -> bool:
        if text.strip() not in self._echoes:
            return False
        self._echoes.remove(text.strip())
        return True


def _compile(source: str) -> Optional[re.Pattern[str]]:
    return re.compile(source, re.IGNORECASE) if source else None


def _without_sequences(text: str) -> str:
    return _CONTROL_SEQUENCE.sub("", _BEGUN_SEQUENCE.sub("", text))
