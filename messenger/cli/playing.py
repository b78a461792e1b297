"""`messenger replay`."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, List, Mapping, NoReturn, Tuple

import click

from messenger.cli.chatting import read_chat
from messenger.cli.parameters import FILE, SERVER, OneLineError, OneLineUsageError
from messenger.errors import ConfigError

if TYPE_CHECKING:
    from messenger.cli.telling import Telling
    from messenger.scenario.collection import Source
    from messenger.scenario.jobs import Job
    from messenger.scenario.playing import Outcome

_SEPARATORS: Final = str.maketrans(",", " ")


@click.command(
    epilog="Exit status: 0 all passed, 1 something failed, 2 usage or a file that is no scenario: then nothing is "
    "played, and everything that is wrong is named. 130 interrupted.",
)
@click.argument("places", nargs=-1, type=FILE, metavar="[FILE|FOLDER]...")
@click.option(
    "--driver",
    type=click.Choice(["terminal", "library"]),
    default="terminal",
    show_default=True,
    help="Programs in terminals, or the library in milliseconds.",
)
@click.option("--server", type=SERVER, metavar="HOST:PORT", help="Play with this server, one file after the other.")
@click.option("--credentials", type=FILE, metavar="FILE", help="Accounts; without it, those of credentials.txt.")
@click.option("--tags", metavar="TAG,...", default="", help="Only files with one of these @tags.")
@click.option("--skip-tags", metavar="TAG,...", default="", help="No files with one of these @tags.")
@click.option("--jobs", type=click.IntRange(1, 64), metavar="N", help="Files at once; else two for each processor.")
@click.option("--repeat", type=click.IntRange(1, 10_000), default=1, metavar="N", help="Play each file N times.")
@click.option(
    "--timeout-factor",
    type=click.FloatRange(0.1, 100),
    default=1.0,
    metavar="F",
    help="Steps may take F times as long: for slow machines.",
)
@click.option("--update", is_flag=True, help="Rewrite what is expected where it is wrong in words only.")
@click.option("--junit", type=FILE, metavar="FILE", help="Write the results as CI reads them.")
@click.option("--html", type=FILE, metavar="FILE", help="Write the results as one page.")
@click.option("--cast", type=FILE, metavar="DIR", help="Write an asciicast of each terminal, and pictures of all.")
@click.option("--artifacts", type=FILE, metavar="DIR", help="Keep terminals, logs and folders of what fails.")
def replay(places: Tuple[Path, ...], **options: Any) -> None:
    """Play scenarios: what they say is typed, and what they expect is waited for.

    Without FILE or FOLDER, those of this project: of the folder scenarios here, or else those that are installed.
    """
    from messenger.cli.telling import Telling
    from messenger.scenario.reports import Played, junit, page

    with tempfile.TemporaryDirectory(prefix="messenger-replay-") as folder:
        try:
            sources, jobs = _read(places, options, Path(folder))
        except ConfigError as error:
            raise OneLineUsageError(str(error)) from None
        began = time.monotonic()
        everything = [Played(source.name, str(source.path), source.scenario.claim) for source in sources]
        telling = Telling(everything, options["repeat"])
        was_interrupted = _play(sources, jobs, _places(options), telling)
    seconds = time.monotonic() - began
    played = [one for one in everything if one.outcomes]
    telling.end(seconds, was_interrupted)
    for path, report in ((options["junit"], junit), (options["html"], page)):
        if path is not None:
            _write(path, report(played, options["driver"], seconds))
    sys.exit(130 if was_interrupted else 1 if any(one.failed for one in played) else 0)


def _read(places: Tuple[Path, ...], options: Mapping[str, Any], folder: Path) -> Tuple[List[Source], List[Job]]:
    """Read all files, and make a job of every play; raises `ConfigError`."""
    from messenger.scenario.collection import collect, project_scenarios, read_accounts, usual_credentials
    from messenger.scenario.jobs import Job
    from messenger.scenario.playing import Task

    if options["update"] and options["repeat"] > 1:
        raise ConfigError("--update plays a file as often as it needs to: leave --repeat out")
    if options["cast"] is not None and options["driver"] != "terminal":
        raise ConfigError("--cast shows terminals: leave --driver library out")
    if options["server"] is not None and (options["jobs"] or 1) > 1:
        raise ConfigError("with --server files are played one after the other, as they have the same users: no --jobs")
    project = None if places else project_scenarios()
    collection = collect(places or (project_scenarios(),))
    if collection.faults:
        for fault in collection.faults:
            click.echo(fault, err=True)
        raise ConfigError(f"nothing was played: {_counted(len(collection.faults), 'line')} to be corrected")
    wanted, unwanted = (set(options[name].translate(_SEPARATORS).split()) for name in ("tags", "skip_tags"))
    sources = [
        source
        for source in collection.sources
        if (not wanted or wanted & set(source.scenario.tags)) and not unwanted & set(source.scenario.tags)
    ]
    if not sources:
        raise ConfigError("no file has these tags" if wanted else "all files have these tags")
    accounts = read_accounts(options["credentials"] or usual_credentials(project))
    jobs: List[Job] = []
    for repetition in range(options["repeat"]):
        for source in sources:
            task = Task(
                path=str(source.path),
                name=source.name,
                text=source.text,
                driver=options["driver"],
                accounts=accounts,
                folder=folder / str(len(jobs)),
                configure=read_chat,
                server=options["server"],
                timeout_factor=options["timeout_factor"],
                artifacts=options["artifacts"],
                casts=options["cast"] if repetition == 0 else None,
                update=options["update"],
            )
            jobs.append(Job(len(jobs), task, "slow" in source.scenario.tags))
    return sources, jobs


def _places(options: Mapping[str, Any]) -> int:
    from messenger.scenario.jobs import default_jobs

    jobs: int = options["jobs"] or (default_jobs() if options["server"] is None else 1)
    return jobs


def _play(sources: List[Source], jobs: List[Job], places: int, telling: Telling) -> bool:
    """Play all and tell of it; True if that was interrupted."""
    from messenger.scenario.jobs import perform_all

    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with closing(perform_all(jobs, places, telling.begins)) as outcomes:
            for job, outcome in outcomes:
                number = job.number % len(sources)
                telling.ended(job, number, _updated(sources[number], outcome, telling))
    except KeyboardInterrupt:
        return True
    finally:
        signal.signal(signal.SIGTERM, previous)
    return False


def _updated(source: Source, outcome: Outcome, telling: Telling) -> Outcome:
    """Rewrite a file, if that was found to be needed, after telling of it."""
    from messenger.scenario.mending import rewrite
    from messenger.scenario.playing import FAILED

    if not outcome.changes:
        return outcome
    telling.changes(source.path, outcome.changes)
    try:
        rewrite(source.path, source.text, outcome.changes)
    except (OSError, ConfigError) as error:
        return replace(outcome, verdict=FAILED, message=f"{source.path} could not be rewritten: {error}", changes=[])
    return outcome


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OneLineError(f"{path} cannot be written: {error.strerror}") from None


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
