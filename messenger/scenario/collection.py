"""Scenario files: finding them in folders, and reading them all before the first is played."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, Final, List, Optional, Sequence, Set, Tuple

from messenger.chat.accounts import parse_credentials
from messenger.errors import ConfigError
from messenger.scenario.model import Scenario
from messenger.scenario.parser import check

ENDING: Final = ".scenario"
"""How the names of scenario files end; what else stands in their folders is something else."""

_PACKAGE: Final = Path(__file__).parent.parent


@dataclass(frozen=True)
class Source:
    """A scenario file that was read."""

    path: Path
    name: str
    """Its path from the folder in which it was found, without the ending; no other has the same."""
    text: str
    scenario: Scenario


@dataclass
class Collection:
    """Files that can be played, in their order, and what is wrong with others."""

    files: int = 0
    """How many there are in all."""
    sources: List[Source] = field(default_factory=list)
    faults: List[str] = field(default_factory=list)
    """`FILE:LINE: what was expected`, or what is wrong with a file as a whole."""


def project_scenarios() -> Path:
    """Return the folder of the project's scenarios: one here comes before the one that came with this package.

    Raises `ConfigError` if there is none.
    """
    return Path("scenarios") if _has_scenarios(Path("scenarios")) else shipped_scenarios()


def shipped_scenarios() -> Path:
    """Return the folder of the scenarios that came with this package; raises `ConfigError` if there is none."""
    for folder in (_PACKAGE / "scenarios", _PACKAGE.parent / "scenarios"):
        if _has_scenarios(folder):
            return folder
    raise ConfigError(f"there is no folder scenarios with files that end with {ENDING}: name files or folders")


def read_accounts(path: Path) -> Dict[str, str]:
    """Return user names and passwords of a credentials file; hashes are none, as nobody can type what they stand for.

    Raises `ConfigError`.
    """
    try:
        accounts = parse_credentials(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return {name: secret for name, secret in accounts.items() if not secret.startswith("$scrypt$")}


def usual_credentials(of_project: Optional[Path] = None) -> Path:
    """Return the file with the accounts of scenarios: a credentials.txt here, or else the sample that is installed.

    With the folder of the project's scenarios, the file that belongs to them. Raises `ConfigError` if there is none.
    """
    folders = [Path(), _PACKAGE, _PACKAGE.parent] if of_project is None else [of_project.parent]
    for path in (folder / "credentials.txt" for folder in folders):
        if path.is_file():
            return path
    raise ConfigError("there is no credentials.txt here: name one with --credentials FILE")


def find(places: Sequence[Path]) -> List[Tuple[Path, str]]:
    """Return the files that are named or stand in folders that are named, each once, with their scenarios' names.

    Raises `ConfigError` for a folder without any.
    """
    found: Dict[str, Tuple[Path, str]] = {}
    names: Set[str] = set()
    for place in places:
        paths = sorted(path for path in place.rglob(f"*{ENDING}") if path.is_file()) if place.is_dir() else [place]
        if not paths:
            raise ConfigError(f"no file in the folder {place} ends with {ENDING}")
        for path in paths:
            if os.path.realpath(path) not in found:
                name = (path.relative_to(place) if place.is_dir() else Path(path.name)).with_suffix("").as_posix()
                name = name if name not in names else path.with_suffix("").as_posix().lstrip("./")
                names.add(name)
                found[os.path.realpath(path)] = (path, name)
    return list(found.values())


def collect(places: Sequence[Path]) -> Collection:
    """Read all files; raises `ConfigError` for a folder without any."""
    collection = Collection()
    for path, name in find(places):
        collection.files += 1
        text = read(path, collection.faults.append)
        if text is None:
            continue
        scenario, faults = check(text, str(path))
        collection.faults += [str(fault) for fault in faults]
        if not faults:
            collection.sources.append(Source(path, name, text, scenario))
    return collection


def read(path: Path, wrong: Callable[[str], object]) -> Optional[str]:
    """Return the text of a file; `wrong` is told why there is none."""
    try:
        data = path.read_bytes()
    except OSError as error:
        wrong(f"{path}: {error.strerror}")
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        wrong(f"{path}:{line}: expected text in UTF-8")
        return None


def _has_scenarios(folder: Path) -> bool:
    return folder.is_dir() and next(folder.rglob(f"*{ENDING}"), None) is not None
