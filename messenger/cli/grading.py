"""`messenger grade`."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, NoReturn, Tuple

import click

from messenger.cli.chatting import read_chat
from messenger.cli.parameters import FILE, OneLineError, OneLineUsageError
from messenger.errors import ConfigError

if TYPE_CHECKING:
    from messenger.scenario.grading.marks import Item
    from messenger.scenario.grading.report import Mark
    from messenger.scenario.jobs import Job


class _Grade(click.Command):
    """A command whose help tells what may stand in a dialect file."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from messenger.scenario.grading import dialect, marks

        for module in (dialect, marks):
            formatter.write_paragraph()
            formatter.write((module.__doc__ or "").strip() + "\n")
        super().format_epilog(ctx, formatter)


@click.command(
    cls=_Grade,
    epilog="Exit status: 0 full marks, 1 marks are lost, 2 usage or a file that is wrong, 130 interrupted.",
)
@click.argument("places", nargs=-1, type=FILE, metavar="[FILE|FOLDER]...")
@click.option(
    "--server-command",
    required=True,
    metavar="COMMAND",
    help='Starts its server: "python3 server.py {port} {attempts}".',
)
@click.option(
    "--client-command",
    required=True,
    metavar="COMMAND",
    help='Starts its client: "python3 client.py {host} {port} {udp_port}".',
)
@click.option("--dialect", type=FILE, metavar="FILE", help="How the program words things: see below.")
@click.option("--marks", type=FILE, metavar="FILE", help="What counts how much: see below.")
@click.option("--only", multiple=True, metavar="FEATURE", help="Grade this feature only; may be given several times.")
@click.option("--markdown", type=FILE, metavar="FILE", help="Write the report there, and show the marks only.")
@click.option("--junit", type=FILE, metavar="FILE", help="Write the results as CI reads them.")
@click.option("--artifacts", type=FILE, metavar="DIR", help="Keep terminals, logs and folders of what costs marks.")
@click.option("--jobs", type=click.IntRange(1, 64), metavar="N", help="Scenarios at once; else two for each processor.")
@click.option(
    "--timeout-factor",
    type=click.FloatRange(0.1, 100),
    default=1.0,
    metavar="F",
    help="Steps may take F times as long: for slow machines.",
)
def grade(places: Tuple[Path, ...], **options: Any) -> None:
    """Grade another program for the same assignment.

    Each scenario that it passes brings marks for a feature; for all that are lost there is the step, and what was
    seen. Without FILE or FOLDER, the scenarios are those that came with this package. The report, in Markdown, goes to
    stdout.
    """
    from messenger.scenario.grading.report import junit_report, markdown, table

    with tempfile.TemporaryDirectory(prefix="messenger-grade-") as folder:
        try:
            items = _read_items(places, options)
            jobs = _jobs(items, options, Path(folder))
        except ConfigError as error:
            raise OneLineUsageError(str(error)) from None
        began = time.monotonic()
        marks, was_interrupted = _play(items, jobs, options)
    seconds = time.monotonic() - began
    if options["markdown"] is not None:
        _write(options["markdown"], markdown(marks, seconds))
    if options["junit"] is not None:
        _write(options["junit"], junit_report(marks, seconds))
    click.echo((table if options["markdown"] is not None else markdown)(marks, seconds))
    if was_interrupted:
        click.echo(f"interrupted: {len(items) - len(marks)} scenarios were not played", err=True)
    sys.exit(130 if was_interrupted else 0 if all(mark.is_won for mark in marks) else 1)


def _read_items(places: Tuple[Path, ...], options: Mapping[str, Any]) -> List[Item]:
    """Read the scenarios and what they count; raises `ConfigError`."""
    from messenger.scenario.collection import collect
    from messenger.scenario.grading.marks import FEATURES, select, weigh
    from messenger.scenario.grading.settings import parse_settings

    collection = collect(places or (FEATURES,))
    if collection.faults:
        for fault in collection.faults:
            click.echo(fault, err=True)
        raise ConfigError("nothing was graded: these lines are to be corrected")
    path = options["marks"]
    settings = parse_settings(_read(path), str(path)) if path is not None else []
    items = select(weigh(collection.sources, settings), options["only"])
    if not items:
        raise ConfigError("there is nothing to grade: no scenario counts anything")
    return items


def _jobs(items: List[Item], options: Mapping[str, Any], folder: Path) -> List[Job]:
    """Make a job of every scenario; raises `ConfigError`."""
    from messenger.scenario.grading.commands import CLIENT_NAMES, SERVER_NAMES, read_command
    from messenger.scenario.grading.dialect import ForeignDialect, read_dialect
    from messenger.scenario.grading.marks import new_accounts
    from messenger.scenario.grading.programs import Graded
    from messenger.scenario.jobs import Job
    from messenger.scenario.playing import Task

    here = Path.cwd()
    commands = (
        read_command(options["server_command"], "--server-command", SERVER_NAMES, here),
        read_command(options["client_command"], "--client-command", CLIENT_NAMES, here),
    )
    path = options["dialect"]
    dialect = read_dialect(_read(path), str(path)) if path is not None else ForeignDialect()
    accounts = new_accounts()
    jobs: List[Job] = []
    for number, item in enumerate(items):
        task = Task(
            path=f"{item.source.name}.scenario",
            name=item.source.name,
            text=item.source.text,
            driver="terminal",
            accounts=accounts,
            folder=folder / str(number),
            configure=read_chat,
            timeout_factor=options["timeout_factor"],
            artifacts=options["artifacts"],
            invite=Graded(commands, dialect, number, len(items)).begin,
        )
        jobs.append(Job(number, task, "slow" in item.source.scenario.tags))
    return jobs


def _play(items: List[Item], jobs: List[Job], options: Mapping[str, Any]) -> Tuple[List[Mark], bool]:
    """Play all; returns what each has brought, in the order of items, and whether it was interrupted."""
    from messenger.scenario.grading.report import Mark
    from messenger.scenario.jobs import default_jobs, perform_all

    marks: Dict[int, Mark] = {}
    was_interrupted = False
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with closing(perform_all(jobs, options["jobs"] or default_jobs())) as outcomes:
            for job, outcome in outcomes:
                marks[job.number] = Mark(items[job.number], outcome)
                if sys.stderr.isatty():
                    click.echo(f"{outcome.verdict}  {job.task.name}", err=True)
    except KeyboardInterrupt:
        was_interrupted = True
    finally:
        signal.signal(signal.SIGTERM, previous)
    return [marks[number] for number in sorted(marks)], was_interrupted


def _read(path: Path) -> str:
    from messenger.scenario.collection import read

    faults: List[str] = []
    text = read(path, faults.append)
    if text is None:
        raise ConfigError(faults[0])
    return text


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise OneLineError(f"{path} cannot be written: {error.strerror}") from None


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt
