"""Where the server listens, and the addresses that it shows."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from messenger.errors import ConfigError
from messenger.server import Server
from messenger.server.connection import plain_address
from tests.conftest import Connect, MakeConfig, StartServer
from tests.support.files import presence_rows
from tests.support.wire import Wire


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback address")


@needs_ipv6
def test_it_listens_on_all_interfaces_and_shows_addresses_plain(
    start_server: StartServer, connect: Connect, data_dir: Path
) -> None:
    server = start_server(bind=())
    connect(server.port, "Yoda", host="127.0.0.1")
    connect(server.port, "Hans", host="::1")
    leia = connect(server.port, "Leia", host="127.0.0.1")
    assert [user["address"] for user in leia.ask("activeuser")["users"]] == ["127.0.0.1", "::1"]
    assert [row[2] for row in presence_rows(data_dir / "userlog.txt")] == ["127.0.0.1", "::1", "127.0.0.1"]


@needs_ipv6
def test_it_listens_only_where_it_is_told_to(start_server: StartServer) -> None:
    server = start_server(bind=("127.0.0.2", "::1"))
    assert server.addresses == ["127.0.0.2", "::1"]
    for host in server.addresses:
        Wire(server.port, host).close()
    with pytest.raises(ConnectionRefusedError):
        Wire(server.port, "127.0.0.1")


def test_a_port_in_use_or_an_unknown_address_is_a_config_error(server: Server, make_config: MakeConfig) -> None:
    for settings in ({"port": server.port}, {"bind": ("192.0.2.1",)}, {"bind": ("no.such.host.invalid",)}):
        with pytest.raises(ConfigError, match="cannot listen on"):
            Server(make_config(**settings))


@pytest.mark.parametrize(
    ("seen", "shown"),
    [("::ffff:10.0.0.1", "10.0.0.1"), ("10.0.0.1", "10.0.0.1"), ("::1", "::1"), ("fe80::1%eth0", "fe80::1")],
)
def test_an_ipv4_client_of_an_ipv6_socket_is_shown_as_ipv4(seen: str, shown: str) -> None:
    assert plain_address(seen) == shown
