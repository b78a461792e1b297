"""`messenger demo`."""

from __future__ import annotations

import io
import signal
import sys
from pathlib import Path
from typing import NoReturn, Optional

import click

from messenger.cli.parameters import FILE, OneLineError
from messenger.errors import MessengerError


@click.command(epilog="Exit status: 0 everything came true, 1 something did not, 130 interrupted.")
@click.option("--cast", type=FILE, metavar="DIR", help="Write an asciicast of each terminal, and pictures of all.")
def demo(cast: Optional[Path]) -> None:
    """Play the sample workflow in real terminals, and show what everybody types and sees side by side."""
    from messenger.demo import run

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # whatever the terminal's encoding
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        passed = run(cast)
    except MessengerError as error:
        raise OneLineError(str(error)) from None
    except OSError as error:
        raise OneLineError(f"the demo cannot be played here: {error}") from None
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0 if passed else 1)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt
