"""Recordings are scenarios: what is in them comes true again, and no password is."""

from __future__ import annotations

import os
import re
import tempfile
import time
from pathlib import Path
from typing import Dict, Final, List, Tuple

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from messenger.cli.chatting import read_chat
from messenger.config import ServerConfig
from messenger.scenario.collection import read_accounts
from messenger.scenario.library import LibraryDriver, LibraryProgram
from messenger.scenario.model import Client
from messenger.scenario.parser import parse
from messenger.scenario.player import Play
from messenger.scenario.recorder import ServerRecorder
from messenger.scenario.setting import Setting
from messenger.server import Server
from tests.support.processes import PROJECT

ACCOUNTS: Final = read_accounts(PROJECT / "credentials.txt")
USERS: Final = ("Yoda", "Hans", "Luke")
EXAMPLES: Final = int(os.environ.get("RECORDING_EXAMPLES", "8"))
PHASES: Final = (Phase.explicit, Phase.generate)
PATIENCE: Final = 20.0
WRONG_PASSWORD: Final = "comp9332 oops"
TIME: Final = "01 Jun 2022 21:30:04"


class Session:
    """A server that records, and clients that do, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        lines = "".join(f"{name} {password}\n" for name, password in ACCOUNTS.items())
        (folder / "credentials.txt").write_text(lines, encoding="utf-8")
        config = ServerConfig(0, 3, ("127.0.0.1",), folder / "credentials.txt", folder)
        self._server = Server(config, witness=ServerRecorder(folder / "server.scenario"))
        self._server.start()
        self._driver = LibraryDriver(read_chat)
        self._online: Dict[str, LibraryProgram] = {}
        self._clients = 0
        self.files = [(folder / "server.scenario", list(ACCOUNTS.values()))]
        """Recordings, and the passwords that whoever writes them can know."""

    def start(self, user: str) -> LibraryProgram:
        self._clients += 1
        folder = self._folder / str(self._clients)
        folder.mkdir()
        (folder / "plans.txt").write_text("secret plans")
        client = Client(folder.name, "", folder.name, options=("--record", "client.scenario"))
        self.files.append((folder / "client.scenario", [ACCOUNTS[user]]))
        return self._driver.start_client(client, folder, "127.0.0.1", self._server.port)

    def log_in(self, user: str, wrong: int = 0) -> None:
        """Log in; somebody who is online already is refused."""
        program = self.start(user)
        for line in [user, *[WRONG_PASSWORD] * wrong, ACCOUNTS.get(user, "whatever")]:
            program.type(line)
        self.until(lambda: program.status is not None or _has_seen(program, "Welcome"))
        if program.status is None:
            self._online[user] = program

    def do(self, user: str, line: str, waits: bool) -> None:
        """Type a line if this user is online."""
        program = self._online.get(user)
        if program is None:
            return
        program.type(line)
        if line.startswith("/logout"):
            del self._online[user]
            self.until(lambda: program.status is not None)
        elif waits:
            self.settle(program)

    def kill(self, user: str) -> None:
        if user in self._online:
            program = self._online.pop(user)
            program.control("kill")
            self.until(lambda: program.status is not None)
            log = self._folder / "activitylog.txt"
            self.until(lambda: _is_gone(log.read_text(), user))

    def settle(self, program: LibraryProgram) -> None:
        """Wait until all that was typed has had its effect."""
        count = program.seen.lines.count("the server is there")
        program.type("/ping")
        self.until(lambda: program.seen.lines.count("the server is there") > count or program.status is not None)

    def until(self, is_met: object) -> None:
        deadline = time.monotonic() + PATIENCE
        while not is_met():  # type: ignore[operator]  # it is a function
            assert time.monotonic() < deadline
            self._driver.pump(0.05)

    def end(self) -> None:
        for program in list(self._online.values()):
            self.settle(program)
        self._server.stop()
        self._driver.close()


def _has_seen(program: LibraryProgram, text: str) -> bool:
    return any(text in line for line in program.seen.lines)


def _is_gone(activity: str, user: str) -> bool:
    own = [line.split("; ") for line in activity.splitlines() if line.split("; ")[2] == user]
    return [fields[5] for fields in own if fields[5] in ("login", "lost", "logout")][-1] != "login"


def replay(text: str, folder: Path) -> None:
    """Play a recording; fails if anything in it does not come true."""
    folder.mkdir()
    result = Play(parse(text, "recorded.scenario"), LibraryDriver(read_chat), Setting(folder, ACCOUNTS)).run()
    assert result.failure is None, f"{result.failure}\n\n{text}"
    assert not result.skipped


# ---- anything that people may do ----------------------------------------------------------------------------

texts = st.one_of(
    st.sampled_from(
        (
            *("hi", "hi there", "two  blanks ", " blank", "${run}", "{time} {x:word}", "/a regex/", "\\x41\\", "# no"),
            *(
                f"my password is {ACCOUNTS['Yoda']}",
                f"or {WRONG_PASSWORD}?",
                ACCOUNTS["Luke"],
                "\u200bzero",
                "a\tb",
                "☃$",
            ),
        )
    ),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20),
)
users = st.sampled_from(USERS)
anybody = st.sampled_from([*USERS, "Leia", "nobody", WRONG_PASSWORD.split(" ", maxsplit=1)[0]])
groups = st.sampled_from(["force", "force", "force", "Jedi", "bad-name", "jedi"])
lines = st.one_of(
    st.builds("/msgto {} {}".format, anybody, texts),
    st.builds("/groupmsg {} {}".format, groups, texts),
    st.builds("/creategroup {} {}".format, groups, st.lists(users | anybody, max_size=3).map(" ".join)),
    st.builds("/joingroup {}".format, groups),
    st.sampled_from(["/creategroup force Yoda Hans", "/joingroup force", "/groupmsg force hi"]),
    st.sampled_from(
        ["/activeuser", "/activeuser x", "/help", "/transfers", "/nonsense", "", " ", "/logout", "/accept 7"]
    ),
    st.builds("/p2pvideo {} {}".format, anybody, st.sampled_from(["plans.txt", "missing.txt", ""])),
    texts,
)
actions = st.one_of(
    st.tuples(st.just("log in"), users, st.integers(0, 2)),
    st.tuples(st.just("do"), users, lines, st.booleans()),
    st.tuples(st.just("do"), users, lines, st.booleans()),
    st.tuples(st.just("do"), users, lines, st.booleans()),
    st.tuples(st.just("kill"), users),
)


def test_the_sample_workflow_recorded_by_the_server_and_by_everybody_comes_true_again(tmp_path: Path) -> None:
    text = (PROJECT / "scenarios" / "sample-workflow.scenario").read_text(encoding="utf-8")
    text = text.replace("@server attempts=3", "@server attempts=3 --record server.scenario")
    text = re.sub("^(@actor .*)$", r"\1 --record own.scenario", text, flags=re.MULTILINE)
    replay(text, tmp_path / "play")
    recordings = [tmp_path / "play" / folder / "own.scenario" for folder in ("Yoda", "Hans", "Obi-Wan")]
    for number, path in enumerate([tmp_path / "play" / "server.scenario", *recordings]):
        recorded = path.read_text(encoding="utf-8")
        assert "General Kenobi" in recorded or "odds" in recorded
        assert not any(password in recorded for password in ACCOUNTS.values())
        replay(recorded, tmp_path / str(number))


@settings(phases=PHASES, max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(actions, min_size=5, max_size=25))
def test_whatever_people_do_the_recordings_of_server_and_clients_come_true_again(acts: List[Tuple[str, ...]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        session = Session(folder)
        try:
            session.log_in("Yoda")
            session.log_in("Hans")
            for what, *arguments in acts:
                {"log in": session.log_in, "do": session.do, "kill": session.kill}[what](*arguments)  # type: ignore[operator]  # each with its own arguments
        finally:
            session.end()
        for number, (file, passwords) in enumerate(session.files):
            if file.exists():
                text = file.read_text(encoding="utf-8")
                assert not any(password in text for password in passwords), text
                replay(text, folder / f"replay-{number}")
