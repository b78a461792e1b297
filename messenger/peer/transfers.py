"""All transfers of a client: what the server passes on goes to the right one, and new ones begin here."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path
from typing import Callable, Dict, Final, Hashable, List, Optional, Tuple, Union

from messenger.config import FileConfig
from messenger.errors import ConfigError
from messenger.peer.addresses import OwnAddresses
from messenger.peer.ciphers import fastest_cipher
from messenger.peer.engine import Engine
from messenger.peer.exchange import Exchange
from messenger.peer.handle import AnyTransferEvent, Transfer, TransferFailed
from messenger.peer.inbound import Inbound
from messenger.peer.outbound import Outbound
from messenger.peer.shares import divide
from messenger.peer.signals import Signals, Submit, no_connection
from messenger.peer.source import SourceFile
from messenger.peer.udp import UdpPort
from messenger.peer.unconfirmed import Unconfirmed
from messenger.peer.worker import Worker
from messenger.protocol.limits import FILE_NAME_MAX
from messenger.protocol.messages import Answer, Answered, AnyEvent, Offered, TransferOutcome
from messenger.transfer.controllers import CONTROLLERS
from messenger.transfer.geometry import SEGMENT_SIZES, SIZE_MAX
from messenger.transfer.naming import base_name
from messenger.transfer.receiver import Receiver
from messenger.transfer.turns import Turns
from messenger.transfer.unproved import Unproved

INCOMING_MAX: Final = 256
"""Files that are received at one time; more are refused."""

SIGNALS_SECONDS: Final = 2.0
"""How long a client that leaves waits for the server to take what transfers have still to say."""

KEPT: Final = 1000
"""Transfers that `list` remembers after their end."""

Emit = Callable[[AnyTransferEvent], None]


class Transfers:
    """The files that one client sends and receives, over one UDP port and in one thread."""

    def __init__(self, config: FileConfig, submit: Submit = no_connection, emit: Emit = lambda event: None) -> None:
        """Take the port; raises `ConfigError` if it is in use, and for a congestion control that nobody knows.

        See `use` for the rest, which may come later.
        """
        controller = CONTROLLERS.get(config.congestion_control)
        if controller is None:
            known = ", ".join(CONTROLLERS)
            raise ConfigError(f"there is no congestion control {config.congestion_control!r}: it is one of {known}")
        self._make_controller = controller
        self._config = config
        self.emit = emit
        self.id = uuid.uuid4().hex
        """Of this client, as long as it runs."""
        self.username = ""
        """Who is logged in."""
        self.local_address = ""
        """This end of the connection to the server."""
        self.engine = Engine(UdpPort(config.udp_port, config.socket_buffer, config.offload))
        self.engine.on_room = self.share
        self._kind_max = max(kind for kind, size in enumerate(SEGMENT_SIZES) if size <= config.segment_max or not kind)
        self.shortest: Dict[Hashable, float] = {}
        """The shortest round trip to each address, while files are being sent."""
        self.unconfirmed = Unconfirmed()
        self._unproved: Dict[str, Unproved] = {}
        self._turns: Dict[str, Turns] = {}
        self._will_share = False
        self._own = OwnAddresses()
        self._exchanges: Dict[Tuple[str, str], Exchange] = {}
        """User and transfer id to what is not over yet."""
        self._handles: Dict[int, Transfer] = {}
        self._last_number = 0
        self._is_reader: Callable[[], bool] = lambda: False
        self._lock = threading.Lock()
        self._is_closing = False
        self._places = Worker("messenger-files")
        """Gives whole files their places: a disk may take seconds."""
        self._signals = Signals(submit, self.engine.call)
        self.signal = self._signals.send
        self.engine.start()

    def use(
        self, submit: Submit, emit: Emit, local_address: str, is_reader: Callable[[], bool] = lambda: False
    ) -> None:
        """Work with this connection from now on: with the first one, or a new one in its place.

        `submit` sends a request to the server (see `messenger.client.connection.Connection.submit`), `emit` is called
        in the transfers' own thread, `local_address` is this end of the connection, `is_reader` tells whether it is
        asked by the thread that reads from it.
        """
        self._signals.use(submit)
        self._is_reader = is_reader
        self.emit = emit
        self.local_address = local_address

    def on_connection_lost(self, reason: str) -> None:
        """End what cannot be answered any more; what was accepted needs no server and goes on. Any thread may call."""

        def end() -> None:
            for exchange in list(self._exchanges.values()):
                if exchange.endpoint is None:
                    exchange.fail_as_told("connection_lost", reason)

        self.engine.call(end)

    @property
    def port(self) -> int:
        """The UDP port."""
        return self.engine.port.number

    @property
    def strangers(self) -> int:
        """Datagrams that have come so far and belonged to no transfer, or were not authentic: they get no answer."""
        return self.engine.strangers

    def send(self, user: str, path: Union[str, Path]) -> Transfer:
        """Offer a file, and send it when it is accepted. Returns at once; raises `SourceFailed` for what is no file."""
        path = Path(path)
        source = SourceFile(path, self.engine.buffers)
        try:
            outbound = self._new_outbound(user, path, source)
        except BaseException:
            source.close()
            raise
        if not self.engine.call(lambda: self._offer(outbound)):
            outbound.fail_as_told(*self._leaving())
        return outbound.handle

    def list(self) -> List[Transfer]:
        """Return the transfers of this client, the oldest first."""
        with self._lock:
            return list(self._handles.values())

    def running(self) -> List[Transfer]:
        """Return those that have not ended."""
        return [handle for handle in self.list() if not handle.is_ended]

    def find(self, number: int) -> Optional[Transfer]:
        """Return the transfer with this number."""
        with self._lock:
            return self._handles.get(number)

    def take(self, event: AnyEvent) -> bool:
        """Take what another client has to say about a file; False for any other event. Any thread may call."""
        if isinstance(event, Offered):
            offered = event
            self.engine.call(lambda: self._on_offered(offered))
        elif isinstance(event, Answered):
            answered = event
            self.engine.call(lambda: self._on_answered(answered))
        elif isinstance(event, TransferOutcome):
            outcome = event
            self.engine.call(lambda: self._on_outcome(outcome))
        else:
            return False
        return True

    def close(self) -> None:
        """End all transfers, telling the other sides, and give the port back. Safe to call again."""
        with self._lock:
            is_first, self._is_closing = not self._is_closing, True
        if not is_first:
            return
        for handle in self.running():
            handle.on_cancel("closed")
        cancelled = threading.Event()
        self.engine.call(cancelled.set)
        if not self.engine.is_own_thread:
            cancelled.wait(5)
        self._places.end()
        self._places.join(5)  # what is whole gets its place, and its sender the receipt
        self.engine.close()
        if self.engine.is_own_thread:
            self.engine.call(self._signals.end)  # after what is still to be said
            return
        self._signals.end()
        self._signals.join(SIGNALS_SECONDS)
        for handle in self.running():  # the engine does not answer
            handle.end(TransferFailed(*self._leaving()))

    # ---- what a transfer needs (`messenger.peer.exchange.Host`) ----------------------------------------------

    def addresses(self) -> List[str]:
        """Return the addresses of this machine that the other side may reach."""
        return self._own.addresses(self.engine.now(), self.local_address)

    def fits(self, free: int) -> bool:
        """Return whether so many bytes of the disk are enough for what the files that are being received take yet."""
        receiving = [one for one in self._exchanges.values() if isinstance(one, Inbound) and not one.handle.is_ended]
        if sum(one.handle.size for one in receiving) <= free:
            return True
        return sum(one.still_to_come for one in receiving) <= free

    def unproved(self, user: str) -> Unproved:
        """Return what was sent to addresses of this user that have not proved themselves."""
        if user not in self._unproved:
            now = self.engine.now()
            self._unproved = {name: one for name, one in self._unproved.items() if not one.is_settled(now)}
        return self._unproved.setdefault(user, Unproved())

    def turns(self, user: str) -> Turns:
        """Return the turns that files to this user take."""
        return self._turns.setdefault(user, Turns())

    def share(self) -> None:
        """Divide the room of the receive buffer, and the memory for chunks that are there in part, among the files that
        are being received, and the pace of batches among those that are being sent: once, of whatever has changed in
        one turn of the thread."""
        if not self._will_share:
            self._will_share = True
            self.engine.call(self._share)

    def _share(self) -> None:
        self._will_share = False
        receiving: Dict[str, List[Receiver]] = {}
        for (user, _), one in self._exchanges.items():
            if isinstance(one, Inbound) and one.is_receiving:
                receiving.setdefault(user, []).append(one.receiver)
        divide(self.engine.port.allowance, receiving)
        sending = [one for one in self._exchanges.values() if isinstance(one, Outbound) and one.is_sending]
        for outbound in sending:
            outbound.join_crowd(len(sending))
        if not sending:
            self.shortest.clear()
            self._turns.clear()
            self.engine.buffers.clear()

    def forget(self, exchange: Exchange) -> None:
        """A transfer has ended, and nothing will be heard of it any more."""
        self._exchanges.pop((exchange.handle.user, exchange.handle.id), None)

    # ---- in the engine's thread -----------------------------------------------------------------------------

    def _offer(self, outbound: Outbound) -> None:
        if outbound.handle.is_ended:
            return
        self._exchanges[outbound.handle.user, outbound.handle.id] = outbound
        if self._is_closing:
            outbound.fail_as_told(*self._leaving())  # nobody has heard of it
        else:
            outbound.attempt(outbound.offer)

    def _leaving(self) -> Tuple[str, str]:
        return "closed", f"{self.username} has left"

    def _on_offered(self, offered: Offered) -> None:
        key = (offered.sender, offered.transfer)
        if self._is_closing:
            code, message = self._leaving()
            answer = {"user": key[0], "transfer": key[1], "accepted": False, "code": code, "message": message}
            self.signal(Answer, lambda *_: None, **answer)
            return
        if key in self._exchanges:
            return
        others = [one for one in self._exchanges.values() if isinstance(one, Inbound)]
        for one in others:
            if one.gives_way_to(offered):
                one.give_way()
        handle = self._new_handle(offered.transfer, False, offered.sender, base_name(offered.name), offered.size)
        inbound = Inbound(self, handle, offered, self._config.download_dir, self._places.call)
        self._exchanges[key] = inbound
        config = self._config
        size_max = SIZE_MAX if config.max_receive_size is None else min(config.max_receive_size, SIZE_MAX)
        if offered.size > size_max:
            inbound.refuse("too_large", f"{self.username} receives at most {size_max} bytes")
        elif self._incoming() > INCOMING_MAX:
            inbound.refuse("busy", f"{self.username} receives too many files at this time")
        elif config.accepts(offered.sender):
            is_waiting = any(one.is_placing(offered) for one in others)
            inbound.attempt(inbound.accept_when_placed if is_waiting else inbound.accept)
        elif config.accept == "ask":
            inbound.ask()
        else:
            inbound.refuse("refused", f"{self.username} does not accept files")

    def _incoming(self) -> int:
        """Return how many files are being received, or may be."""
        return sum(isinstance(one, Inbound) and not one.handle.is_ended for one in self._exchanges.values())

    def _on_answered(self, answered: Answered) -> None:
        exchange = self._exchanges.get((answered.sender, answered.transfer))
        if isinstance(exchange, Outbound):
            exchange.attempt(lambda: exchange.on_answered(answered))
            sent = [one for one in self._exchanges.values() if isinstance(one, Outbound)]
            if not any(one.keeps_others_waiting for one in sent):
                for one in sent:
                    one.attempt(one.begin)

    def _on_outcome(self, outcome: TransferOutcome) -> None:
        exchange = self._exchanges.get((outcome.sender, outcome.transfer))
        if exchange is not None:
            exchange.attempt(lambda: exchange.on_outcome(outcome.code, outcome.message, outcome.proof))

    def _new_outbound(self, user: str, path: Path, source: SourceFile) -> Outbound:
        size = source.geometry.size
        if size > SIZE_MAX:
            raise TransferFailed("too_large", f"a file has at most {SIZE_MAX} bytes")
        name = base_name(path.name).encode()[:FILE_NAME_MAX].decode("utf-8", "ignore")
        cipher = fastest_cipher()
        handle = self._new_handle(uuid.uuid4().hex, True, user, name, size)
        handle.path = path
        return Outbound(self, handle, source, cipher, self._make_controller, self._kind_max)

    def _new_handle(self, transfer: str, is_outgoing: bool, user: str, name: str, size: int) -> Transfer:
        with self._lock:
            self._last_number += 1
            handle = Transfer(self._last_number, transfer, is_outgoing, user, name, size)
            handle.must_not_wait = lambda: self.engine.is_own_thread or self._is_reader()
            self._handles[handle.number] = handle
            ended = [number for number, one in self._handles.items() if one.is_ended]
            for number in ended[: max(0, len(self._handles) - KEPT)]:
                del self._handles[number]
            return handle
