"""What goes wrong on purpose while a run is under way, as far as it goes wrong in the processes that make the load.

    20 kill-clients 10%           a share of all clients lose their connections, without a logout
    20 pause-receivers 3 50%      a share of all clients read nothing for so many seconds
    0 udp loss=5% delay=20ms reorder=2% duplicate=1% corrupt=1%     of files that are sent from then on

What happens to the server (restart-server, kill-server, pause-server SECONDS) is done by `messenger load`.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Final, Optional

from messenger.errors import ConfigError
from messenger.load.relay import Impairment, Relay
from messenger.peer.transfers import Transfers
from messenger.protocol.messages import Answered, AnyEvent

_NUMBER: Final = re.compile(r"(\d+(?:\.\d+)?)(%|ms|s|)\Z")
_SCALE: Final = {"%": 0.01, "ms": 0.001, "s": 1.0, "": 1.0}


def number_of(text: str) -> float:
    """Read `10%`, `20ms`, `3s` or `3`; raises `ConfigError`."""
    found = _NUMBER.match(text)
    if found is None:
        raise ConfigError(f"expected a number, with %, ms or s, not {text!r}")
    return float(found[1]) * _SCALE[found[2]]


def impairment_of(text: str) -> Impairment:
    """Read `loss=5% delay=20ms`; raises `ConfigError`."""
    settings: Dict[str, Any] = {}
    for part in text.split():
        name, _, value = part.partition("=")
        if name not in ("loss", "delay", "reorder", "duplicate", "corrupt"):
            raise ConfigError(f"udp has loss, delay, reorder, duplicate and corrupt, not {name!r}")
        settings[name] = number_of(value)
    return Impairment(**settings)


class ImpairedTransfers(Transfers):
    """Transfers whose files go out through a relay that does to datagrams what real paths do."""

    impairment: Optional[Impairment] = None
    """What it does; None: files go their own way."""
    _relay: Optional[Relay] = None

    def take(self, event: AnyEvent) -> bool:
        """See `Transfers`: where a file goes is learned here."""
        if isinstance(event, Answered) and event.accepted and self.impairment is not None:
            self._close_relay()
            self._relay = Relay(event.udp_port, self.impairment)
            event.udp_port, event.address, event.addresses = self._relay.number, "127.0.0.1", []
        return super().take(event)

    def close(self) -> None:
        """See `Transfers`."""
        super().close()
        self._close_relay()

    def _close_relay(self) -> None:
        relay, self._relay = self._relay, None
        if relay is not None:
            relay.close()
