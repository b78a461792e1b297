"""A load run from start to report: server, Locust, metrics, faults, thresholds."""

from __future__ import annotations

import json
import os
import platform
import secrets
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, Dict, Final, Iterator, List, Mapping, Optional, Tuple

from messenger.errors import ConfigError, MessengerError
from messenger.load.accounts import read_accounts
from messenger.load.faults import SERVER_FAULTS, seconds_of
from messenger.load.options import look_at_time, read_scenario
from messenger.load.profiles import Fault, Profile
from messenger.load.programs import LocustProgram, ServerProgram
from messenger.load.results import Report, report_of
from messenger.load.scrape import Scraper

PATIENCE_SECONDS: Final = 60.0
"""How long Locust may take beyond duration and drain: starting, logging out, writing."""

Samples = Dict[str, List[Optional[float]]]
"""Metrics of the server, see `Scraper.stop`."""


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
        if fault.what in SERVER_FAULTS and surroundings.server is not None:
            raise ConfigError(f"{fault.what} is only possible with a server of this run's own, without --server")
        look_at_time(fault, profile.length)
    left_out = read_scenario(Path(profile.plan.scenario)).left_out if profile.plan.scenario else ()
    for text in left_out:
        surroundings.tell(f"left out under load: {text}")
    with _as_ctrl_c(signal.SIGTERM, signal.SIGHUP), tempfile.TemporaryDirectory(prefix="messenger-load-") as name:
        folder = Path(name)
        credentials = surroundings.credentials or _make_accounts(folder, profile)
        read_accounts(credentials, profile.accounts)  # told now, not by Locust later
        if surroundings.server is not None:
            record, about, samples = _Run(profile, surroundings, folder, credentials, None).carry_out()
        else:
            with closing(ServerProgram(folder, credentials)) as server:
                record, about, samples = _Run(profile, surroundings, folder, credentials, server).carry_out()
    faults = [(at, what) for at, what in record["faults"]]
    return report_of(record, {**about, "skipped": list(left_out)}, samples, sorted(faults), list(profile.expect))


@contextmanager
def _as_ctrl_c(*numbers: int) -> Iterator[None]:
    """Take these signals for Ctrl-C: a run that they end has a report, and its programs are ended."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    is_main = threading.current_thread() is threading.main_thread()  # others have no say in signals
    usual = [number for number in numbers if is_main and signal.getsignal(number) is signal.SIG_DFL]
    for number in usual:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in usual:
            signal.signal(number, signal.SIG_DFL)


class _Run:
    """Locust and, if it is ours, the server, from start to end."""

    def __init__(
        self,
        profile: Profile,
        surroundings: Surroundings,
        folder: Path,
        credentials: Path,
        server: Optional[ServerProgram],
    ) -> None:
        self._profile = profile
        self._surroundings = surroundings
        self._folder = folder
        self._credentials = credentials
        self._server = server
        self._faults: List[Tuple[float, str]] = []
        """What was done to the server, and when."""
        self._problems: List[str] = []
        """Why this run shows less than it should, whatever its figures."""
        self._began = 0.0

    def carry_out(self) -> Tuple[Dict[str, Any], Dict[str, Any], Samples]:
        """Return the record, what is to be said about the run, and the server's metrics; raises `RunFailed`."""
        profile, surroundings = self._profile, self._surroundings
        server = surroundings.server if self._server is None else ("127.0.0.1", self._server.port)
        assert server is not None
        url = surroundings.metrics if self._server is None else self._server.metrics
        more = [*surroundings.locust_options]
        for fault in profile.faults:
            if fault.what not in SERVER_FAULTS:
                more += ["--fault", f"{fault.at:g} {fault.text}"]
        scraper = Scraper(url) if url else None
        samples: Samples = {}
        program = LocustProgram(profile, self._folder, server, self._credentials, surroundings.workers, more)
        with closing(program):
            try:
                if scraper is not None:
                    scraper.start()
                self._wait(program, scraper)
            finally:
                if scraper is not None:
                    samples = scraper.stop()
        if not program.record.exists():
            raise RunFailed(f"Locust came to no result:\n{_last_lines(program.log)}")
        record = json.loads(program.record.read_text(encoding="utf-8"))
        record["faults"] = [*record["faults"], *self._faults]
        status = program.process.returncode
        if status not in (0, 1):  # 1 is Locust's for failures, which are in the record
            self._problems.append(f"Locust ended with status {status}: {_last_error(program.log)}")
        about = {
            "title": profile.title or profile.name,
            "profile": profile.name,
            "plan": _plan(profile, surroundings, server),
            "machine": {"cpus": os.cpu_count(), "platform": platform.platform(), "python": platform.python_version()},
            "problems": [*self._problems, *problems_of(record)],
        }
        return record, about, samples

    def _wait(self, program: LocustProgram, scraper: Optional[Scraper]) -> None:
        """Wait until Locust has ended, and do meanwhile to the server what the profile says."""
        profile = self._profile
        due = sorted((fault for fault in profile.faults if fault.what in SERVER_FAULTS), key=lambda fault: fault.at)
        most = profile.plan.drain + PATIENCE_SECONDS
        deadline, told = time.monotonic() + profile.length + most, 0.0
        try:
            while program.process.poll() is None:
                now = time.monotonic()
                if now > deadline:
                    raise RunFailed(f"Locust did not end within {PATIENCE_SECONDS:.0f} s of its time")
                if not self._began and program.began.exists():
                    self._began = now
                if self._began and due and now >= self._began + due[0].at:
                    self._do(due.pop(0))
                self._look_at_server()
                if now >= told + 1:
                    told = now
                    self._surroundings.tell(_progress(self._elapsed, profile.length, scraper))
                time.sleep(0.05)
        except KeyboardInterrupt:
            if not self._began:
                raise RunFailed("interrupted before anybody came") from None
            self._problems.append(f"interrupted after {self._elapsed:.0f} of {profile.length:.0f} s")
            program.interrupt()
            try:
                program.process.wait(most)
            except subprocess.TimeoutExpired:
                raise RunFailed(f"Locust did not end within {most:.0f} s after an interruption") from None
        self._look_at_server()

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._began if self._began else 0.0

    def _look_at_server(self) -> None:
        if self._server is not None and self._server.has_died and not self._has_said("the server"):
            status = self._server.process.returncode
            said = self._server.last_words()
            self._problems.append(
                f"the server ended by itself after {self._elapsed:.0f} s, with status {status}: {said}"
            )

    def _has_said(self, begin: str) -> bool:
        return any(problem.startswith(begin) for problem in self._problems)

    def _do(self, fault: Fault) -> None:
        assert self._server is not None
        if fault.what == "restart-server":
            try:
                self._server.restart()
            except ConfigError as error:
                self._problems.append(f"the server did not come back: {error}")
        elif fault.what == "kill-server":
            self._server.kill()
        else:
            self._server.pause(seconds_of(fault.how or "1s"))
        self._faults.append((time.time(), fault.text))


def problems_of(record: Mapping[str, Any]) -> List[str]:
    """Return what a record tells of that makes its figures worth less than they look."""
    found = []
    if record["lost_workers"]:
        found.append(
            f"{record['lost_workers']} of {record['workers']} workers were lost: what they did last is not counted"
        )
    without = sum(count for operation, _, count in record["failures"] if operation == "accounts")
    if without:
        found.append(f"{without} users found no account and did nothing")
    found += [f"the load itself failed: {error} ({count})" for error, count in record["errors"]]
    return found


def _progress(elapsed: float, length: float, scraper: Optional[Scraper]) -> str:
    line = f"{min(elapsed, length):4.0f} of {length:.0f} s" if elapsed < length else "draining"
    if scraper is not None:
        online, messages, cpu = (scraper.latest.get(name) for name in ("online", "messages", "cpu"))
        if online is not None and messages is not None and cpu is not None:
            line += f", {online:,.0f} online, {messages:,.0f} messages/s, server {cpu:.0%} of a core"
    return line


def _make_accounts(folder: Path, profile: Profile) -> Path:
    count = profile.accounts + profile.accounts // 10 + 10  # who is being stopped has one still when others come
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


def _last_error(path: Path) -> str:
    """Return the last line of a log that tells of an error, without its time and place."""
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    told = [line for line in lines if "/ERROR/" in line]
    return told[-1].partition("/ERROR/")[2].partition(": ")[2] if told else "it said nothing"


def find_max(profile: Profile, surroundings: Surroundings, most: int = 20) -> Tuple[List[Report], str]:
    """Raise the rate from run to run until a threshold breaks.

    Returns the reports of all runs, the last one broken, and why there was none of a last one, if that failed
    altogether; raises as `conduct` if there is no report at all.
    """
    reports: List[Report] = []
    step = profile
    while len(reports) < most:
        surroundings.tell(f"{step.rate:,.0f} messages/s")
        try:
            reports.append(conduct(step, surroundings))
        except (ConfigError, RunFailed) as error:
            if not reports:
                raise
            return reports, f"at {step.rate:,.0f} messages/s there was no result: {error}"
        if reports[-1]["verdict"] != "passed":
            break
        step = replace(step, rate=step.rate * profile.find_max)
    return reports, ""
