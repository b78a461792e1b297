"""What a failed play leaves behind, for whoever looks for the reason: its timeline, its terminals, its folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Callable, Final, Iterable, Iterator, Sequence

from messenger.scenario.casts import write_casts
from messenger.scenario.columns import columns
from messenger.scenario.frames import Recording
from messenger.scenario.hiding import hiding
from messenger.scenario.timeline import Entry

TIMELINE_WIDTH: Final = 160

_HIDING_MAX: Final = 16 * 1024 * 1024
"""Larger files are those that scenarios send: in these stands no password."""


def keep(
    place: Path,
    name: str,
    message: str,
    entries: Sequence[Entry],
    folder: Path,
    recordings: Sequence[Recording],
    secrets: Iterable[str],
) -> Path:
    """Keep it in a new folder of this place and return that; raises `OSError`.

    `timeline.txt` is what happened and why it failed, `terminals` holds the casts, `files` the folder of the play:
    logs, scripts, files that were sent and received. No secret is in any of them.
    """
    kept = _new_folder(place, name.replace("/", "-"))
    rows = [*columns(entries, TIMELINE_WIDTH, rows_max=0), "", message]
    (kept / "timeline.txt").write_text("\n".join(rows) + "\n", encoding="utf-8", errors="backslashreplace")
    secrets = list(secrets)
    if recordings:
        write_casts(kept / "terminals", name, recordings)
    _copy(folder, kept / "files", hiding(secrets))
    return kept


def _new_folder(place: Path, name: str) -> Path:
    """Make a folder in which nothing is: what an earlier run has left stays there."""
    place.mkdir(parents=True, exist_ok=True)
    for candidate in _candidates(place / name):
        try:
            candidate.mkdir()
            break
        except FileExistsError:
            continue
    return candidate


def _candidates(path: Path) -> Iterator[Path]:
    yield path
    number = 2
    while True:
        yield path.with_name(f"{path.name}-{number}")
        number += 1


def _copy(source: Path, target: Path, hide: Callable[[str], str]) -> None:
    target.mkdir()
    for path in sorted(source.iterdir()):
        if path.is_symlink():
            continue
        if path.is_dir():
            _copy(path, target / path.name, hide)
        elif path.is_file() and path.stat().st_size > _HIDING_MAX:
            shutil.copyfile(path, target / path.name)
        elif path.is_file():
            text = path.read_bytes().decode("utf-8", "surrogateescape")
            (target / path.name).write_bytes(hide(text).encode("utf-8", "surrogateescape"))
