"""The stage of a play: the programs on it, what they have shown, and waiting for it."""

from __future__ import annotations

import time
from typing import Callable, Dict, Final, List, Optional, Set

from messenger.scenario import files
from messenger.scenario.hiding import HIDDEN, hiding
from messenger.scenario.model import SERVER, Client, Scenario, ServerSetup, Start, Step
from messenger.scenario.pattern import Pattern
from messenger.scenario.programs import Driver, Program, shown
from messenger.scenario.setting import START_SECONDS, Cancelled, Failing, Setting, StepFailed, Work
from messenger.scenario.timeline import Timeline

_LOOK_SECONDS: Final = 0.05


class Stage:
    """Programs by name, from `open` to `close`."""

    def __init__(self, scenario: Scenario, driver: Driver, setting: Setting) -> None:
        self.folder = setting.folder
        self.accounts = {**setting.accounts, **scenario.accounts}
        self.timeline = Timeline(time.monotonic, setting.on_entry)
        self.host, self.port = setting.server or ("127.0.0.1", 0)
        self._scenario = scenario
        self._driver = driver
        self._setting = setting
        self.dialect = setting.dialect
        self.setup = scenario.server
        self._users: Dict[str, str] = {}
        """Under what names actors log in."""
        self._programs: Dict[str, Program] = {}
        self._told: Dict[str, int] = {}
        """How many lines of each program are in the timeline."""
        self._unsettled: Set[str] = set()
        """Who has typed something since it was last known to have had its effect."""
        self._half_typed: Set[str] = set()
        self._input_ended: Set[str] = set()
        self._answers_due: Dict[str, int] = {}
        """How many answers to questions of the stage itself are not shown yet."""
        self._has_told_end: Set[str] = set()
        self._asking: Set[str] = set()
        """Who may have a question of the login to answer."""
        self.hide = hiding(self.accounts.values())

    # ---- waiting --------------------------------------------------------------------------------------------

    def finish(self, work: Work) -> None:
        """Do some work to its end; raises `StepFailed`."""
        for _ in work:
            self._pump(_LOOK_SECONDS)
        self._pump(0)

    def until(self, step: Step, is_met: Callable[[], bool], failing: Failing, seconds: Optional[float] = None) -> Work:
        """Wait until it is met; `failing` says, of so many seconds, what was waited for in vain."""
        limit = (self._scenario.timeout if seconds is None else seconds) * self._setting.timeout_factor
        deadline = time.monotonic() + limit
        while not is_met():
            if time.monotonic() >= deadline:
                failed = failing(limit)
                raise failed if isinstance(failed, StepFailed) else StepFailed(step, failed)
            yield

    def _pump(self, seconds: float) -> None:
        if self._setting.is_cancelled():
            raise Cancelled
        self._driver.pump(seconds)
        for name, program in self._programs.items():
            lines = program.seen.lines
            for line in lines[self._told[name] :]:
                answer = self._answer_of(name)
                if self._answers_due[name] and answer is not None and answer.match(line, {}) is not None:
                    self._answers_due[name] -= 1
                else:
                    self.timeline.add(name, "seen", self.hide(line))
            self._told[name] = len(lines)
            if program.status is not None and name not in self._has_told_end:
                self._has_told_end.add(name)
                self.timeline.add(name, "ended", str(program.status))

    # ---- programs -------------------------------------------------------------------------------------------

    def open(self, step: Step) -> Work:
        """Start the server, unless one runs already."""
        if self._setting.server is None:
            lines = "".join(f"{name} {password}\n" for name, password in self.accounts.items())
            (self.folder / "credentials.txt").write_text(lines, encoding="utf-8")
            yield from self.start_server(step)

    def close(self) -> None:
        """End all programs."""
        self._driver.close()

    def program(self, step: Step, name: str) -> Program:
        """Return a program that was started, and may have ended."""
        if name not in self._programs:
            raise StepFailed(step, f"{name} was not started")
        return self._programs[name]

    def running(self, step: Step, name: str) -> Program:
        """Return a program that runs."""
        program = self.program(step, name)
        if program.status is not None:
            raise StepFailed(step, f"{name} has ended with status {program.status}:\n{shown(program.seen.lines)}")
        return program

    def start_server(self, step: Step) -> Work:
        """Start the server, on the same port as before if it ran before."""
        server = self.begin_server(step, self.setup)

        def is_ready() -> bool:
            found = server.seen.take(self.dialect.ready, {})
            if found is not None:
                self.port = int(found.get("server_port", self.port))
            return found is not None or server.status is not None

        yield from self.until(step, is_ready, lambda limit: f"the server was not ready in {limit:g} s", START_SECONDS)
        if server.status is not None:
            raise StepFailed(step, f"the server ended with status {server.status}:\n{shown(server.seen.lines)}")

    def begin_server(self, step: Step, setup: ServerSetup) -> Program:
        """Start the server and wait for nothing."""
        self._refuse_running(step, SERVER)
        server = self._driver.start_server(self.folder, setup, self.port)
        self._enter(SERVER, server)
        return server

    def start_clients(self, step: Start) -> Work:
        """Start clients, all at once, and log them in one after the other."""
        for client in step.clients:
            self._refuse_running(step, client.name)
            self._users[client.name] = client.user
            folder = files.inside(self.folder, client.folder)
            folder.mkdir(parents=True, exist_ok=True)
            self._enter(client.name, self._driver.start_client(client, folder, self.host, self.port))
            (self._asking.discard if client.screen == "pipe" else self._asking.add)(client.name)
        for client in step.clients:
            yield from self.wait_started(step, client.name)
            if client.logs_in:
                yield from self._log_in(step, client)

    def user(self, name: str) -> str:
        """Return the user name of an actor."""
        return self._users[name]

    def udp_port(self, name: str) -> Optional[int]:
        """Return the UDP port of an actor, or None if nothing tells it."""
        known = self._setting.udp_ports.get(name)
        return known if known is not None else files.udp_port(self.folder / "userlog.txt", self._users[name])

    def settled(self, name: str) -> None:
        """What an actor has typed has had its effect, as somebody knows."""
        self._unsettled.discard(name)

    def wait_started(self, step: Step, name: str) -> Work:
        """Wait until a program may be typed to."""
        program = self.running(step, name)
        yield from self.until(
            step, lambda: program.is_ready, lambda limit: f"{name} showed nothing in {limit:g} s", START_SECONDS
        )

    def wait_asked(self, step: Step, name: str) -> Work:
        """Wait until a program may be typed to and, as long as it is not logged in, asks for what is to be typed."""
        yield from self.wait_started(step, name)
        if name in self._asking:
            program = self._programs[name]

            def is_asked() -> bool:
                asks = any(program.seen.asks(question) for question in self.dialect.questions)
                return asks or program.status is not None or _has_seen(program, self.dialect.welcome)

            yield from self.until(step, is_asked, lambda limit: f"{name} asked for nothing in {limit:g} s")
            if _has_seen(program, self.dialect.welcome):
                self._asking.discard(name)

    def type(self, name: str, line: str, is_secret: bool = False, enter: bool = True) -> None:
        """Type a line; one that is a secret, or answers the question for a password, is not shown anywhere."""
        program = self._programs[name]
        is_secret = is_secret or program.seen.asks(self.dialect.password)
        self.timeline.add(name, "typed", HIDDEN if is_secret else self.hide(line) if enter else self.hide(line) + "…")
        if enter:
            self._half_typed.discard(name)
            self._unsettled.add(name)
            program.type(line)
        else:
            self._half_typed.add(name)
            program.press(line)

    def is_half_typed(self, name: str) -> bool:
        """Whether somebody has typed a line and not entered it."""
        return name in self._half_typed

    def end_input(self, step: Step, name: str) -> None:
        """End the input of a program."""
        self._input_ended.add(name)
        self.running(step, name).control("eof")

    def _enter(self, name: str, program: Program) -> None:
        self._programs[name] = program
        self._told[name] = self._answers_due[name] = 0
        self._has_told_end.discard(name)
        self._unsettled.discard(name)
        self._half_typed.discard(name)
        self._input_ended.discard(name)
        self.timeline.add(name, "began", "")

    def _refuse_running(self, step: Step, name: str) -> None:
        old = self._programs.get(name)
        if old is not None and old.status is None:
            raise StepFailed(step, f"{name} is still running")

    def _log_in(self, step: Step, client: Client) -> Work:
        name, program = client.name, self._programs[client.name]
        password = self.accounts.get(client.user)
        if password is None:
            raise StepFailed(step, f"no account of {client.user} is known: @account NAME PASSWORD makes one")
        answers = {self.dialect.username: client.user, self.dialect.password: password}
        if client.screen == "pipe":
            for answer in answers.values():
                self.type(name, answer, is_secret=answer == password)
            answers = {}

        def is_in() -> bool:
            for question in [question for question in answers if program.seen.asks(question)]:
                program.seen.take_question()
                self.type(name, answers.pop(question))
            return program.status is not None or program.seen.take(self.dialect.welcome, {}) is not None

        def failing(limit: float) -> str:
            return f"{name} was not logged in within {limit:g} s; it shows:\n{shown(program.seen.untaken())}"

        yield from self.until(step, is_in, failing)
        if program.status is not None and not _has_seen(program, self.dialect.welcome):
            raise StepFailed(step, f"{name} was not logged in; it showed:\n{shown(program.seen.lines)}")
        self._unsettled.discard(name)

    # ---- the barrier ----------------------------------------------------------------------------------------

    def settle(self, step: Step, target: Optional[str] = None) -> Work:
        """Wait until all that was typed has had its effect, and `target` has seen what came of it."""
        yield from self._settle(step, [name for name in self._programs if name in self._unsettled and name != target])
        if target in self._half_typed and self._programs[target].status is None:
            raise StepFailed(step, f"{target} has typed half a line: that must be entered before this can be known")
        if target == SERVER and self.dialect.console is None:
            raise StepFailed(step, "what this server is still going to tell cannot be known")
        if target is not None:
            yield from self._settle(step, [target])

    def _settle(self, step: Step, names: List[str]) -> Work:
        """One more question comes back through the server, or its console, after everything else."""
        asked: Set[str] = set()
        for name in names:
            self._is_quiet(name, asked)  # all are asked before the first is waited for
        for name in names:
            yield from self._wait_quiet(step, name, asked)

    def _wait_quiet(self, step: Step, name: str, asked: Set[str]) -> Work:
        def failing(limit: float) -> str:
            return f"{name} did not answer within {limit:g} s; it shows:\n{shown(self._programs[name].seen.untaken())}"

        yield from self.until(step, lambda: self._is_quiet(name, asked), failing)
        self._unsettled.discard(name)

    def _is_quiet(self, name: str, asked: Set[str]) -> bool:
        program, answer = self._programs[name], self._answer_of(name)
        if program.status is not None:
            return True
        if name in asked:
            return answer is not None and program.seen.take_answer(answer)
        if name == SERVER:
            asked.add(name)
            self._answers_due[name] += 1
            program.control("tell")
            return False
        if _has_seen(program, self.dialect.welcome):
            if name not in self._input_ended:
                asked.add(name)
                self._answers_due[name] += 1
                program.type(self.dialect.barrier)
            return False
        return any(program.seen.asks(question) for question in self.dialect.questions)

    def _answer_of(self, name: str) -> Optional[Pattern]:
        return self.dialect.console if name == SERVER else self.dialect.answer


def _has_seen(program: Program, pattern: Pattern) -> bool:
    return any(pattern.match(line, {}) is not None for line in program.seen.lines)
