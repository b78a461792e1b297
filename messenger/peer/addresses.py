"""Where a client may be reached: its own addresses, and those that the other side has named."""

from __future__ import annotations

import math
import socket
from typing import Dict, Final, Hashable, List, Sequence

from messenger.peer.arrivals import Address
from messenger.peer.udp import UdpPort
from messenger.protocol.limits import ADDRESSES_MAX

KEPT_SECONDS: Final = 1.0
"""How long the machine's addresses are taken for what they were: a hundred files may be offered at once."""


class OwnAddresses:
    """Those of this machine, looked up when they are needed."""

    def __init__(self) -> None:
        self._found: List[str] = []
        self._local = ""
        self._until = -math.inf

    def addresses(self, now: float, local: str) -> List[str]:
        """Return them as `own_addresses` does, of a moment ago."""
        if now >= self._until or local != self._local:
            self._found, self._local, self._until = own_addresses(local), local, now + KEPT_SECONDS
        return self._found


def own_addresses(local: str) -> List[str]:
    """Return the addresses of this machine that the other side may reach, first `local`, if that is one."""
    found = dict.fromkeys([local])
    for family, target in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((target, 9))  # sends nothing: it only asks which address would be used
                found[probe.getsockname()[0]] = None
        except OSError:
            continue  # no way out by this family
    return [address for address in found if address and "%" not in address][:ADDRESSES_MAX]


def reachable(port: UdpPort, hosts: Sequence[str], number: int) -> List[Address]:
    """Return the addresses, with this number of a port, that our port can send to, each once."""
    addresses: Dict[Address, None] = {}
    for host in hosts:
        try:
            addresses[port.address(host, number)] = None
        except (OSError, ValueError):
            continue
    return list(addresses)


def no_path(what: str, user: str, addresses: Sequence[Hashable]) -> str:
    """Return the sentence that nothing got through, with what was tried: addresses that `reachable` gave."""
    tried = ", ".join(shown(address) for address in addresses) or "no address, as none can be reached"
    return f"{what} {user}: tried {tried}; is UDP blocked on the way?"


def shown(address: Hashable) -> str:
    """Return an address that `reachable` gave, for a person."""
    host, port = address[:2]  # type: ignore[index]  # it is a tuple, of which the state machines need not know
    host = host[7:] if host.startswith("::ffff:") else host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
