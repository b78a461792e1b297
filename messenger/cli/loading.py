"""`messenger load` and `messenger compare`."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Dict, Final, Optional, Tuple

import click

from messenger.cli.parameters import FILE, SERVER, OneLineError, OneLineUsageError
from messenger.errors import ConfigError, MessengerError

_ENTRIES = (
    "people",
    "rate",
    "duration",
    "ramp",
    "mix",
    "think",
    "text-bytes",
    "file-size",
    "group-size",
    "drain",
    "stages",
)
_NEEDED: Final = {"locust": "locust", "hdrh": "hdrhistogram", "prometheus_client": "prometheus_client"}
"""Modules of the extra `loadtest`, and what they are called where they are installed from."""


def _need_extra(*modules: str) -> None:
    missing = [_NEEDED[module] for module in modules if find_spec(module) is None]
    if missing:
        raise OneLineUsageError(f"load tests need {', '.join(missing)}: pip install 'messenger[loadtest]'")


def _entry_options(function: Any) -> Any:
    for name in reversed(_ENTRIES):
        function = click.option(f"--{name}", metavar="VALUE", help=f"In the place of the profile's {name}.")(function)
    return function


@click.command(
    epilog="Exit status: 0 all thresholds kept, 1 one broken or no result, 2 usage.",
)
@click.argument("profile", default="smoke")
@click.option("--server", type=SERVER, metavar="HOST:PORT", help="Put the load on this server, and start none.")
@click.option("--credentials", type=FILE, metavar="FILE", help="Accounts of that server.")
@click.option("--metrics", metavar="URL", default="", help="Metrics of that server (its --metrics).")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that make load.")
@click.option("--expect", multiple=True, metavar="THRESHOLD", help="As 'delivery.p99 < 50ms' or 'lost == 0'.")
@click.option("--fault", multiple=True, metavar="'SECONDS WHAT'", help="As '10 restart-server'.")
@click.option("--output", type=FILE, default=".", metavar="DIR", help="Where report.html and report.json go.")
@_entry_options
def load(
    profile: str,
    server: Optional[Tuple[str, int]],
    credentials: Optional[Path],
    metrics: str,
    workers: int,
    expect: Tuple[str, ...],
    fault: Tuple[str, ...],
    output: Path,
    **entries: Optional[str],
) -> None:
    """Put load on a server and report: PROFILE is the name of a profile, its file, or a scenario.

    A scenario is played over and over by many people at once, its actors being roles.
    """
    _need_extra(*_NEEDED)
    from messenger.load.conduct import Surroundings, conduct, find_max
    from messenger.load.options import is_scenario, scenario_profile
    from messenger.load.page import page
    from messenger.load.profiles import change, read_profile
    from messenger.load.programs import profile_file
    from messenger.load.summary import knee, summary

    try:
        given = {name.replace("_", "-"): value for name, value in entries.items() if value is not None}
        chosen = scenario_profile(Path(profile)) if is_scenario(profile) else read_profile(profile_file(profile))
        plan = change(chosen, given, "the command line")
        more: Dict[str, str] = {}
        if expect:
            more["expect"] = "\n".join([*(one.text for one in plan.expect), *expect])
        if fault:
            more["faults"] = "\n".join(fault)
        plan = change(plan, more, "the command line")
        if server is not None and credentials is None:
            credentials = Path("credentials.txt")
        absolute = None if credentials is None else credentials.absolute()
        surroundings = Surroundings(server, absolute, metrics, workers, tell=lambda line: click.echo(line, err=True))
        reports, broke = find_max(plan, surroundings) if plan.find_max else ([conduct(plan, surroundings)], "")
    except ConfigError as error:
        raise OneLineUsageError(str(error)) from None
    except MessengerError as error:
        raise OneLineError(str(error)) from None
    report = reports[-1]
    if plan.find_max:
        report["search"] = [*knee(reports), *([broke] if broke else [])]
    try:
        output.mkdir(parents=True, exist_ok=True)
        (output / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        (output / "report.html").write_text(page(report), encoding="utf-8")
    except OSError as error:
        raise OneLineError(f"cannot write the report to {output}: {error.strerror}") from None
    for line in summary(report):
        click.echo(line)
    for line in report.get("search", ()):
        click.echo(line)
    click.echo(f"report: {output / 'report.html'}")
    has_found = plan.find_max and len(reports) > 1 and not broke and not report["problems"]
    sys.exit(0 if has_found or (report["verdict"] == "passed" and not broke) else 1)


@click.command()
@click.argument("before", type=FILE)
@click.argument("after", type=FILE)
def compare(before: Path, after: Path) -> None:
    """Put two runs side by side: BEFORE and AFTER are files report.json.

    Marked with * is what differs between these two runs by more than chance: Mann-Whitney U test over blocks of 5 s of
    the steady phase, Holm correction, p < 0.05. Why it does, only more runs of both can tell.
    """
    _need_extra("hdrh")
    from messenger.load.compare import compare as differences
    from messenger.load.summary import table

    for line in table(differences(_read_report(before), _read_report(after))):
        click.echo(line)


def _read_report(path: Path) -> Dict[str, Any]:
    try:
        report: Dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if report["format"] == 1:
            return report
    except OSError as error:
        raise OneLineUsageError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        pass
    raise OneLineUsageError(f"{path} is no report of messenger load")
