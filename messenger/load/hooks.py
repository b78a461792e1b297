"""What a load run adds to Locust: options, accounts for every worker, a drain before the end, and one record of it all.

`register` is called by the locustfile. Everything else is Locust's own: workers, web page, tags, reports.
"""

from __future__ import annotations

import functools
import json
import logging
import secrets
import signal
import time
from pathlib import Path
from typing import Any, Dict, Final, List, Optional, Set, Type

import gevent
import locust
from locust import argument_parser
from locust.runners import LocalRunner, MasterRunner, WorkerRunner

from messenger.errors import ConfigError
from messenger.load.accounts import FarPool, Lender, Pool, read_accounts
from messenger.load.file_user import FilesUser
from messenger.load.lag import TICK_SECONDS, measure
from messenger.load.locust_recorder import LocustRecorder
from messenger.load.options import add_options, faults_of, plan_of, read_scenario
from messenger.load.people import Account, Traffic
from messenger.load.plan import SCENARIO, Plan
from messenger.load.profiles import Fault, parse_stages
from messenger.load.recorder import Total
from messenger.load.scenario_user import ScenarioUser
from messenger.load.shared import Load
from messenger.load.stages import Stages
from messenger.load.users import USERS, MessengerUser
from messenger.scenario.library import Configure

CLASSES: Final[Dict[str, Type[MessengerUser]]] = {**USERS, FilesUser.role: FilesUser, SCENARIO: ScenarioUser}
"""The class of each role."""

LOGOUT_SECONDS: Final = 15.0
"""How long logging everybody out may take."""

LATE_SECONDS: Final = 5.0
"""How much longer than its workers the master waits: the last piece of one that took all its time is on its way."""

GONE_SECONDS: Final = 12.0
"""Who has told nothing for so long is gone. Workers tell something every three seconds, but may be too busy to."""

_WISH: Final = "messenger-wish"
_ACCOUNTS: Final = "messenger-accounts"
_DRAIN: Final = "messenger-drain"
_DRAINED: Final = "messenger-drained"
_PIECE: Final = "messenger"
_USAGE: Final = 2

_log: Final = logging.getLogger("messenger.load")


class Run:
    """One process of a run: the only one, the master, or a worker."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self._runner = environment.runner
        self._recorder = LocustRecorder(environment)
        self._accounts: List[Account] = []
        self._lender = Lender(())
        self._far_pool: Optional[FarPool] = None
        self._background: List[gevent.Greenlet] = []
        self._done: Dict[str, float] = {}
        """Faults, as they were given, and when they were carried out."""
        self._workers: Dict[str, float] = {}
        """All that take part, and when each was heard of last (`time.monotonic`)."""
        self._waiting_for: Set[str] = set()
        """Workers that drain still."""
        self._lost: Set[str] = set()
        """Workers that are gone without having told what they did last."""
        self.total = Total()
        self.began = self.spawned = self.stopped = self.drained = 0.0
        """When the first user started, all were there, the last message was sent, and its answer was in: seconds since
        1970."""
        if isinstance(self._runner, WorkerRunner):
            self._runner.register_message(_ACCOUNTS, self._take_accounts)
            self._runner.register_message(_DRAIN, self._take_drain)
        elif isinstance(self._runner, MasterRunner):
            self._runner.register_message(_WISH, self._take_wish)
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
        faults_of(options)
        counts = plan.users(options.people) if options.people else {}
        for role, kind in CLASSES.items():
            kind.fixed_count = counts.get(role, 0)
        for role, weight in plan.weights.items():
            CLASSES[role].weight = weight
        if counts:
            options.num_users = sum(counts.values())
        if options.stages:
            self._environment.shape_class = Stages(plan, parse_stages(options.stages))
        self._environment.user_classes = [CLASSES[role] for role, share in plan.mix.items() if share]

    def start(self) -> None:
        """Prepare everything before the first user starts; ends the run if it cannot be."""
        self.began, self.spawned, self.stopped, self.drained = time.time(), 0.0, 0.0, 0.0
        self.total, self._done, self._lost = Total(), {}, set()  # from the web page, a run may follow another
        if self._options.load_json and not isinstance(self._runner, WorkerRunner):
            Path(self._options.load_json).with_suffix(".began").touch()
        try:
            plan = plan_of(self._options)
            if plan.scenario:
                self._prepare_scenario(Path(plan.scenario))
            if type(self._runner) is LocalRunner:
                self.choose_users()  # again: the web page may have changed the options
            faults = faults_of(self._options)
            if not isinstance(self._runner, WorkerRunner):
                self._read_accounts(plan)
        except ConfigError as error:
            _log.error("%s", error)
            is_over = getattr(self._options, "headless", True)
            if is_over:
                self._environment.process_exit_code = _USAGE
            # Not here: Locust is in the middle of starting. On its page one may try again.
            gevent.spawn(self._runner.quit if is_over else self._runner.stop)
            return
        if not isinstance(self._runner, MasterRunner):
            self._recorder = LocustRecorder(self._environment)
            traffic = Traffic(self._recorder, secrets.token_hex(4))
            if isinstance(self._runner, WorkerRunner):
                self._far_pool = FarPool(lambda wish: self._runner.send_message(_WISH, wish))
            MessengerUser.load = Load(plan, self._far_pool or Pool(self._accounts), traffic)
            self._background = [gevent.spawn(measure, self._recorder)]
            self._background += [gevent.spawn(self._carry_out, fault) for fault in faults]

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
            self._drain_workers()
        else:
            self._drain_here()
        self.drained = self.drained or time.time()

    def _drain_workers(self) -> None:
        # By messages of its own: to a master that quits, Locust's last reports come in half a second or never.
        clients, self._waiting_for = self._runner.clients, {*self._workers}
        self._runner.send_message(_DRAIN)
        deadline = time.monotonic() + plan_of(self._options).drain + LOGOUT_SECONDS + LATE_SECONDS
        while self._waiting_for and time.monotonic() < deadline:
            silent = time.monotonic() - GONE_SECONDS
            gone = {one for one in self._waiting_for if one not in clients or self._workers[one] < silent}
            self._lost |= gone
            self._waiting_for -= gone
            gevent.sleep(TICK_SECONDS)
        self._lost |= self._waiting_for
        if self._lost:
            _log.error("%d workers have not told what they did last", len(self._lost))

    def _drain_here(self) -> None:
        load: Optional[Load] = getattr(MessengerUser, "load", None)
        if load is None:
            return
        if load.traffic.is_stopping:  # Ctrl-C while the drain is under way
            while not load.traffic.is_over:
                gevent.sleep(TICK_SECONDS)
            return
        load.traffic.is_stopping, load.stopped_at = True, time.monotonic()
        deadline = load.stopped_at + load.plan.drain
        while (self._recorder.unsettled or load.is_busy) and time.monotonic() < deadline:
            gevent.sleep(TICK_SECONDS)
        load.end()
        gevent.joinall([gevent.spawn(person.log_out) for person in load.people], timeout=LOGOUT_SECONDS)
        gevent.killall(self._background)

    def _take_drain(self, environment: Any, msg: Any, **_: Any) -> None:
        def drain() -> None:
            self._drain_here()
            self._runner.send_message(_DRAINED, {"piece": self._recorder.take(), "faults": self._done})

        gevent.spawn(drain)  # Locust reads its messages meanwhile

    def _take_drained(self, environment: Any, msg: Any, **_: Any) -> None:
        self.total.add(msg.node_id, msg.data["piece"])
        for line, at in msg.data["faults"].items():
            self._done[line] = min(at, self._done.get(line, at))
        self._waiting_for.discard(msg.node_id)
        self._lost.discard(msg.node_id)

    def report(self, data: Dict[str, Any]) -> None:
        """Put what is new into what goes to the master."""
        data[_PIECE] = self._recorder.take()

    def take_report(self, worker: str, data: Dict[str, Any]) -> None:
        """Take what a worker has told."""
        if _PIECE in data:
            self.total.add(worker, data[_PIECE])
        if worker in self._workers:
            self._workers[worker] = time.monotonic()

    def finish(self) -> None:
        """Write the record, once everything has ended."""
        if isinstance(self._runner, WorkerRunner):
            return
        if not isinstance(self._runner, MasterRunner):
            if self.began:
                self._runner.stop()  # after Ctrl-C Locust would do so later; a master has done it already
            self.total.add("", self._recorder.take())
        if self._options.load_json:
            Path(self._options.load_json).write_text(json.dumps(self.as_dict()) + "\n", encoding="utf-8")
        for kind, fates in sorted(self.total.fates.items()):
            counts = ", ".join(f"{count} {name}" for name, count in fates.as_dict().items())
            _log.info("%s: %s", kind, counts)

    def as_dict(self) -> Dict[str, Any]:
        """Return the whole record."""
        times = {"began": self.began, "spawned": self.spawned, "stopped": self.stopped, "drained": self.drained}
        return {
            **times,
            "faults": sorted((at, line.partition(" ")[2]) for line, at in self._done.items()),
            "workers": len(self._workers) or 1,
            "lost_workers": len(self._lost),
            "errors": [[error["msg"], error["count"]] for error in self._runner.exceptions.values()],
            **self.total.as_piece(),
        }

    def _read_accounts(self, plan: Plan) -> None:
        options = self._options
        if options.stages:
            needed = max(plan.most_people_of(people) for _, people in parse_stages(options.stages))
        elif options.people:
            needed = plan.people(plan.users(options.people))
        else:
            needed = plan.most_people(int(self._runner.target_user_count or 0))
        self._accounts = read_accounts(Path(options.credentials), needed)
        if isinstance(self._runner, MasterRunner):
            self._lender = Lender(self._accounts)
            self._workers = dict.fromkeys(self._runner.clients, time.monotonic())

    def _take_wish(self, environment: Any, msg: Any, **_: Any) -> None:
        self._workers[msg.node_id] = time.monotonic()  # it may have come late
        answer = self._lender.answer(msg.data)
        if answer is not None:
            self._runner.send_message(_ACCOUNTS, answer, msg.node_id)

    def _take_accounts(self, environment: Any, msg: Any, **_: Any) -> None:
        if self._far_pool is not None:
            self._far_pool.take_answer(msg.data)

    def _carry_out(self, fault: Fault) -> None:
        gevent.sleep(max(0.0, self.began + fault.at - time.time()))
        load = MessengerUser.load
        if not load.traffic.is_stopping:
            load.carry_out(fault)
            self._done[f"{fault.at:g} {fault.text}"] = time.time()


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
        if environment.parsed_options.stages:
            # Of its own, Locust has a handler only where it is told a number of users.
            gevent.signal_handler(signal.SIGTERM, environment.runner.quit)

    # A worker of Locust 2.47 makes this parser anew for each of a hundred options whenever users are to be started: it
    # stood still for a fifth of every second of a ramp.
    argument_parser.default_args_dict = functools.lru_cache(argument_parser.default_args_dict)
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
