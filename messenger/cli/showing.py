"""`messenger demo`."""

from __future__ import annotations

import io
import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Iterator, NoReturn, Optional

import click

from messenger.cli.parameters import FILE, OneLineError
from messenger.errors import MessengerError

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command(epilog="Exit status: 0 everything came true, 1 something did not, 130 interrupted.")
@click.option("--cast", type=FILE, metavar="DIR", help="Write an asciicast of each terminal, and pictures of all.")
def demo(cast: Optional[Path]) -> None:
    """Play the sample workflow in terminals.

    What everybody types and sees is shown side by side while it happens.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # whatever the terminal's encoding
    try:
        with _ended_by_signals():
            from messenger.demo import run

            passed = run(cast)
    except MessengerError as error:
        raise OneLineError(str(error)) from None
    except OSError as error:
        raise OneLineError(f"the demo cannot be played here: {error}") from None
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0 if passed else 1)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Raise `KeyboardInterrupt` at the first signal; those that follow don't disturb the tidying up."""

    def interrupt(*_: object) -> NoReturn:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
