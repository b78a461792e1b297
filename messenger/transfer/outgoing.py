"""The sending side of one transfer, from looking for a path to the receiver's receipt."""

from __future__ import annotations

import math
from typing import Callable, Dict, Final, Hashable, Iterator, Optional, Sequence, Tuple

from messenger.transfer.congestion import Controller
from messenger.transfer.datagram import Ack, Control, Done, DoneSeen, Figures, Hello, Ping, Start, Verdict, Welcome
from messenger.transfer.endpoint import Endpoint, Failure, State, Wire
from messenger.transfer.geometry import SEGMENT_SIZES, Geometry
from messenger.transfer.rtt import RoundTrip
from messenger.transfer.sealing import ControlOpener, ControlSealer, Secrets
from messenger.transfer.sender import Sender, Source
from messenger.transfer.turns import Turns
from messenger.transfer.unproved import ADDRESSES_MAX, Unproved

OPENING_SECONDS: Final = 5.0
"""How long a path is looked for."""

HELLO_DELAYS: Final = (0.0, 0.15, 0.4, 1.0, 2.0, 3.5)
"""Seconds after the first time at which every address is tried."""

ASK_SECONDS: Final = 0.5
"""Seconds after which a transfer that may not ask anywhere looks again, unless it is woken before: another one asks."""

HELLO_KINDS: Final[Tuple[Tuple[int, ...], ...]] = ((3, 2, 1, 0), (2, 0), (0,), (0,), (0,), (0,))
"""The sizes of datagrams that are tried each time, largest first: the first that is answered is used (RFC 8899)."""

START_INTERVAL: Final = 0.1
"""Seconds between repetitions of a `Start` that nobody has acknowledged."""

PING_INTERVAL: Final = 1.0
"""Seconds between questions to a receiver that has no reason of its own to say something."""

FIGURES_INTERVAL: Final = 1.0
"""Seconds between what the receiver's person is told of the path."""

REOPEN_SECONDS: Final = 3.0
"""After so much silence the addresses are tried again: one side may have got another one."""

RAISE_SECONDS, RAISE_SECONDS_MAX = 5.0, 60.0
"""Seconds after which larger datagrams are tried once more, doubled each time that they did not get through: it may
have been an outage, or a `Hello` that was lost, which made them small (RFC 8899, section 5.1.1, waits ten minutes)."""

BATCHES_AT_ONCE: Final = 8
"""Batches sent before others, and what has arrived, have their turn."""

MakeController = Callable[[int, RoundTrip], Controller]


class Outgoing(Endpoint):
    """Sends one file. `begin` says which chunks, once that is known."""

    def __init__(
        self,
        now: float,
        wire: Wire,
        secrets: Secrets,
        challenge: bytes,
        geometry: Geometry,
        addresses: Sequence[Hashable],
        source: Source,
        make_controller: MakeController,
        kind_max: int = len(SEGMENT_SIZES) - 1,
        shortest: Optional[Dict[Hashable, float]] = None,
        unproved: Optional[Unproved] = None,
        turns: Optional[Turns] = None,
    ) -> None:
        """`addresses` are where the receiver may be, `kind_max` is the largest segment to be used. `shortest` holds
        the shortest round trip (s) to each address, for all transfers that run at the same time: one that begins
        behind the queue of others could not see it (compare RFC 9040). `turns` are those of all transfers to the same
        person."""
        sealer = ControlSealer(secrets.to_receiver, secrets.receiver_id)
        super().__init__(now, wire, sealer, ControlOpener(secrets.to_sender), challenge, unproved)
        self.addresses = list(addresses)
        self._geometry = geometry
        self._source = source
        self._make_controller = make_controller
        self._kind_max = kind_max
        self._shortest: Dict[Hashable, float] = {} if shortest is None else shortest
        self._turns = Turns() if turns is None else turns
        self._began_at = now
        self._searching_since = now
        """Since when it is not known where the receiver is; infinite while it is."""
        self._hellos = 0
        self._next_hello = self._asked_at = now
        self._welcome: Optional[Welcome] = None
        self._todo: Optional[Iterator[int]] = None
        self._verdict = Verdict.CHECKING
        self._next_start = math.inf
        self._next_ping = math.inf
        self._next_raise = self._next_figures = math.inf
        self._raise_seconds = RAISE_SECONDS
        self._crowd = 1
        self._delivered = 0
        """Bytes that have arrived, as the receiver says."""
        self.sender: Optional[Sender] = None
        self.round_trip = RoundTrip()

    def begin(self, now: float, todo: Iterator[int], is_resumed: bool) -> None:
        """Send these chunks; `is_resumed` says that the receiver's claims to have the others were found true."""
        self._todo = todo
        self._verdict = Verdict.RESUMED if is_resumed else Verdict.ANEW
        if self._welcome is not None and not self.has_ended:
            self._run(now, self._welcome)

    def join_crowd(self, size: int) -> None:
        """Be one of so many transfers that send at the same time here."""
        self._crowd = size
        if self.sender is not None:
            self.sender.crowd = size

    def confirm(self, now: float) -> None:
        """Take the receipt, and say so; it may come through the server as well."""
        if not self.has_ended:
            if self.sender is None or not self.sender.has_sent_all:
                self.fail(now, "bad_peer", "the other side claims to have what was not sent")
            else:
                self._end(now, State.DONE)
        if self.state is State.DONE:
            self._tell(DoneSeen())

    # ---- what comes in --------------------------------------------------------------------------------------

    def _take(self, now: float, address: Hashable, message: Control) -> None:
        if isinstance(message, Ack):
            self._take_ack(now, message)
        elif isinstance(message, Welcome):
            self._take_welcome(now, address, message)
        elif isinstance(message, Done):
            self.confirm(now)

    def _take_ack(self, now: float, ack: Ack) -> None:
        if self.sender is None or self.has_ended:
            return
        if ack.is_started:
            self._next_start = math.inf
        self._stop_searching()
        before = self.sender.chunks_acknowledged
        is_more = ack.delivered > self._delivered
        self._delivered = max(self._delivered, ack.delivered)
        self.sender.on_ack(now, ack)
        base = self.round_trip.base
        if 0 < base < self._shortest.get(self.path, math.inf):
            self._shortest[self.path] = base
        if is_more or self.sender.chunks_acknowledged != before:
            self._note_progress(now, self.sender.chunks_acknowledged != before)
        if self.sender.is_complete and self.state is State.RUNNING:
            self.state = State.FINISHING
            self.sender.end()
            self._next_ping = now + PING_INTERVAL
            self._tell_figures(now, self.sender)

    def _take_welcome(self, now: float, address: Hashable, welcome: Welcome) -> None:
        if self.has_ended:
            return
        if self._searching_since == math.inf:
            self._take_larger(address, welcome)
            return
        if welcome.echo != self._challenge_to(address):
            self._ask_there_too(now, address, welcome)
            return
        if self._hellos == 1:  # so it is known which question was answered
            # No sample: where a hundred begin at once, the data will take longer, and that is no queue on the path.
            self.round_trip.expected = now - self._asked_at
        self._use_path(now, address)
        self._stop_searching()
        self._next_start = now
        if self._welcome is None:
            self.state = State.CHECKING
            self._welcome = welcome
            if self._todo is not None:
                self._run(now, welcome)
        else:
            self._welcome = welcome

    def _take_larger(self, address: Hashable, welcome: Welcome) -> None:
        """Go over to larger segments if this answer came by the path and proves that it carries them."""
        if address != self.path or welcome.echo != self._challenge_to(address):
            return
        if self.sender is not None:
            kind = min(welcome.kind, self._kind_max)
            if kind > self.sender.kind:
                self.sender.use(kind)
        elif self._welcome is not None and welcome.kind > self._welcome.kind:
            self._welcome = welcome

    def _ask_there_too(self, now: float, address: Hashable, welcome: Welcome) -> None:
        """Try the address that an answer came from, when another one was asked: a machine may have several."""
        is_answer = any(welcome.echo == self._challenge_to(asked) for asked in self.addresses)
        if is_answer and address not in self.addresses and len(self.addresses) < ADDRESSES_MAX:
            self.addresses.append(address)
            self._say_hello(now, address, min(welcome.kind, self._kind_max))

    def _stop_searching(self) -> None:
        self._searching_since = self._next_hello = math.inf

    def _run(self, now: float, welcome: Welcome) -> None:
        assert self._todo is not None
        if self.path in self._shortest:
            self.round_trip.update(now, self._shortest[self.path])
        kind = min(welcome.kind, self._kind_max)
        controller = self._make_controller(SEGMENT_SIZES[kind], self.round_trip)
        self.sender = Sender(
            self._geometry,
            self._todo,
            self._source,
            controller,
            self.round_trip,
            kind,
            welcome.allowance,
            self._turns,
            lambda: self.on_wake(),  # noqa: PLW0108 - what it is then, not now
        )
        self.sender.crowd = self._crowd
        self.state = State.FINISHING if self.sender.is_complete else State.RUNNING
        self._note_progress(now, is_chunk=True)
        self._next_start = now
        self._next_ping = math.inf if self.state is State.RUNNING else now + PING_INTERVAL
        self._next_raise = now + RAISE_SECONDS
        self._next_figures = now + FIGURES_INTERVAL

    # ---- what goes out --------------------------------------------------------------------------------------

    def _work(self, now: float) -> None:
        if self.path is None and now - self._began_at >= OPENING_SECONDS:
            self.fail(now, "no_path", "no path opened to the other side")
            return
        if self.silence(now) >= REOPEN_SECONDS and self._searching_since == math.inf:
            self._searching_since = self._next_hello = now
            self._hellos = len(HELLO_DELAYS)
        if now >= self._next_hello:
            self._send_hellos(now)
        if now >= self._next_start and self._welcome is not None:
            self._next_start = now + START_INTERVAL
            self._tell(Start(self._welcome.challenge, self._verdict))
        if now >= self._next_ping:
            self._next_ping = now + PING_INTERVAL
            self._tell(Ping())
        if self.sender is not None and self.state is State.RUNNING:
            if now >= self._next_raise:
                self._try_larger(now, self.sender)
            if now >= self._next_figures:
                self._tell_figures(now, self.sender)
            for _ in range(BATCHES_AT_ONCE):
                batch = self.sender.next_batch(now)
                if batch is None:
                    break
                if self.sender.has_sent_all:  # from here on there are only repairs, and each may be the last
                    self._tell_figures(now, self.sender)
                self._wire.batch(self.path, batch)

    def _tell_figures(self, now: float, sender: Sender) -> None:
        self._next_figures = now + FIGURES_INTERVAL
        microseconds = int(self.round_trip.smoothed * 1e6) if self.round_trip.has_sample else 0
        self._tell(Figures(sender.sent_segments, sender.repeated_segments, microseconds))

    def _try_larger(self, now: float, sender: Sender) -> None:
        """See whether the path carries larger segments by now."""
        if self.silence(now) >= PING_INTERVAL:  # it carries nothing
            self._next_raise = now + PING_INTERVAL
            return
        if sender.kind >= self._kind_max:
            self._raise_seconds = RAISE_SECONDS
        else:
            self._raise_seconds = min(2 * self._raise_seconds, RAISE_SECONDS_MAX)
            for kind in range(self._kind_max, sender.kind, -1):
                self._say_hello(now, self.path, kind)
        self._next_raise = now + self._raise_seconds

    def _send_hellos(self, now: float) -> None:
        tried = self._hellos
        kinds = [kind for kind in (HELLO_KINDS[tried] if tried < len(HELLO_KINDS) else (0,)) if kind <= self._kind_max]
        addresses = self.addresses if self.path is None else [*{*self.addresses, self.path}]
        if not tried:  # where another file has found its receiver, this one asks first, and nowhere else
            addresses = [one for one in addresses if self._unproved.is_proved(now, one)][:1] or addresses
        asked = [self._say_hello(now, address, kind) for address in addresses for kind in kinds]
        if not any(asked) and self.path is None:
            self._next_hello = now + ASK_SECONDS
            return
        if not tried:
            self._asked_at = now
        self._hellos += 1
        if self._hellos < len(HELLO_DELAYS):
            self._next_hello = self._asked_at + HELLO_DELAYS[self._hellos]
        else:
            self._next_hello = now + 1

    def _end(self, now: float, state: State, failure: Optional[Failure] = None) -> None:
        super()._end(now, state, failure)
        if self.sender is not None:
            self.sender.end()

    def wake(self) -> None:
        """Look again at addresses at which another transfer asked."""
        if self.path is None and not self.has_ended:
            self._next_hello = -math.inf
            self.on_wake()

    def _say_hello(self, now: float, address: Hashable, kind: int) -> bool:
        return self._tell_unproved(now, address, Hello(self._challenge_to(address), kind), SEGMENT_SIZES[kind])

    def _next_work(self) -> float:
        when = min(self._next_hello, self._next_start, self._next_ping)
        if self.path is None:
            return min(when, self._began_at + OPENING_SECONDS)
        if self._searching_since == math.inf:
            when = min(when, self._heard_at + REOPEN_SECONDS)
        if self.sender is not None and self.state is State.RUNNING:
            when = min(when, self._next_raise, self._next_figures, self.sender.deadline())
        return when
