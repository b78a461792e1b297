"""`messenger replay`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Tuple

import click

from messenger.cli.chatting import read_chat
from messenger.cli.parameters import FILE


@click.command()
@click.argument("files", nargs=-1, type=FILE)
@click.option("--driver", type=click.Choice(["terminal", "library"]), default="terminal")
def replay(files: Tuple[Path, ...], driver: str) -> None:
    """Play scenarios."""
    import tempfile

    from messenger.chat.accounts import parse_credentials
    from messenger.scenario.library import LibraryDriver
    from messenger.scenario.parser import parse
    from messenger.scenario.player import Play
    from messenger.scenario.setting import Setting
    from messenger.scenario.terminal import TerminalDriver

    accounts = parse_credentials(Path("credentials.txt").read_bytes())
    good = True
    for path in files:
        scenario = parse(path.read_text(), str(path))
        with tempfile.TemporaryDirectory() as name:
            play = Play(
                scenario,
                TerminalDriver() if driver == "terminal" else LibraryDriver(read_chat),
                Setting(Path(name), accounts),
            )
            result = play.run()
        click.echo(
            f"{path} {'passed' if result.has_passed else result.skipped or result.failure} {result.seconds:.2f} s"
        )
        if result.failure:
            for entry in result.entries:
                click.echo(f"  {entry.seconds:6.2f} {entry.who:10} {entry.kind:6} {entry.text}")
        good = good and not result.failure
    sys.exit(0 if good else 1)
