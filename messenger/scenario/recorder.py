"""Writes recordings: a scenario file that grows as things happen, so that what is there is a scenario at any time."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from pathlib import Path
from typing import Any, Callable, Final, Iterator, List, Mapping, Optional, Sequence, Tuple

from messenger.chat.state import GroupRecord, Session
from messenger.client.render import Shown
from messenger.client.witness import Witness
from messenger.config import ChatConfig
from messenger.errors import ConfigError
from messenger.protocol.messages import Event
from messenger.scenario.chronicle import Chronicle
from messenger.scenario.retelling import Retelling
from messenger.server.clock import format_time

WRITTEN_AT_ONCE: Final = 1000
"""Things that happened, after which a server's recorder writes, if more have happened meanwhile."""

END_SECONDS: Final = 5.0
"""How long the end of a server waits for its recorder."""

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW

_log = logging.getLogger(__name__)


class ScenarioFile:
    """A file that only its owner can read. Once it cannot be written it stays as it is, which is told once."""

    def __init__(self, path: Path) -> None:
        """Make the file; raises `ConfigError` if that cannot be done, or something of this name is there already."""
        self._path = path
        self._size = 0
        try:
            self._fd = os.open(path, _NEW, 0o600)
        except FileExistsError:
            raise ConfigError(f"{path} exists already: name a new file to record to, or move that one away") from None
        except OSError as error:
            raise ConfigError(f"cannot record to {path}: {error.strerror}") from None

    def append(self, lines: Sequence[str]) -> str:
        """Write lines behind the others; returns what went wrong, or nothing."""
        data = "".join(line + "\n" for line in lines).encode("utf-8", "replace")
        if self._fd < 0 or not data:
            return ""
        try:
            _write(self._fd, data)
            self._size += len(data)
            return ""
        except OSError as error:
            return self._give_up(error)

    def replace(self, lines: Sequence[str]) -> str:
        """Write lines in the place of all others, at once; returns what went wrong, or nothing."""
        if self._fd < 0:
            return ""
        data = "".join(line + "\n" for line in lines).encode("utf-8", "replace")
        new = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        fd = -1
        try:
            fd = os.open(new, _NEW, 0o600)
            _write(fd, data)
            os.replace(new, self._path)
        except OSError as error:
            if fd >= 0:
                os.close(fd)
                new.unlink(missing_ok=True)
            return self._give_up(error)
        os.close(self._fd)
        self._fd, self._size = fd, len(data)
        return ""

    def close(self) -> None:
        """Nothing is written from here on. A file in which nothing stands is removed, and its name free again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            if not self._size:
                self._path.unlink(missing_ok=True)

    def _give_up(self, error: OSError) -> str:
        """Leave whole lines only."""
        try:
            os.ftruncate(self._fd, self._size)
        except OSError:
            pass  # the last line may be cut: lint will say so
        self.close()
        return f"the recording ends here: cannot write {self._path}: {error.strerror}"


class ClientRecorder(Witness):
    """Records a client. Any thread may call."""

    def __init__(self, config: ChatConfig) -> None:
        """Raises `ConfigError` if `config.record` cannot be made."""
        super().__init__()
        assert config.record is not None
        self._file = ScenarioFile(config.record)
        options = [] if config.files.accept == "all" else [f"--accept {config.files.accept}"]
        if config.files.max_receive_size is not None:
            options.append(f"--max-receive-size {config.files.max_receive_size}")
        heading = f"What was typed and seen at a client, from {format_time(time.time())} on."
        self._retelling = Retelling(heading, " ".join(options))
        self._lock = threading.Lock()

    def answered(self, username: str, password: str) -> None:
        """See `Witness`."""
        with self._lock:
            self._retelling.answered(username, password)

    def typed(self, line: str) -> None:
        """See `Witness`."""
        with self._lock:
            self._retelling.typed(line)
            self._write()

    def shown(self, event: Shown) -> None:
        """See `Witness`."""
        with self._lock:
            self._retelling.shown(event)
            self._write()

    def ended(self, status: int) -> None:
        """See `Witness`."""
        with self._lock:
            self._retelling.ended(status)
            self._write()
            self._file.close()

    def _write(self) -> None:
        is_revised = self._retelling.is_revised
        fault = (self._file.replace if is_revised else self._file.append)(self._retelling.take())
        if fault:
            self.complain(fault)


class ServerRecorder:
    """Records a server, in a thread of its own: whoever tells it something goes on at once."""

    def __init__(self, path: Path) -> None:
        """Raises `ConfigError` if the file cannot be made."""
        self._file = ScenarioFile(path)
        self._news: queue.SimpleQueue[Optional[Callable[[Chronicle], None]]] = queue.SimpleQueue()
        self._has_ended = False
        self._thread: Optional[threading.Thread] = None

    def begins(self, attempts: int, accounts: Mapping[str, str], groups: Sequence[GroupRecord]) -> None:
        """See `messenger.server.watched.Witness`."""
        heading = f"What all clients did, from {format_time(time.time())} on."
        known = {name: "" if secret.startswith("$scrypt$") else secret for name, secret in accounts.items()}
        chronicle = Chronicle(heading, attempts, known, groups)
        self._write(chronicle)
        self._thread = threading.Thread(target=self._run, args=(chronicle,), name="recorder", daemon=True)
        self._thread.start()

    def handled(
        self, session: Session, user: str, request: Any, replies: List[Event], heard: List[Tuple[str, Event]]
    ) -> None:
        """See `messenger.server.watched.Witness`."""
        if not self._has_ended:
            self._news.put(lambda chronicle: chronicle.handled(session, user, request, replies, heard))

    def disconnected(self, session: Session, user: str) -> None:
        """See `messenger.server.watched.Witness`."""
        if not self._has_ended:
            self._news.put(lambda chronicle: chronicle.disconnected(session, user))

    def ends(self) -> None:
        """See `messenger.server.watched.Witness`."""
        self._has_ended = True
        self._news.put(None)
        if self._thread is None:
            self._file.close()
        else:
            self._thread.join(END_SECONDS)

    def _run(self, chronicle: Chronicle) -> None:
        for number, happens in enumerate(self._all_news(), 1):
            happens(chronicle)
            if self._news.empty() or number % WRITTEN_AT_ONCE == 0:
                self._write(chronicle)
        self._write(chronicle)
        self._file.close()

    def _all_news(self) -> Iterator[Callable[[Chronicle], None]]:
        while True:
            happens = self._news.get()
            if happens is None:
                return
            yield happens

    def _write(self, chronicle: Chronicle) -> None:
        fault = self._file.append(chronicle.take())
        if fault:
            _log.warning("%s", fault)


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
