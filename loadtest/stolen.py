"""What the host of a virtual machine takes of its time: a measurement during which it takes much tells of the host."""

from __future__ import annotations

from pathlib import Path
from typing import Tuple


class Stolen:
    """Counts from its making on."""

    def __init__(self) -> None:
        self._stolen, self._all = _ticks()

    def share(self) -> float:
        """Return the share of the time of all cores that was taken (steal of /proc/stat); 0 where it is not told."""
        stolen, everything = _ticks()
        return (stolen - self._stolen) / max(1, everything - self._all)


def _ticks() -> Tuple[int, int]:
    try:
        words = Path("/proc/stat").read_text(encoding="ascii").split("\n")[0].split()
    except OSError:
        return 0, 0
    return int(words[8]), sum(map(int, words[1:9]))
