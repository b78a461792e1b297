"""What a server has to tell of itself, as Prometheus reads it (`messenger serve --metrics`).

    messenger_info{version}                             1
    messenger_uptime_seconds
    messenger_cpu_seconds_total{mode}                   of the process; mode: user, system
    messenger_memory_bytes                              resident
    messenger_threads
    messenger_open_descriptors
    messenger_connections                               now, logged in or not
    messenger_connections_accepted_total
    messenger_connections_turned_away_total             because no descriptors were left
    messenger_users_online
    messenger_groups
    messenger_logins_total{result}                      ok, refused, blocked: as activitylog.txt has them
    messenger_logouts_total{how}                        logout, lost: the same
    messenger_messages_total{kind}                      accepted, that is logged; kind: private, group
    messenger_deliveries_total                          of those, one for each recipient who was online
    messenger_refusals_total{code}                      requests answered by `error`; its codes
    messenger_received_bytes_total                      on the connections of clients
    messenger_sent_bytes_total
    messenger_queued_bytes                              waiting for clients to read, sum
    messenger_queued_bytes_max                          the same, the connection with most
    messenger_slow_readers_total                        connections cut off because too much waited
    messenger_passwords_waiting                         to be checked
    messenger_lines_waiting                             for the disk, with --durable
    messenger_transfer_offers_total
    messenger_transfer_answers_total{answer}            accepted, refused
    messenger_transfer_outcomes_total{code}             that clients told each other through the server

Everything is read when somebody asks, without a lock: figures that change at that moment may be a message apart.
"""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path
from typing import Callable, Final, Iterator, List, Mapping, Sequence, Tuple, Union

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from messenger.server.core import Core
from messenger.server.listener import Listener
from messenger.server.loop import IoLoop
from messenger.version import __version__

Number = Union[int, float]

_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


class ServerCollector(Collector):
    """Reads the state of one server."""

    def __init__(self, core: Core, loops: Sequence[IoLoop], listeners: Sequence[Listener]) -> None:
        self._core = core
        self._loops = loops
        self._listeners = listeners
        self._started = time.monotonic()

    def collect(self) -> Iterator[Union[CounterMetricFamily, GaugeMetricFamily]]:
        """Yield every family of metrics as it is now."""
        yield from self._process()
        yield from self._connections()
        yield from self._chat()
        yield from self._queues()
        yield from self._transfers()

    def _process(self) -> Iterator[Union[CounterMetricFamily, GaugeMetricFamily]]:
        used = resource.getrusage(resource.RUSAGE_SELF)
        threads, memory = _threads_and_memory()
        yield _gauges("info", "The program.", "version", {__version__: 1})
        yield _gauge("uptime_seconds", "Seconds since the server started.", time.monotonic() - self._started)
        modes = {"user": used.ru_utime, "system": used.ru_stime}
        yield _counters("cpu_seconds", "Processor time that the server has used.", "mode", modes)
        yield _gauge("memory_bytes", "Resident memory.", memory)
        yield _gauge("threads", "Threads of the process.", threads)
        yield _gauge("open_descriptors", "Open file descriptors.", _open_descriptors())

    def _connections(self) -> Iterator[Union[CounterMetricFamily, GaugeMetricFamily]]:
        traffic = [loop.traffic for loop in self._loops]
        now = sum(loop.connection_count for loop in self._loops)
        away = sum(listener.turned_away for listener in self._listeners)
        yield _gauge("connections", "Connections now, logged in or not.", now)
        yield _counter("connections_accepted", "Connections accepted.", sum(t.accepted for t in traffic))
        yield _counter("connections_turned_away", "Connections refused for want of descriptors.", away)
        yield _counter("received_bytes", "Bytes received from clients.", sum(t.received for t in traffic))
        yield _counter("sent_bytes", "Bytes sent to clients.", sum(t.sent for t in traffic))
        yield _counter(
            "slow_readers", "Connections cut off because they did not read.", sum(t.cut_off for t in traffic)
        )

    def _chat(self) -> Iterator[Union[CounterMetricFamily, GaugeMetricFamily]]:
        state = self._core.rules.state
        activity, messages = state.counts.activity, self._core.messages
        logins = {"ok": activity["login"], "refused": activity["refused"], "blocked": activity["blocked"]}
        kinds = {"private": messages.private, "group": messages.group}
        yield _gauge("users_online", "Users who are logged in.", len(state.online))
        yield _gauge("groups", "Groups.", len(state.groups))
        yield _counters("logins", "Logins tried, by what became of them.", "result", logins)
        yield _counters("logouts", "Users who left.", "how", {how: activity[how] for how in ("logout", "lost")})
        yield _counters("messages", "Messages accepted and logged.", "kind", kinds)
        yield _counter("deliveries", "Messages handed on, one for each recipient online.", messages.deliveries)
        refusals = dict(state.counts.refusals)
        yield _counters("refusals", "Requests that were answered by an error, by its code.", "code", refusals)

    def _queues(self) -> Iterator[GaugeMetricFamily]:
        waiting = [size for loop in self._loops for size in loop.outbox_sizes()]
        syncer = self._core.syncer
        lines = 0 if syncer is None else syncer.lines_waiting
        yield _gauge("queued_bytes", "Bytes that wait for clients to read.", sum(waiting))
        yield _gauge("queued_bytes_max", "Bytes that wait for the slowest client.", max(waiting, default=0))
        yield _gauge("passwords_waiting", "Passwords that wait to be checked.", self._core.workers.waiting)
        yield _gauge("lines_waiting", "Lines of messages that wait for the disk.", lines)

    def _transfers(self) -> Iterator[CounterMetricFamily]:
        counts = self._core.rules.state.counts
        answers = {"accepted": counts.answers[True], "refused": counts.answers[False]}
        yield _counter("transfer_offers", "Files offered.", counts.offers)
        yield _counters("transfer_answers", "Offers answered.", "answer", answers)
        ends = dict(counts.outcomes)
        yield _counters("transfer_outcomes", "What clients told each other of transfers' ends.", "code", ends)


def renderer(core: Core, loops: Sequence[IoLoop], listeners: Sequence[Listener]) -> Callable[[], bytes]:
    """Return a function that returns a server's metrics in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(ServerCollector(core, loops, listeners))
    return lambda: generate_latest(registry)


def _gauge(name: str, text: str, value: Number) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"messenger_{name}", text, value=value)


def _gauges(name: str, text: str, label: str, values: Mapping[str, Number]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"messenger_{name}", text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _counter(name: str, text: str, value: Number) -> CounterMetricFamily:
    return CounterMetricFamily(f"messenger_{name}", text, value=value)


def _counters(name: str, text: str, label: str, values: Mapping[str, Number]) -> CounterMetricFamily:
    family = CounterMetricFamily(f"messenger_{name}", text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _threads_and_memory() -> Tuple[int, int]:
    """Return the process's threads, and its resident memory in bytes."""
    fields: List[str] = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return int(fields[17]), int(fields[21]) * _PAGE_BYTES  # 20 and 24 in proc(5), which counts the name, too


def _open_descriptors() -> int:
    folder = "/proc/self/fd"
    return os.stat(folder).st_size or len(os.listdir(folder))  # noqa: PTH116, PTH208 - Linux 6.2 knows; names are enough
