"""The command line: the only reader of options. A command's module, and what it starts, is imported when it is wanted:
programs of a scenario start by the dozen."""

from __future__ import annotations

from importlib import import_module
from typing import Final, List, Optional

import click

from messenger.version import __version__

_MODULES: Final = {
    "serve": "serving",
    "chat": "chatting",
    "push": "chatting",
    "demo": "showing",
    "credentials": "serving",
    "replay": "playing",
    "lint": "linting",
    "grade": "grading",
    "load": "loading",
    "compare": "loading",
}
"""The module of each command, which has it under its name."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> List[str]:
        return sorted(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> Optional[click.Command]:
        if cmd_name not in _MODULES:
            return None
        command: click.Command = getattr(import_module(f"messenger.cli.{_MODULES[cmd_name]}"), cmd_name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="messenger")
def main() -> None:
    """A messenger for the terminal: server, client, and peer-to-peer files."""
