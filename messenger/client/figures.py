"""Sizes, rates and times as people read them, and how far transfers are, pure. 1 kB is 1000 bytes."""

from __future__ import annotations

from typing import Final, List, Sequence, Tuple

from messenger import wording
from messenger.peer.handle import Progress, Transfer
from messenger.protocol.text import clean

BAR_COLUMNS: Final = 20
NARROW: Final = 60
"""Columns of a terminal below which the bars are shorter."""

_UNITS: Final = ("kB", "MB", "GB", "TB", "PB")


def size_text(size: float) -> str:
    """Return a number of bytes: `1 byte`, `999 bytes`, `1.2 MB`."""
    if round(size) < 1000:
        return f"{round(size)} byte{'' if round(size) == 1 else 's'}"
    value, unit = size / 1000, 0
    while value >= 999.95 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.1f} {_UNITS[unit]}"


def rate_text(rate: float) -> str:
    """Return bytes a second: `3.4 MB/s`."""
    return f"{size_text(rate)}/s"


def duration_text(seconds: float, digits: int = 2) -> str:
    """Return a time, a short one with these digits behind the point: `0.25 s`, `12 s`, `3:20 min`, `1:02:03 h`."""
    if seconds < 9.995:
        return f"{seconds:.{digits}f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02} h"


def share_text(share: float) -> str:
    """Return a share of one: `0.1 %`."""
    return f"{100 * share:.1f} %"


def done_text(done: int, size: int) -> str:
    """Return which part is done, rounded down so that only the whole is `100 %`."""
    return f"{100 * done // size if size else 100} %"


def left_text(done: int, size: int, rate: float) -> str:
    """Return how long the rest takes at this rate."""
    if done >= size:
        return "0 s"
    return duration_text(max(1, round((size - done) / rate)), digits=0) if rate >= 1 else "?"


def count_text(transfers: int) -> str:
    """Return a number of transfers in words."""
    return wording.ONE_TRANSFER if transfers == 1 else wording.TRANSFERS.format(count=transfers)


def progress_lines(running: Sequence[Tuple[Transfer, Progress]], columns: int, most: int) -> List[str]:
    """Return a line with a bar for each running transfer; beyond `most`, one line says how many more there are."""
    lines = [_progress_line(transfer, progress, columns) for transfer, progress in running[:most]]
    if len(running) > most:
        lines.append(wording.MORE_TRANSFERS.format(count=len(running) - most))
    return lines


def _progress_line(transfer: Transfer, progress: Progress, columns: int) -> str:
    """The name stands last: however wide it is, it pushes nothing else off the screen."""
    width = BAR_COLUMNS if columns >= NARROW else BAR_COLUMNS // 2
    file = f"{transfer.name} {'to' if transfer.is_outgoing else 'from'} {transfer.user}"
    filled = width * progress.done // transfer.size if transfer.size else width * transfer.is_started
    bar = "━" * filled + "─" * (width - filled)
    if not transfer.is_started:
        waits = wording.TRANSFER_WAITS.format(user=transfer.user)
        asks = wording.TRANSFER_ASKS.format(number=transfer.number)
        return clean(f"{transfer.number:>3} {bar} {waits if transfer.is_outgoing else asks}  {file}")
    done = done_text(progress.done, transfer.size)
    left = left_text(progress.done, transfer.size, progress.rate)
    loss = wording.PROGRESS_LOSS.format(loss=share_text(progress.loss)) if progress.repeated else ""
    return clean(f"{transfer.number:>3} {bar} {done:>5} {rate_text(progress.rate):>10} {left:>8} {file}{loss}")
