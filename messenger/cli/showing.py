"""`messenger demo`."""

from __future__ import annotations

import io
import sys

import click

from messenger.cli.parameters import OneLineError
from messenger.errors import MessengerError


@click.command()
def demo() -> None:
    """Start a server and play the sample workflow with three scripted clients."""
    from messenger.demo import run

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # whatever the terminal's encoding
    try:
        passed = run()
    except MessengerError as error:
        raise OneLineError(str(error)) from None
    sys.exit(0 if passed else 1)
