"""One end of a measurement of `loadtest.transfer`, a process of its own: sender or receiver, by TCP, QUIC or messenger.

The receiver prints `ready`, ends when its input does, and then prints its CPU time (s) and peak of memory (MB) as
JSON; the sender prints these and the time it took, and begins by printing `ready` if it is to wait for a line.
"""

from __future__ import annotations

import argparse
import json
import resource
import socket
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable, Dict, Final

from messenger import Client
from messenger.config import FileConfig, ServerConfig

TCP_PORT: Final = 9470
QUIC_PORT: Final = 9471
CHAT_PORT: Final = 9472

Figures = Dict[str, float]


def main() -> None:
    """Be the end that the command line asks for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=("tcp", "quic", "file"))
    parser.add_argument("role", choices=("sender", "receiver"))
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--files", type=int, default=1)
    parser.add_argument("--host", default="127.0.0.1", help="where the receiver, or its server, is")
    parser.add_argument("--own", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=CHAT_PORT, help="the chat server's")
    parser.add_argument("--serve", action="store_true", help="the receiver runs the chat server too")
    parser.add_argument("--segment-max", type=int, default=8952)
    parser.add_argument("--socket-buffer", type=int, default=4 << 20)
    parser.add_argument("--no-offload", action="store_true")
    parser.add_argument("--congestion-control", default="")
    parser.add_argument("--wait", action="store_true", help="the sender prints `ready` and begins when a line comes")
    options = parser.parse_args()
    figures = _END[options.mode, options.role](options)
    figures["cpu"] = _cpu() - figures.pop("cpu_before", 0.0)
    figures["memory"] = peak_memory()
    print(json.dumps(figures), flush=True)


def peak_memory() -> float:
    """Return the most that this process has held of the machine's memory, in MB (a million bytes each)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6  # the kernel counts in KiB


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _settings(options: argparse.Namespace) -> FileConfig:
    received = options.folder / "received"
    more = {"congestion_control": options.congestion_control} if options.congestion_control else {}
    return FileConfig(
        download_dir=received,
        segment_max=options.segment_max,
        offload=not options.no_offload,
        socket_buffer=options.socket_buffer,
        **more,
    )


def _send_files(options: argparse.Namespace) -> Figures:
    with Client.connect(options.host, options.port, files=_settings(options)) as client:
        client.login("sender", "benchmark")
        _wait_for_the_beginning(options)
        before = _cpu()
        started = time.monotonic()
        transfers = [client.send_file("receiver", options.folder / f"file{n}") for n in range(options.files)]
        results = [transfer.result(600) for transfer in transfers]
        seconds = time.monotonic() - started
        times = [one.seconds for one in results]
        return {
            "seconds": seconds,
            "slowest_to_fastest": max(times) / min(times),
            "repeated": float(sum(one.repeated for one in results)),
            "cpu_before": before,
        }


def _receive_files(options: argparse.Namespace) -> Figures:
    with ExitStack() as stack:
        if options.serve:
            from messenger.server.lifecycle import Server  # not in the memory of those who send and receive

            config = ServerConfig(options.port, 3, (), options.folder / "credentials.txt", options.folder)
            stack.enter_context(Server(config))
        client = stack.enter_context(Client.connect(options.host, options.port, files=_settings(options)))
        client.login("receiver", "benchmark")
        before = _cpu()
        _wait_for_the_end()
        return {"cpu_before": before}


def _send_tcp(options: argparse.Namespace) -> Figures:
    _wait_for_the_beginning(options)
    before = _cpu()
    started = time.monotonic()
    with socket.create_connection((options.host, TCP_PORT)) as sock, (options.folder / "file0").open("rb") as file:
        sock.sendfile(file)
        sock.shutdown(socket.SHUT_WR)
        sock.recv(1)
    return {"seconds": time.monotonic() - started, "cpu_before": before}


def _receive_tcp(options: argparse.Namespace) -> Figures:
    with socket.create_server((options.own, TCP_PORT)) as server:
        print("ready", flush=True)
        connection, _ = server.accept()
        before = _cpu()
        buffer = memoryview(bytearray(1 << 18))
        with connection, (options.folder / "received" / "file0").open("wb", buffering=0) as file:
            while True:
                size = connection.recv_into(buffer)
                if not size:
                    break
                file.write(buffer[:size])
            connection.sendall(b"1")
    sys.stdin.read()
    return {"cpu_before": before}


def _send_quic(options: argparse.Namespace) -> Figures:
    from loadtest import quic

    _wait_for_the_beginning(options)
    before = _cpu()
    return {"seconds": quic.send(options.folder / "file0", options.host, QUIC_PORT), "cpu_before": before}


def _receive_quic(options: argparse.Namespace) -> Figures:
    from loadtest import quic

    before = _cpu()
    quic.receive(options.folder / "received" / "file0", options.own, QUIC_PORT, lambda: print("ready", flush=True))
    sys.stdin.read()
    return {"cpu_before": before}


def _wait_for_the_beginning(options: argparse.Namespace) -> None:
    if options.wait:
        print("ready", flush=True)
        sys.stdin.readline()


def _wait_for_the_end() -> None:
    print("ready", flush=True)
    sys.stdin.read()


_END: Final[Dict[Any, Callable[[argparse.Namespace], Figures]]] = {
    ("tcp", "sender"): _send_tcp,
    ("tcp", "receiver"): _receive_tcp,
    ("quic", "sender"): _send_quic,
    ("quic", "receiver"): _receive_quic,
    ("file", "sender"): _send_files,
    ("file", "receiver"): _receive_files,
}

if __name__ == "__main__":
    main()
