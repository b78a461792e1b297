"""The socket of a UDP port, for IPv6 and IPv4 at once where there are both."""

from __future__ import annotations

import errno
import socket

from messenger.errors import ConfigError


def open_udp(port: int) -> socket.socket:
    """Return a UDP socket at this port, 0 for any, on all addresses; raises `ConfigError` if it cannot be had."""
    try:
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    except OSError:
        pass  # no IPv6 on this machine
    else:
        try:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.bind(("::", port))
            return sock
        except OSError as error:
            sock.close()
            if error.errno == errno.EADDRINUSE:  # maybe by IPv6 only: with IPv4 alone, half of all would not reach us
                raise _unusable(port, error) from error
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # no IPv6 addresses, or the port is not allowed
    try:
        sock.bind(("", port))
    except OSError as error:
        sock.close()
        raise _unusable(port, error) from error
    return sock


def _unusable(port: int, error: OSError) -> ConfigError:
    return ConfigError(f"cannot use UDP port {port}: {error.strerror}; 0 is any free one")
