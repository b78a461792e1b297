"""Plays one scenario: its steps in order, through whatever driver, with expectations in the place of sleeps."""

from __future__ import annotations

import difflib
import secrets
import time
from dataclasses import dataclass, field
from typing import Callable, Dict, Final, List, Optional

from messenger.scenario import files, trials
from messenger.scenario.model import (
    SERVER,
    Answered,
    AnyStep,
    BadAttempts,
    Control,
    Ends,
    FileCheck,
    LogIn,
    Make,
    Miss,
    Place,
    Scenario,
    See,
    SimpleStep,
    Sleep,
    Start,
    Step,
    Together,
    Type,
)
from messenger.scenario.pattern import BadPattern, Pattern, Unknown, fill
from messenger.scenario.programs import CannotPlay, Driver, Program, shown
from messenger.scenario.stage import Setting, Stage, StepFailed, Work
from messenger.scenario.timeline import Entry


@dataclass
class Result:
    """How a play went."""

    scenario: Scenario
    driver: str
    seconds: float = 0.0
    failure: Optional[StepFailed] = None
    skipped: str = ""
    """Why it was not played, if it was not."""
    steps: int = 0
    """Steps that were carried out."""
    entries: List[Entry] = field(default_factory=list)

    @property
    def has_passed(self) -> bool:
        """Whether everything came true."""
        return self.failure is None and not self.skipped


class Play:
    """One performance of a scenario. `run` it once."""

    def __init__(self, scenario: Scenario, driver: Driver, setting: Setting) -> None:
        self._scenario = scenario
        self._driver = driver
        self._setting = setting
        self._stage = Stage(scenario, driver, setting)
        self._values: Dict[str, str] = {
            "run": secrets.token_hex(3),
            **{f"password:{name}": password for name, password in self._stage.accounts.items()},
        }

    def run(self) -> Result:
        """Play it to the end or to the first step that fails."""
        began = time.monotonic()
        result = Result(self._scenario, self._driver.name, skipped=self._cannot())
        if result.skipped:
            return result
        stage = self._stage
        step: Step = Step(Place(self._scenario.path, 1), "the server starts")
        try:
            stage.finish(stage.open(step))
            self._values["port"] = str(stage.port)
            for next_step in self._scenario.steps:
                step = next_step
                stage.finish(self._perform(step))
                result.steps += 1
        except StepFailed as failure:
            result.failure = failure
        except (CannotPlay, Unknown, BadPattern, OSError) as error:
            result.failure = StepFailed(step, str(error))
        finally:
            if result.failure is not None:
                stage.timeline.add("", "failed", str(result.failure))
            stage.close()
        result.seconds = time.monotonic() - began
        result.entries = stage.timeline.entries
        return result

    def _cannot(self) -> str:
        scenario = self._scenario
        if scenario.only and scenario.only != self._driver.name:
            return f"only for the {scenario.only} driver: {scenario.only_reason}"
        if self._setting.server is not None and scenario.server.is_own:
            return "it needs a server of its own"
        return ""

    def _perform(self, step: AnyStep) -> Work:
        if isinstance(step, Together):
            return self._together(step)
        return _PERFORM[type(step)](self, step)

    def _together(self, step: Together) -> Work:
        waiting: Dict[str, List[SimpleStep]] = {}
        for one in step.steps:
            waiting.setdefault(getattr(one, "actor", ""), []).append(one)
        running = [self._one_after_the_other(steps) for steps in waiting.values()]
        while running:
            running = [work for work in running if next(work, self) is None]  # those that have not come to their end
            if running:
                yield

    def _one_after_the_other(self, steps: List[SimpleStep]) -> Work:
        for step in steps:
            yield from self._perform(step)

    def _start(self, step: Start) -> Work:
        yield from self._stage.start_clients(step)
        for client in step.clients:
            self._keep_udp_port(client.name)

    def _log_in(self, step: LogIn) -> Work:
        yield from trials.try_login(self._stage, step, fill(step.password, self._values))
        self._keep_udp_port(step.actor)

    def _keep_udp_port(self, name: str) -> None:
        port = self._stage.udp_port(name)
        if port is not None:
            self._values[f"udp:{name}"] = str(port)

    def _answered(self, step: Answered) -> Work:
        return trials.wait_answered(self._stage, step)

    def _bad_attempts(self, step: BadAttempts) -> Work:
        return trials.try_attempts(self._stage, step)

    def _type(self, step: Type) -> Work:
        yield from self._stage.wait_started(step, step.actor)
        if not step.enter and not self._stage.is_half_typed(step.actor):
            yield from self._stage.settle(step, step.actor)  # while a line is half typed, nothing can be asked
        self._stage.type(step.actor, fill(step.line, self._values), "${password:" in step.line, step.enter)

    def _see(self, step: See) -> Work:
        program = self._stage.program(step, step.actor)
        found: Dict[str, str] = {}

        def is_met() -> bool:
            captured = program.seen.take(step.pattern, self._values, step.is_next)
            if captured is not None:
                found.update(captured)
            return captured is not None

        def failing(limit: float) -> str:
            ended = f" ({step.actor} has ended with status {program.status})" if program.status is not None else ""
            return f"{step.actor} did not see this within {limit:g} s{ended}{_nearest(step.pattern, program)}"

        yield from self._stage.until(step, is_met, failing, step.seconds)
        self._values.update(found)

    def _miss(self, step: Miss) -> Work:
        program = self._stage.program(step, step.actor)
        yield from self._stage.settle(step, step.actor)
        found = program.seen.find(step.pattern, self._values)
        if found is not None:
            raise StepFailed(step, f"{step.actor} has seen: {found}")

    def _ends(self, step: Ends) -> Work:
        program = self._stage.program(step, step.actor)

        def failing(limit: float) -> str:
            return f"{step.actor} still runs after {limit:g} s; it shows:\n{shown(program.seen.untaken())}"

        yield from self._stage.until(step, lambda: program.status is not None, failing, step.seconds)
        self._stage.timeline.add(step.actor, "ended", str(program.status))
        if step.status is not None and program.status != step.status:
            seen = shown(program.seen.lines)
            raise StepFailed(step, f"{step.actor} ended with status {program.status}, not {step.status}:\n{seen}")

    def _control(self, step: Control) -> Work:
        stage = self._stage
        if step.what in ("start", "garbage"):
            yield from stage.start_server(step) if step.what == "start" else trials.send_garbage(stage, step)
            return
        program = stage.running(step, step.actor)
        stage.timeline.add(step.actor, "typed", f"({step.what})")
        if step.what == "eof":
            stage.end_input(step, step.actor)
        else:
            program.control(step.what)
        if step.what == "kill":
            name = "the server" if step.actor == SERVER else step.actor
            yield from stage.until(step, lambda: program.status is not None, lambda limit: f"{name} does not die")

    def _make(self, step: Make) -> Work:
        files.make(step, self._stage.folder, self._values)
        yield

    def _check_file(self, step: FileCheck) -> Work:
        yield from self._stage.settle(step)
        fault = ""

        def is_met() -> bool:
            nonlocal fault
            fault = files.fault(step, self._stage.folder, self._values)
            return not fault

        yield from self._stage.until(step, is_met, lambda limit: fault)

    def _sleep(self, step: Sleep) -> Work:
        end = time.monotonic() + step.seconds
        while time.monotonic() < end:
            yield


_PERFORM: Final[Dict[type, Callable[..., Work]]] = {
    Start: Play._start,
    LogIn: Play._log_in,
    BadAttempts: Play._bad_attempts,
    Type: Play._type,
    See: Play._see,
    Answered: Play._answered,
    Miss: Play._miss,
    Ends: Play._ends,
    Control: Play._control,
    Make: Play._make,
    FileCheck: Play._check_file,
    Sleep: Play._sleep,
}


def _nearest(pattern: Pattern, program: Program) -> str:
    lines = program.seen.untaken()
    near = difflib.get_close_matches(pattern.text, lines, n=1, cutoff=0.4)
    nearest = f"; nearest: {near[0]}" if near else ""
    return f"{nearest}\n  what it has seen and no step has asked for:\n{shown(lines)}"
