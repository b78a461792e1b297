"""The command line: the only reader of options. What a command starts is imported when it is started."""

from __future__ import annotations

import click

from messenger.cli.chatting import chat, push
from messenger.cli.grading import grade
from messenger.cli.linting import lint
from messenger.cli.loading import compare, load
from messenger.cli.playing import replay
from messenger.cli.serving import credentials, serve
from messenger.cli.showing import demo
from messenger.version import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="messenger")
def main() -> None:
    """A messenger for the terminal: server, client, and peer-to-peer files."""


for _command in (serve, chat, push, demo, credentials, replay, lint, grade, load, compare):
    main.add_command(_command)
