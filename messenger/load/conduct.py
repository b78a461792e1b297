"""A load run from start to report: server, Locust, metrics, faults, thresholds."""

from __future__ import annotations

import json
import os
import platform
import secrets
import signal
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, Dict, Final, List, Optional, Tuple

from messenger.errors import ConfigError, MessengerError
from messenger.load.accounts import read_accounts
from messenger.load.profiles import Fault, Profile
from messenger.load.programs import LocustProgram, ServerProgram
from messenger.load.results import Report, report_of
from messenger.load.scrape import Scraper

PATIENCE_SECONDS: Final = 60.0
"""How long Locust may take beyond duration and drain: starting, logging out, writing."""

_SERVER_FAULTS: Final = ("restart-server", "kill-server", "pause-server")


class RunFailed(MessengerError):
    """A run came to no result."""


@dataclass(frozen=True)
class Surroundings:
    """Where a run takes place."""

    server: Optional[Tuple[str, int]] = None
    """A server that runs already; None: one of its own."""
    credentials: Optional[Path] = None
    """The accounts of that server."""
    metrics: str = ""
    """The URL of its metrics; nothing: none are shown."""
    workers: int = 1
    """Processes that make the load."""
    locust_options: Tuple[str, ...] = ()
    tell: Callable[[str], None] = lambda line: None
    """Told a line about once a second."""


def conduct(profile: Profile, surroundings: Surroundings) -> Report:
    """Carry out one run; raises `ConfigError` and `RunFailed`."""
    for fault in profile.faults:
        if fault.what in _SERVER_FAULTS and surroundings.server is not None:
            raise ConfigError(f"{fault.what} is only possible with a server of this run's own, without --server")
    with tempfile.TemporaryDirectory(prefix="messenger-load-") as name:
        folder = Path(name)
        credentials = surroundings.credentials or _make_accounts(folder, profile)
        read_accounts(credentials, profile.plan.people(profile.users))  # told now, not by Locust later
        server: Optional[ServerProgram] = None
        try:
            if surroundings.server is None:
                server = ServerProgram(folder, credentials)
            return _run(profile, surroundings, folder, credentials, server)
        finally:
            if server is not None:
                server.close()


def _run(
    profile: Profile, surroundings: Surroundings, folder: Path, credentials: Path, server: Optional[ServerProgram]
) -> Report:
    address = surroundings.server if server is None else ("127.0.0.1", server.port)
    assert address is not None
    url = surroundings.metrics if server is None else server.metrics
    scraper = Scraper(url) if url else None
    more = [*surroundings.locust_options]
    for fault in profile.faults:
        if fault.what not in _SERVER_FAULTS:
            more += ["--fault", f"{fault.at:g} {fault.what} {fault.how}".strip()]
    locust = LocustProgram(profile, folder, address, credentials, surroundings.workers, more)
    if scraper is not None:
        scraper.start()
    try:
        faults = _wait(profile, surroundings, locust, server, scraper)
    finally:
        locust.close()
        samples = scraper.stop() if scraper is not None else {}
    if not locust.record.exists():
        raise RunFailed(f"Locust came to no result:\n{_last_lines(locust.log)}")
    record = json.loads(locust.record.read_text(encoding="utf-8"))
    faults += [(at, what) for at, what in record.get("faults", ())]
    about = {
        "title": profile.title or profile.name,
        "profile": profile.name,
        "plan": _plan(profile, surroundings, address),
        "machine": {"cpus": os.cpu_count(), "platform": platform.platform(), "python": platform.python_version()},
    }
    return report_of(record, about, samples, sorted(faults), list(profile.expect))


def _wait(
    profile: Profile,
    surroundings: Surroundings,
    locust: LocustProgram,
    server: Optional[ServerProgram],
    scraper: Optional[Scraper],
) -> List[Tuple[float, str]]:
    """Wait until Locust has ended, do to the server what the profile says, and return what was done when."""
    due = sorted((fault for fault in profile.faults if fault.what in _SERVER_FAULTS), key=lambda fault: fault.at)
    done: List[Tuple[float, str]] = []
    length = profile.stages[-1][0] if profile.stages else profile.duration
    deadline = time.monotonic() + length + profile.plan.drain + PATIENCE_SECONDS
    began, told = 0.0, 0.0
    try:
        while locust.process.poll() is None:
            now = time.monotonic()
            if now > deadline:
                raise RunFailed(f"Locust did not end within {PATIENCE_SECONDS:.0f} s of its time")
            if not began and locust.began.exists():
                began = now
            if began and due and now >= began + due[0].at:
                assert server is not None
                fault = due.pop(0)
                done.append((time.time(), f"{fault.what} {fault.how}".strip()))
                _do(fault, server)
            if now >= told + 1:
                told = now
                surroundings.tell(_progress(now - began if began else 0.0, length, scraper))
            time.sleep(0.05)
    except KeyboardInterrupt:
        locust.process.send_signal(signal.SIGINT)  # it stops, drains, and writes what it has
        locust.process.wait(profile.plan.drain + PATIENCE_SECONDS)
    return done


def _do(fault: Fault, server: ServerProgram) -> None:
    if fault.what == "restart-server":
        server.restart()
    elif fault.what == "kill-server":
        server.kill()
    else:
        server.pause(float(fault.how or 1))


def _progress(elapsed: float, length: float, scraper: Optional[Scraper]) -> str:
    line = f"{min(elapsed, length):4.0f} of {length:.0f} s" if elapsed < length else "draining"
    if scraper is not None:
        online, messages, cpu = (scraper.latest.get(name) for name in ("online", "messages", "cpu"))
        if online is not None and messages is not None and cpu is not None:
            line += f", {online:,.0f} online, {messages:,.0f} messages/s, server {cpu:.0%} of a core"
    return line


def _make_accounts(folder: Path, profile: Profile) -> Path:
    people = max(people for _, people in profile.stages) if profile.stages else profile.people
    count = 2 * people + max(map(profile.plan.accounts_of, profile.plan.mix)) * len(profile.plan.mix)
    path = folder / "credentials.txt"
    path.write_text("".join(f"load-{number:06} {secrets.token_hex(6)}\n" for number in range(1, count + 1)))
    return path


def _plan(profile: Profile, surroundings: Surroundings, address: Tuple[str, int]) -> Dict[str, Any]:
    plan = profile.plan
    return {
        "people": profile.people,
        "rate": profile.rate,
        "duration": profile.duration,
        "mix": plan.mix,
        "think": plan.think,
        "text_bytes": plan.text_bytes,
        "file_bytes": list(plan.file_bytes),
        "group_size": plan.group_size,
        "workers": surroundings.workers,
        "server": f"{address[0]}:{address[1]}",
        "own_server": surroundings.server is None,
    }


def _last_lines(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").rstrip().split("\n")
    return "\n".join(lines[-15:])


def find_max(profile: Profile, surroundings: Surroundings, most: int = 20) -> List[Report]:
    """Raise the rate from run to run until a threshold breaks; returns the reports of all runs, the last one broken."""
    reports: List[Report] = []
    step = profile
    while len(reports) < most:
        surroundings.tell(f"{step.rate:,.0f} messages/s")
        reports.append(conduct(step, surroundings))
        if reports[-1]["verdict"] != "passed":
            break
        step = replace(step, rate=step.rate * profile.find_max)
    return reports
