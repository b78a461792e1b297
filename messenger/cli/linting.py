"""`messenger lint`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import List, Tuple

import click

from messenger.cli.parameters import FILE, OneLineUsageError
from messenger.errors import ConfigError


@click.command(epilog="Exit status: 0 nothing is wrong (there may be warnings), 2 usage or a file that is wrong.")
@click.argument("places", nargs=-1, type=FILE, metavar="[FILE|FOLDER]...")
def lint(places: Tuple[Path, ...]) -> None:
    """Say what is wrong with scenarios, and warn of what looks like a mistake.

    Without FILE or FOLDER, those of this project: of the folder scenarios here, or else those that are installed.
    """
    from messenger.scenario.collection import collect, project_scenarios
    from messenger.scenario.doubts import doubts

    try:
        collection = collect(places or (project_scenarios(),))
    except ConfigError as error:
        raise OneLineUsageError(str(error)) from None
    faults = list(collection.faults)
    warnings: List[str] = []
    for source in collection.sources:
        for doubt in doubts(source.scenario, source.text):
            (faults if doubt.is_wrong else warnings).append(str(doubt))
    for line in [*faults, *warnings]:
        click.echo(line)
    click.echo(f"{_counted(collection.files, 'file')}, {len(faults)} wrong, {_counted(len(warnings), 'warning')}")
    sys.exit(2 if faults else 0)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
