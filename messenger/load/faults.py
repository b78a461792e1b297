"""What goes wrong on purpose while a run is under way, as far as it goes wrong in the processes that make the load.

    20 kill-clients 10%           a share of all clients lose their connections, without a logout
    20 pause-receivers 3s 50%     a share of all clients read nothing for so many seconds
    0 udp loss=5% delay=20ms reorder=2% duplicate=1% corrupt=1%     of files that are sent from then on

What happens to the server (restart-server, kill-server, pause-server 2s) is done by `messenger load`. Seconds are
written 2, 2s or 500ms, shares 10% or 0.1.
"""

from __future__ import annotations

import math
import re
from typing import Any, Callable, Dict, Final, Optional, Tuple

from messenger.errors import ConfigError
from messenger.load.relay import Impairment, Relay
from messenger.peer.transfers import Transfers
from messenger.protocol.messages import Answered, AnyEvent

SERVER_FAULTS: Final = ("restart-server", "kill-server", "pause-server")
"""What happens to the server."""

_SECONDS: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|)\Z", re.ASCII)
_SHARE: Final = re.compile(r"(\d+(?:\.\d+)?)(%|)\Z", re.ASCII)


def seconds_of(text: str) -> float:
    """Read `3s`, `3` or `20ms`; raises `ConfigError`."""
    found = _SECONDS.match(text)
    if found is None:
        raise ConfigError(f"expected seconds, like 3s or 20ms, not {text!r}")
    return float(found[1]) * (0.001 if found[2] == "ms" else 1.0)


def share_of(text: str) -> float:
    """Read `10%` or `0.1`; raises `ConfigError`."""
    found = _SHARE.match(text)
    share = float(found[1]) * (0.01 if found[2] else 1.0) if found is not None else math.inf
    if share > 1:
        raise ConfigError(f"expected a share, like 10%, not {text!r}")
    return share


_ARGUMENTS: Final[Dict[str, Tuple[Callable[[str], float], ...]]] = {
    "restart-server": (),
    "kill-server": (),
    "pause-server": (seconds_of,),
    "kill-clients": (share_of,),
    "pause-receivers": (seconds_of, share_of),
}


def check_fault(what: str, how: str) -> None:
    """Raise `ConfigError` for a fault that is not understood: now, and not in the middle of a run."""
    if what == "udp":
        impairment_of(how)
        return
    words, readers = how.split(), _ARGUMENTS[what]
    for reader, word in zip(readers, words):
        try:
            reader(word)
        except ConfigError as error:
            raise ConfigError(f"{what}: {error}") from None
    if len(words) > len(readers):
        raise ConfigError(f"{what} is followed by {len(readers) or 'no'} words at most, not {how!r}")


def impairment_of(text: str) -> Impairment:
    """Read `loss=5% delay=20ms`; raises `ConfigError`."""
    settings: Dict[str, Any] = {}
    for part in text.split():
        name, _, value = part.partition("=")
        if name not in ("loss", "delay", "reorder", "duplicate", "corrupt"):
            raise ConfigError(f"udp has loss, delay, reorder, duplicate and corrupt, not {name!r}")
        settings[name] = seconds_of(value) if name == "delay" else share_of(value)
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
