"""What a load run adds to Locust: options, accounts for every worker, a drain before the end, and one record of it all.

`register` is called by the locustfile. Everything else is Locust's own: workers, web page, tags, reports.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from pathlib import Path
from typing import Any, Dict, Final, List, Optional, Sequence, Set, Tuple, Type

import gevent
import locust
import psutil
from locust import LoadTestShape
from locust.runners import LocalRunner, MasterRunner, WorkerRunner

from messenger.errors import ConfigError
from messenger.load.accounts import Pool, read_accounts, slices
from messenger.load.faults import impairment_of
from messenger.load.file_user import FilesUser
from messenger.load.options import add_options, plan_of, read_scenario
from messenger.load.people import Account, Traffic
from messenger.load.plan import SCENARIO, Plan
from messenger.load.profiles import Fault, parse_fault, parse_stages
from messenger.load.recorder import Recorder, Total
from messenger.load.scenario_user import ScenarioUser
from messenger.load.shared import Load
from messenger.load.users import USERS, MessengerUser
from messenger.scenario.library import Configure

CLASSES: Final[Dict[str, Type[MessengerUser]]] = {**USERS, FilesUser.role: FilesUser, SCENARIO: ScenarioUser}
"""The class of each role."""

TICK_SECONDS: Final = 0.05
"""How often the generator looks how late it is."""

LOGOUT_SECONDS: Final = 15.0
"""How long logging everybody out may take."""

_ACCOUNTS: Final = "messenger-accounts"
_DRAIN: Final = "messenger-drain"
_DRAINED: Final = "messenger-drained"
_PIECE: Final = "messenger"
_USAGE: Final = 2

_log: Final = logging.getLogger("messenger.load")


class LocustRecorder(Recorder):
    """A recorder that tells Locust, too, so that its page and files show the same operations."""

    def __init__(self, environment: Any) -> None:
        super().__init__()
        self._fire = environment.events.request.fire

    def latency(self, operation: str, seconds: float, at: float) -> None:
        """See `Recorder`."""
        super().latency(operation, seconds, at)
        if operation != "generator lag":
            self._tell(operation, seconds * 1000, None)

    def failure(self, operation: str, reason: str, at: float) -> None:
        """See `Recorder`."""
        super().failure(operation, reason, at)
        self._tell(operation, 0.0, reason)

    def _tell(self, operation: str, milliseconds: float, reason: Optional[str]) -> None:
        self._fire(
            request_type="messenger", name=operation, response_time=milliseconds, response_length=0,
            exception=reason, context={},
        )  # fmt: skip


class Stages(LoadTestShape):
    """As many users as make up the people of each stage; between two stages the number changes evenly."""

    def __init__(self, plan: Plan, stages: Sequence[Tuple[float, int]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Locust's
        self._plan = plan
        self._stages = stages

    def tick(self) -> Optional[Tuple[int, float]]:
        """Return how many users there should be now, and how many may come a second; None at the end."""
        now: float = self.get_run_time()  # type: ignore[no-untyped-call]  # as above
        for (start, before), (end, after) in zip(self._stages, self._stages[1:]):
            if now < end:
                share = max(0.0, now - start) / (end - start)
                people = before + (after - before) * share
                return sum(self._plan.users(round(people)).values()), 1000.0  # a spike is one
        return None


class Run:
    """One process of a run: the only one, the master, or a worker."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self._runner = environment.runner
        self._recorder = LocustRecorder(environment)
        self._accounts: List[Account] = []
        self._background: List[gevent.Greenlet] = []
        self._done: List[Tuple[float, str]] = []
        """Faults, and when they were carried out."""
        self._workers = 1
        self._waiting_for: Set[str] = set()
        """Workers that drain still."""
        self.total = Total()
        self.began = self.spawned = self.stopped = self.drained = 0.0
        """When the first user started, all were there, the last message was sent, and its answer was in: seconds since
        1970."""
        if isinstance(self._runner, WorkerRunner):
            self._runner.register_message(_ACCOUNTS, self._take_accounts)
            self._runner.register_message(_DRAIN, self._take_drain)
        elif isinstance(self._runner, MasterRunner):
            self._runner.register_message(_DRAINED, self._take_drained)

    @property
    def _options(self) -> Any:
        return self._environment.parsed_options

    def choose_users(self) -> None:
        """Tell Locust how many users of which class there are; a worker is told by its master."""
        if isinstance(self._runner, WorkerRunner):
            self._environment.user_classes = [*CLASSES.values()]
            return
        options = self._options
        plan = plan_of(options)
        if options.people:
            counts = plan.users(options.people)
            for role, count in counts.items():
                CLASSES[role].fixed_count = count
            options.num_users = sum(counts.values())
        for role, share in plan.mix.items():
            CLASSES[role].weight = max(1, round(100 * share / plan.accounts_of(role)))
        if options.stages:
            self._environment.shape_class = Stages(plan, parse_stages(options.stages))
        self._environment.user_classes = [CLASSES[role] for role, share in plan.mix.items() if share]

    def start(self) -> None:
        """Prepare everything before the first user starts; ends the run if it cannot be."""
        self.began, self.spawned, self.stopped, self.drained = time.time(), 0.0, 0.0, 0.0
        self.total, self._done = Total(), []  # from the web page, a run may follow another
        if self._options.load_json and not isinstance(self._runner, WorkerRunner):
            Path(self._options.load_json).with_suffix(".began").touch()
        try:
            plan = plan_of(self._options)
            if plan.scenario:
                self._prepare_scenario(Path(plan.scenario))
            if type(self._runner) is LocalRunner:
                self.choose_users()  # again: the web page may have changed the options
            for fault in self._faults():
                if fault.what == "udp":
                    impairment_of(fault.how)
            if not isinstance(self._runner, WorkerRunner):
                self._share_accounts(plan)
        except ConfigError as error:
            _log.error("%s", error)
            self._environment.process_exit_code = _USAGE
            gevent.spawn(self._runner.quit)  # not here: Locust is in the middle of starting
            return
        if not isinstance(self._runner, MasterRunner):
            self._recorder = LocustRecorder(self._environment)
            traffic = Traffic(self._recorder, secrets.token_hex(4))
            MessengerUser.load = Load(plan, Pool(self._accounts), traffic)
            self._background = [gevent.spawn(self._tick)]
            self._background += [gevent.spawn(self._carry_out, fault) for fault in self._faults()]

    def _prepare_scenario(self, path: Path) -> None:
        ScenarioUser.adapted = read_scenario(path)
        if not isinstance(self._runner, WorkerRunner):
            for text in ScenarioUser.adapted.left_out:
                _log.warning("left out under load: %s", text)

    def note_spawned(self) -> None:
        """All users are there."""
        self.spawned = self.spawned or time.time()

    def drain(self) -> None:
        """Let nobody send any more, and wait for what is under way; called before users are stopped."""
        self.stopped = self.stopped or time.time()
        if isinstance(self._runner, MasterRunner):
            # By messages of its own: to a master that quits, Locust's last reports come in half a second or never.
            waiting = self._waiting_for = set(self._runner.clients)
            self._runner.send_message(_DRAIN)
            deadline = time.monotonic() + plan_of(self._options).drain + LOGOUT_SECONDS
            while waiting and time.monotonic() < deadline:
                gevent.sleep(TICK_SECONDS)
            if waiting:
                _log.error("%d workers have not told what they did last", len(waiting))
        else:
            self._drain_here()
        self.drained = self.drained or time.time()

    def _drain_here(self) -> None:
        load: Optional[Load] = getattr(MessengerUser, "load", None)
        if load is None or load.traffic.is_stopping:
            return
        load.traffic.is_stopping = True
        deadline = time.monotonic() + load.plan.drain
        while (self._recorder.unsettled or load.traffic.acting) and time.monotonic() < deadline:
            gevent.sleep(TICK_SECONDS)
        load.traffic.is_over = True
        gevent.joinall([gevent.spawn(person.log_out) for person in load.people], timeout=LOGOUT_SECONDS)
        gevent.killall(self._background)

    def _take_drain(self, environment: Any, msg: Any, **_: Any) -> None:
        def drain() -> None:
            self._drain_here()
            self._runner.send_message(_DRAINED, {"worker": self._runner.client_id, "piece": self._recorder.take()})

        gevent.spawn(drain)  # Locust reads its messages meanwhile

    def _take_drained(self, environment: Any, msg: Any, **_: Any) -> None:
        self.total.add(msg.data["worker"], msg.data["piece"])
        self._waiting_for.discard(msg.data["worker"])

    def report(self, data: Dict[str, Any]) -> None:
        """Put what is new into what goes to the master."""
        data[_PIECE] = self._recorder.take()

    def take_report(self, worker: str, data: Dict[str, Any]) -> None:
        """Take what a worker has told."""
        if _PIECE in data:
            self.total.add(worker, data[_PIECE])

    def finish(self) -> None:
        """Write the record, once everything has ended."""
        if isinstance(self._runner, WorkerRunner):
            return
        if not isinstance(self._runner, MasterRunner):
            self.total.add("", self._recorder.take())
        if self._options.load_json:
            Path(self._options.load_json).write_text(json.dumps(self.as_dict()) + "\n", encoding="utf-8")
        for kind, fates in sorted(self.total.fates.items()):
            counts = ", ".join(f"{count} {name}" for name, count in fates.as_dict().items())
            _log.info("%s: %s", kind, counts)

    def as_dict(self) -> Dict[str, Any]:
        """Return the whole record."""
        times = {"began": self.began, "spawned": self.spawned, "stopped": self.stopped, "drained": self.drained}
        # Every worker has done the same: of several, the master tells by the plan.
        done = self._done or [(self.began + fault.at, f"{fault.what} {fault.how}".strip()) for fault in self._faults()]
        return {**times, "faults": done, "workers": self._workers, **self.total.as_piece()}

    def _share_accounts(self, plan: Plan) -> None:
        counts = {role: CLASSES[role].fixed_count for role, share in plan.mix.items() if share}
        needed = plan.people(counts) if self._options.people else self._most_people(plan)
        accounts = read_accounts(Path(self._options.credentials), needed)
        if isinstance(self._runner, MasterRunner):
            workers = sorted(self._runner.clients)
            self._workers = len(workers)
            for worker, share in zip(workers, slices(accounts, max(1, len(workers)))):
                self._runner.send_message(_ACCOUNTS, {"accounts": [list(account) for account in share]}, worker)
        else:
            self._accounts = accounts

    def _most_people(self, plan: Plan) -> int:
        roles = [role for role, share in plan.mix.items() if share]
        return int(self._runner.target_user_count or 0) * max(plan.accounts_of(role) for role in roles)

    def _faults(self) -> List[Fault]:
        given = self._options.fault or ()
        return [parse_fault(line) for line in ([given] if isinstance(given, str) else given)]  # the web page has one

    def _carry_out(self, fault: Fault) -> None:
        gevent.sleep(max(0.0, self.began + fault.at - time.time()))
        self._done.append((time.time(), f"{fault.what} {fault.how}".strip()))
        MessengerUser.load.carry_out(fault)

    def _take_accounts(self, environment: Any, msg: Any, **_: Any) -> None:
        self._accounts = [Account(name, password) for name, password in msg.data["accounts"]]

    def _tick(self) -> None:
        process, next_second = psutil.Process(), 0.0
        while True:
            due = time.monotonic() + TICK_SECONDS
            gevent.sleep(TICK_SECONDS)
            now = time.time()
            self._recorder.latency("generator lag", max(0.0, time.monotonic() - due), now)
            if now >= next_second:
                next_second = now + 1
                self._recorder.amount("generator CPU", process.cpu_percent(), now)


def register(configure: Configure) -> None:
    """Have Locust call all this; `configure` reads the options of scenarios' clients."""
    ScenarioUser.configure = staticmethod(configure)
    runs: List[Run] = []

    def begin(environment: Any, **_: Any) -> None:
        # Timers count from when the loop was last looked at, which was before all was imported: a run would be short.
        gevent.get_hub().loop.update_now()
        run = Run(environment)
        runs.append(run)
        try:
            run.choose_users()
        except ConfigError as error:
            raise SystemExit(f"messenger: {error}") from None

    # Locust calls listeners by keyword, with more arguments in later versions.
    events: Any = locust.events
    events.init_command_line_parser.add_listener(lambda parser, **_: add_options(parser))
    events.init.add_listener(begin)
    events.test_start.add_listener(lambda **_: runs[-1].start())
    events.spawning_complete.add_listener(lambda **_: runs[-1].note_spawned())
    events.test_stopping.add_listener(lambda **_: runs[-1].drain())
    events.report_to_master.add_listener(lambda data, **_: runs[-1].report(data))
    events.worker_report.add_listener(lambda client_id, data, **_: runs[-1].take_report(client_id, data))
    events.quitting.add_listener(lambda **_: runs[-1].finish() if runs else None)
