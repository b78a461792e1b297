"""What a play's terminals have shown, to look at later: asciicasts, and pictures of all of them side by side."""

from __future__ import annotations

import codecs
import json
import re
import time
from pathlib import Path
from typing import Callable, Dict, Final, Iterable, List, Sequence, Tuple

from messenger.scenario.frames import Recording, moments
from messenger.scenario.model import SERVER
from messenger.scenario.svg import animated, still
from messenger.scenario.terminal import SIZE, Size

_LINE_END: Final = re.compile(rb"(?<!\r)\n")


class Recorder:
    """Takes down what programs write: `take` is what a `TerminalDriver` calls."""

    def __init__(self, size: Size = SIZE, clock: Callable[[], float] = time.monotonic) -> None:
        """`size` is that of the driver's terminals."""
        self._size = size
        self._clock = clock
        self._start = clock()
        self._output: Dict[str, List[Tuple[float, bytes]]] = {}

    def take(self, name: str, data: bytes) -> None:
        """A program has written this."""
        self._output.setdefault(name, []).append((self._clock() - self._start, data))

    def recordings(self, names: Sequence[str] = (), secrets: Iterable[str] = ()) -> List[Recording]:
        """Return what was taken down: of these names in this order, then of others, of the server last.

        Of secrets that a program has echoed, only asterisks are kept.
        """
        order = {name: number for number, name in enumerate(names)}
        names = sorted(self._output, key=lambda name: (name == SERVER, order.get(name, len(order))))
        hidden = [secret.encode() for secret in secrets if secret]
        return [Recording(name, *self._size, _clean(self._output[name], hidden)) for name in names]


def write_casts(folder: Path, name: str, recordings: Sequence[Recording], title: str = "") -> List[Path]:
    """Write the casts of one play into a folder and return their paths; raises `OSError`.

    `NAME.ACTOR.cast` is an asciicast (version 2) of each terminal, `NAME.svg` moves and shows all of them,
    `NAME.end.svg` shows how they stood at the end. A play in which nothing was written leaves nothing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = name.replace("/", "-")
    texts = {f"{name}.{one.name}.cast": asciicast(one, f"{one.name}: {title or name}") for one in recordings}
    shown = moments(recordings)
    if shown:
        names = [one.name for one in recordings]
        texts[f"{name}.svg"] = animated(names, shown, title or name)
        texts[f"{name}.end.svg"] = still(names, shown[-1], title or name)
    for file, text in texts.items():
        (folder / file).write_bytes(text.encode("utf-8"))
    return [folder / file for file in texts]


def asciicast(recording: Recording, title: str) -> str:
    """Return an asciicast, version 2: a header, then an event a line."""
    header = {"version": 2, "width": recording.columns, "height": recording.rows, "title": title}
    lines = [json.dumps(header, ensure_ascii=False)]
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for seconds, data in recording.output:
        text = decoder.decode(data)
        if text:
            lines.append(json.dumps([round(seconds, 6), "o", text], ensure_ascii=False))
    return "\n".join(lines) + "\n"


def _clean(output: List[Tuple[float, bytes]], secrets: List[bytes]) -> List[Tuple[float, bytes]]:
    """Hide secrets, also those that came in pieces, and end lines as terminals want it (a pipe's have no CR)."""
    whole = b"".join(data for _, data in output)
    for secret in secrets:
        whole = whole.replace(secret, b"*" * len(secret))
    cleaned, start, last = [], 0, b""
    for seconds, data in output:
        piece = whole[start : start + len(data)]
        begun = 1 if last == b"\r" and piece.startswith(b"\n") else 0
        cleaned.append((seconds, piece[:begun] + _LINE_END.sub(b"\r\n", piece[begun:])))
        start += len(data)
        last = piece[-1:] or last
    return cleaned
