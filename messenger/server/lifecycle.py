"""A server from start to stop."""

from __future__ import annotations

import itertools
import logging
import os
import resource
import secrets
import threading
from contextlib import ExitStack
from types import TracebackType
from typing import List, Optional, Type

from messenger import wording
from messenger.chat.accounts import Accounts, parse_credentials
from messenger.chat.rules import Rules
from messenger.config import ServerConfig
from messenger.errors import ConfigError
from messenger.server.console import Console
from messenger.server.core import Core
from messenger.server.journal import Journal
from messenger.server.listener import Listener, listen
from messenger.server.loop import IoLoop
from messenger.server.publisher import open_publisher
from messenger.server.watched import WatchedRules, Witness

_log = logging.getLogger(__name__)


class Server:
    """A messenger server in this process; `start` it and `stop` it, or use it in a `with` statement.

    Raises `ConfigError` when it cannot start: credentials, port, data directory; `MetricsError` for the metrics.
    """

    def __init__(
        self, config: ServerConfig, console: Optional[Console] = None, witness: Optional[Witness] = None
    ) -> None:
        """`witness` looks on at all that is asked for."""
        self._config = config
        self._console = console or Console(out=-1, err=-1)
        self._ended = threading.Event()
        self._failed = False
        self._excepthook = threading.excepthook
        self._loops: List[IoLoop] = []
        credentials = _read_credentials(config)
        _raise_descriptor_limit()
        with ExitStack() as opened:
            sockets = listen(config.bind, config.port)
            for sock in sockets:
                opened.callback(sock.close)
            self._publisher = open_publisher(config.metrics) if config.metrics is not None else None
            if self._publisher is not None:
                opened.callback(self._publisher.stop)
            journal = Journal(config.data_dir, config.durable)
            opened.callback(journal.close)
            state = journal.load_state(frozenset(credentials))
            opened.pop_all()
        self.port: int = sockets[0].getsockname()[1]
        """The TCP port in use."""
        self.addresses: List[str] = [sock.getsockname()[0] for sock in sockets]
        """The addresses listened on."""
        self.metrics_url = "" if self._publisher is None else self._publisher.url
        """Where metrics are published; empty: nowhere."""
        accounts = Accounts(credentials, secrets.token_bytes(32))
        rules = Rules(state, accounts, config.attempts)
        self._witness = witness
        if witness is not None:
            rules = WatchedRules(state, accounts, config.attempts, witness)
            witness.begins(config.attempts, credentials, state.group_records())
        self._core = Core(rules, accounts, journal, self._console, config)
        self._listeners = [Listener(sock) for sock in sockets]
        owners = itertools.cycle(range(config.io_threads))
        for number in range(config.io_threads):
            listeners = self._listeners if number == 0 else []
            loop = IoLoop(self._core, f"io-{number}", listeners, lambda: self._loops[next(owners)])
            self._loops.append(loop)

    def start(self) -> None:
        """Begin to serve; returns at once. The port is open and everything is ready."""
        self._excepthook, threading.excepthook = threading.excepthook, self._thread_failed
        self._console.start()
        if self._core.syncer is not None:
            self._core.syncer.start()
        for loop in self._loops:
            loop.thread.start()
        if self._publisher is not None:
            from messenger.server.metrics import renderer  # takes a fifth of a second

            self._publisher.start(renderer(self._core, self._loops, self._listeners))
        where = " and ".join(f"[{host}]" if ":" in host else host for host in self.addresses)
        self._console.tell("", [("messenger server ready on {}, port {}", where, self.port)])
        if self.metrics_url:
            self._console.tell("", [("metrics at {}", self.metrics_url)])
        if self._config.port_file is not None:
            self._write_port_file()

    def wait(self) -> bool:
        """Return when somebody ends the server by `end`; False if one of its threads failed."""
        self._ended.wait()
        return not self._failed

    def end(self) -> None:
        """Make `wait` return. Any thread or signal handler may call."""
        self._ended.set()

    def tell_online(self) -> None:
        """Tell the console how many are online, after all else. Any thread or signal handler may call."""
        self._console.tell("", [(wording.NOW_ONLINE, len(self._core.rules.state.online))])

    def stop(self) -> None:
        """Tell the clients, complete the logs, close everything; takes at most a few seconds."""
        if self._witness is not None:
            self._witness.ends()
        for loop in self._loops:
            loop.stop()
        for loop in self._loops:
            loop.thread.join(5)
        if self._core.syncer is not None:
            self._core.syncer.stop()
        self._core.workers.stop()
        if self._publisher is not None:
            self._publisher.stop()
        with self._core.lock:
            self._core.journal.close()
        self._console.stop()
        threading.excepthook = self._excepthook

    def connections_by_thread(self) -> List[int]:
        """Return how many connections each I/O thread owns."""
        return [loop.connection_count for loop in self._loops]

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.stop()

    def _threads(self) -> List[threading.Thread]:
        return [*(loop.thread for loop in self._loops), *self._core.threads(), self._console.thread]

    def _write_port_file(self) -> None:
        path = self._config.port_file
        assert path is not None
        temporary = path.with_name(path.name + ".new")
        try:
            temporary.write_text(str(self.port))
            os.replace(temporary, path)
        except OSError as error:
            raise ConfigError(f"cannot write the port file {path}: {error.strerror}") from error

    def _thread_failed(self, failure: threading.ExceptHookArgs) -> None:
        """A thread that dies silently would leave half a server: end all of it instead."""
        if failure.thread not in self._threads():
            self._excepthook(failure)
            return
        name = failure.thread.name if failure.thread else "?"
        trace = (failure.exc_type, failure.exc_value or failure.exc_type(), failure.exc_traceback)
        _log.critical("the thread %s failed, the server ends", name, exc_info=trace)
        self._failed = True
        self._ended.set()


def _read_credentials(config: ServerConfig) -> dict[str, str]:
    path = config.credentials
    try:
        return parse_credentials(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot read the credentials file {path}: {error.strerror}") from error
    except ConfigError as error:
        raise ConfigError(f"credentials file {path}, {error}") from None


def _raise_descriptor_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (ValueError, OSError):
            _log.debug("the limit of open files stays at %d", soft)
