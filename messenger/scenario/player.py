"""Plays one scenario: its steps in order, through whatever driver, with expectations in the place of sleeps."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, Final, List, Optional

from messenger.errors import MessengerError
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
    simple_steps,
)
from messenger.scenario.near import compared, expected, hint, is_secret, nearest
from messenger.scenario.pattern import fill
from messenger.scenario.programs import Driver, Program, shown
from messenger.scenario.setting import Setting, StepFailed, Work
from messenger.scenario.stage import Stage
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
    values: Dict[str, str] = field(default_factory=dict)
    """What was kept of the lines that were seen, and `run` and `port`; no passwords."""

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
            "dollar": "$",
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
            stage.finish(_guarded(step, stage.open))
            self._values["port"] = str(stage.port)
            for next_step in self._scenario.steps:
                step = next_step
                stage.finish(self._perform(step))
                result.steps += 1
        except StepFailed as failure:
            hidden = replace(failure.step, text=stage.hide(failure.step.text))
            result.failure = StepFailed(hidden, stage.hide(failure.message), stage.hide(failure.nearest))
            stage.timeline.add("", "failed", str(result.failure))
        finally:
            stage.close()
        result.seconds = time.monotonic() - began
        result.entries = stage.timeline.entries
        result.values = {name: value for name, value in self._values.items() if not is_secret(name)}
        return result

    def _cannot(self) -> str:
        scenario = self._scenario
        if scenario.only and scenario.only != self._driver.name:
            return f"only for the {scenario.only} driver: {scenario.only_reason}"
        if self._setting.server is not None and scenario.server.is_own:
            return "it needs a server of its own"
        if self._setting.server is not None and any(map(_looks_at_server, simple_steps(scenario.steps))):
            return "it needs a server of its own, at whose console or files it looks"
        return ""

    def _perform(self, step: AnyStep) -> Work:
        if isinstance(step, Together):
            yield from self._together(step)
            return
        perform = _PERFORM[type(step)]
        yield from _guarded(step, lambda step: perform(self, step))

    def _together(self, step: Together) -> Work:
        waiting: Dict[str, List[SimpleStep]] = {}
        for one in step.steps:
            waiting.setdefault(one.clients[0].name if isinstance(one, Start) else getattr(one, "actor", ""), []).append(
                one
            )
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
        yield from self._stage.wait_asked(step, step.actor)
        if not step.enter and not self._stage.is_half_typed(step.actor):
            yield from self._stage.settle(step, step.actor)  # while a line is half typed, nothing can be asked
        self._stage.type(step.actor, fill(step.line, self._values), "${password:" in step.line, step.enter)

    def _see(self, step: See) -> Work:
        program = self._stage.program(step, step.actor)

        def is_decided() -> bool:
            captured = program.seen.take(step.pattern, self._values, step.is_next)
            if captured is not None:
                self._values.update(captured)
            elif program.status is not None:
                raise self._not_seen(step, program, f"and has ended with status {program.status}")
            return captured is not None

        def failing(limit: float) -> StepFailed:
            return self._not_seen(step, program, f"within {limit:g} s")

        yield from self._stage.until(step, is_decided, failing, step.seconds)

    def _not_seen(self, step: See, program: Program, how: str) -> StepFailed:
        lines = program.seen.untaken()
        wanted = expected(step.pattern.text, self._values)
        near = nearest(wanted, lines)
        parts = [
            f"{step.actor} did not see this {how}",
            compared(wanted, near),
            hint(step.pattern.text, wanted, near, step.is_next),
            f"  what it has seen and no step has asked for:\n{shown(lines)}",
        ]
        return StepFailed(step, "\n".join(filter(None, parts)), near)

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

        yield from self._stage.until(step, lambda: program.status is not None, failing)
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
        yield from ()

    def _check_file(self, step: FileCheck) -> Work:
        if step.what in _MAY_CEASE:
            yield from self._stage.settle(step)
        fault = ""

        def is_met() -> bool:
            nonlocal fault
            fault = files.fault(step, self._stage.folder, self._values)
            return not fault

        def failing(limit: float) -> StepFailed:
            if step.what != "has" or step.pattern is None:
                return StepFailed(step, fault)
            wanted = expected(step.pattern.text, self._values)
            near = nearest(wanted, files.lines_of(step, self._stage.folder, self._values))
            parts = [compared(wanted, near), hint(step.pattern.text, wanted, near), f"  {fault}"]
            return StepFailed(step, "\n".join(filter(None, parts)), near)

        yield from self._stage.until(step, is_met, failing)

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


_UDP_PORT: Final = "${udp:"
_MAY_CEASE: Final = ("lacks", "lines", "missing")
"""What is true of a file until what was typed has had its effect; for the rest it is enough to wait for it."""


def _guarded(step: Step, begin: Callable[[Any], Work]) -> Work:
    """Carry out a step; what cannot be done has failed, like what does not come true."""
    try:
        yield from begin(step)
    except StepFailed:
        raise
    except (MessengerError, OSError, ValueError) as error:
        raise StepFailed(step, str(error)) from None


def _looks_at_server(step: AnyStep) -> bool:
    """Whether it is about the console or a log of the server, as UDP ports are: they stand in no folder of an actor."""
    if isinstance(step, FileCheck) and step.path.endswith("log.txt") and "/" not in step.path:
        return True
    lines = (step.lines or ()) if isinstance(step, Make) else ()
    is_about_port = any(_UDP_PORT in text for text in (step.text, *lines))
    is_garbage = isinstance(step, Control) and step.what == "garbage"
    return is_about_port or is_garbage or getattr(step, "actor", "") == SERVER
