"""Steps for programs of which only the behaviour is known and not the words: tried logins, any answer, bad arguments,
datagrams that mean nothing."""

from __future__ import annotations

import random
import socket
from dataclasses import replace
from typing import Final, List

from messenger.scenario.model import SERVER, Answered, BadAttempts, Control, LogIn
from messenger.scenario.programs import shown
from messenger.scenario.setting import START_SECONDS, StepFailed, Work
from messenger.scenario.stage import Stage

_TRACEBACK: Final = "Traceback (most recent call last)"
_GARBAGE: Final = (b"", b"\x00", b"hello", b"Yoda;lecture.mp4;1;1", b'{"type": "end"}', b"\xff" * 8)


def try_login(stage: Stage, step: LogIn, password: str) -> Work:
    """Answer the questions of the login once; `step` says what has to come of it."""
    program, dialect, user = stage.running(step, step.actor), stage.dialect, stage.user(step.actor)
    yield from stage.wait_started(step, step.actor)
    given: List[str] = []
    outcome = ""

    def find_outcome() -> str:
        if program.status is not None:
            return f"its program ended with status {program.status}"
        for question, answer in ((dialect.username, user), (dialect.password, password)):
            if program.seen.asks(question):
                if question in given or dialect.password in given:
                    return "it is asked again"
                given.append(question)
                stage.type(step.actor, answer, is_secret=question == dialect.password)
        if program.seen.take(dialect.welcome, {}) is not None:
            return "it is logged in"
        is_refused = dialect.refused is not None and program.seen.take(dialect.refused, {}) is not None
        return "it is refused" if is_refused else ""

    def is_decided() -> bool:
        nonlocal outcome
        outcome = outcome or find_outcome()
        return bool(outcome)

    def undecided(limit: float) -> str:
        return f"{step.actor} is neither let in nor refused in {limit:g} s:\n{shown(program.seen.lines)}"

    yield from stage.until(step, is_decided, undecided)
    stage.settled(step.actor)
    if step.is_let_in != (outcome == "it is logged in"):
        raise StepFailed(step, f"{step.actor}: {outcome}; it shows:\n{shown(program.seen.lines)}")


def wait_answered(stage: Stage, step: Answered) -> Work:
    """Wait for any answer to what was typed last."""
    program = stage.program(step, step.actor)

    def failing(limit: float) -> str:
        return f"{step.actor} is shown nothing in answer within {limit:g} s; before that:\n{shown(program.seen.lines)}"

    def is_answered() -> bool:
        if program.seen.take_new() is not None or (step.may_end and program.status is not None):
            return True
        stage.running(step, step.actor)
        return False

    yield from stage.until(step, is_answered, failing)


def try_attempts(stage: Stage, step: BadAttempts) -> Work:
    """Start the server with an argument that it has to refuse."""
    old = stage.program(step, SERVER)
    if old.status is None:
        old.control("kill")
    yield from stage.until(step, lambda: old.status is not None, lambda limit: "the server does not die")
    server = stage.begin_server(step, replace(stage.setup, attempts=step.attempts))
    is_ready = False

    def is_decided() -> bool:
        nonlocal is_ready
        is_ready = is_ready or server.seen.take(stage.dialect.ready, {}) is not None
        return is_ready or server.status is not None

    def failing(limit: float) -> str:
        return f"the server still runs {limit:g} s after it was started:\n{shown(server.seen.lines)}"

    yield from stage.until(step, is_decided, failing, START_SECONDS)
    if is_ready:
        raise StepFailed(step, f"the server takes this number of attempts:\n{shown(server.seen.lines)}")
    if not any(line.strip() for line in server.seen.lines):
        raise StepFailed(step, "the server ends without a word")
    if any(_TRACEBACK in line for line in server.seen.lines):
        raise StepFailed(step, f"the server ends with a traceback:\n{shown(server.seen.lines)}")


def send_garbage(stage: Stage, step: Control) -> Work:
    """Send datagrams that mean nothing to the UDP port of an actor."""
    port = stage.udp_port(step.actor)
    if port is None:
        raise StepFailed(step, f"the UDP port of {step.actor} is not known: userlog.txt has no line of it")
    source = random.Random(str(step.place))  # noqa: S311 - repeatable, and no secret
    datagrams = [*_GARBAGE, *(source.getrandbits(8 * size).to_bytes(size, "little") for size in (1, 100, 1400, 9000))]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for datagram in datagrams:
            sender.sendto(datagram, ("127.0.0.1", port))
    yield
