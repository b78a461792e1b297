"""Addresses as a UDP port wants them, and ports that cannot be had."""

from __future__ import annotations

import socket
from typing import List

import pytest

from messenger.errors import ConfigError
from messenger.peer import addresses
from messenger.peer.addresses import KEPT_SECONDS, reachable
from messenger.peer.udp import UdpPort
from tests.peer.conftest import MakePort

ONE_ADDRESS = [
    ["2001:db8::1", "2001:DB8::1", "2001:db8:0::1", "2001:0db8:0:0:0:0:0.0.0.1"],
    ["1.2.3.4", "::ffff:102:304", "::FFFF:1.2.3.4", "0:0:0:0:0:ffff:0102:0304"],
]


@pytest.mark.parametrize("spellings", ONE_ADDRESS)
def test_an_address_is_one_however_it_is_spelled(make_port: MakePort, spellings: List[str]) -> None:
    port = make_port()
    assert len({port.address(host, 9) for host in spellings}) == 1
    assert len(reachable(port, spellings, 9)) == 1


def test_impossible_addresses_are_os_errors_or_value_errors(make_port: MakePort) -> None:
    port = make_port()
    for host in ("", "localhost", "1.2.3", "300.1.1.1", "fe80::1%lo", "::1::", "1.2.3.4\0", "\udcff", "abcd"):
        with pytest.raises((OSError, ValueError)):
            port.address(host, 1)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_port_in_use_is_a_configuration_error(family: socket.AddressFamily) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as other:
        other.bind(("", 0))
        with pytest.raises(ConfigError, match=rf"cannot use UDP port {other.getsockname()[1]}: Address already in use"):
            UdpPort(other.getsockname()[1])


def test_a_port_that_somebody_has_by_ipv6_only_is_in_use_too() -> None:
    """With IPv4 alone what comes by IPv6 would go to somebody else."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as other:
        other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        other.bind(("::", 0))
        number = other.getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot use UDP port {number}: Address already in use"):
            UdpPort(number)


def test_the_own_addresses_are_looked_up_anew_after_a_moment_and_for_another_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: List[str] = []

    def look_up(local: str) -> List[str]:
        looked.append(local)
        return [local, str(len(looked))]

    monkeypatch.setattr(addresses, "own_addresses", look_up)
    own = addresses.OwnAddresses()
    assert own.addresses(5.0, "::1") == own.addresses(5.0 + KEPT_SECONDS - 0.01, "::1") == ["::1", "1"]
    assert own.addresses(5.9, "::2") == ["::2", "2"]
    assert own.addresses(5.9 + KEPT_SECONDS, "::2") == ["::2", "3"]
