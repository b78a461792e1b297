"""The files of a play: making them, and finding out what is not as a step has it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Final, List, Mapping, Optional

from messenger.scenario.model import FileCheck, Make
from messenger.scenario.pattern import fill
from messenger.scenario.programs import CannotPlay, shown

_BLOCK: Final = 1 << 20


def inside(folder: Path, name: str) -> Path:
    """Return the path of a file in the folder of the play; raises `CannotPlay` for one outside."""
    path = folder / name
    resolved = path.resolve()
    if folder.resolve() not in [resolved, *resolved.parents]:
        raise CannotPlay(f"{name} is outside the folder of the play")
    return path


def make(step: Make, folder: Path, values: Mapping[str, str]) -> None:
    """Make a file; the same step makes the same bytes in every play."""
    path = inside(folder, fill(step.path, values))
    path.parent.mkdir(parents=True, exist_ok=True)
    if step.lines is not None:
        text = "".join(fill(line, values) + "\n" for line in step.lines)
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        return
    source = random.Random(str(step.place))  # noqa: S311 - repeatable, and no secret
    with path.open("wb") as file:
        if step.content == "zeros":
            file.truncate(step.size)  # takes neither time nor room, whatever the size
            return
        for start in range(0, step.size, _BLOCK):
            size = min(_BLOCK, step.size - start)
            if step.content == "random":
                file.write(source.getrandbits(8 * size).to_bytes(size, "little"))
            else:
                line = f"what stands from byte {start} of {step.path}\n".encode()
                file.write((line * (size // len(line) + 1))[:size])


def fault(step: FileCheck, folder: Path, values: Mapping[str, str]) -> str:  # noqa: PLR0911 - one return a fault
    """Say what is not as the step has it, or nothing."""
    path = inside(folder, fill(step.path, values))
    if step.what == "missing":
        return f"{step.path} is there: {_extent(path)}" if path.exists() else ""
    if not path.is_file():
        return f"there is no file {step.path}; there are {', '.join(_files(folder)) or 'none'}"
    if step.what == "exists":
        return ""
    if step.what == "over":
        size = path.stat().st_size
        return "" if size > step.count else f"{step.path} has {size} bytes"
    if step.what == "same":
        return _difference(path, inside(folder, fill(step.other, values)))
    lines = _lines(path)
    if step.what == "lines":
        return "" if len(lines) == step.count else f"{step.path} has {len(lines)} lines:\n{shown(lines)}"
    assert step.pattern is not None
    found = [line for line in lines if step.pattern.match(line, values, whole=True) is not None]
    if step.what == "has":
        return "" if found else f"no line of {step.path} is that:\n{shown(lines)}"
    return f"{step.path} has the line: {found[0]}" if found else ""


def udp_port(userlog: Path, user: str) -> Optional[int]:
    """Return the UDP port that the log of users has for somebody, or None."""
    for line in _lines(userlog) if userlog.is_file() else []:
        fields = line.split("; ")
        if len(fields) == 5 and fields[2] == user and fields[4].isdigit():
            return int(fields[4])
    return None


def lines_of(step: FileCheck, folder: Path, values: Mapping[str, str]) -> List[str]:
    """Return the lines of the file that a step looks at; none if there is no such file."""
    path = inside(folder, fill(step.path, values))
    return _lines(path) if path.is_file() else []


def _lines(path: Path) -> List[str]:
    lines = path.read_bytes().decode("utf-8", "surrogateescape").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _extent(path: Path) -> str:
    if not path.is_file():
        return "a folder"
    return f"it has {len(_lines(path))} lines" if path.suffix == ".txt" else f"it has {path.stat().st_size} bytes"


def _files(folder: Path) -> List[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _difference(path: Path, other: Path) -> str:
    if not other.is_file():
        return f"there is no file {other.name}"
    sizes = path.stat().st_size, other.stat().st_size
    if sizes[0] != sizes[1]:
        return f"{path.name} has {sizes[0]} bytes, {other.name} {sizes[1]}"
    with path.open("rb") as one, other.open("rb") as two:
        for start in range(0, sizes[0], _BLOCK):
            if one.read(_BLOCK) != two.read(_BLOCK):
                return f"{path.name} and {other.name} differ within {_BLOCK} bytes from byte {start}"
    return ""
