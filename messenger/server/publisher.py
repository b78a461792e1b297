"""One page of text, published by HTTP beside the chat: a thread that takes little and never makes anybody else wait.

Whoever asks, however slowly or often, costs at most `CPU_SHARE` of a core and `VISITORS_MAX` descriptors.
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
from typing import Callable, Dict, Final, List, Optional, Tuple

from messenger.errors import ConfigError, MetricsError
from messenger.server.listener import listen

PATH: Final = "/metrics"
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

CPU_SHARE: Final = 0.05
"""Of one core. What this thread computes, the connections' thread cannot: it rests in between."""

VISITORS_MAX: Final = 16
"""Connections at once; for one more, the oldest is closed."""

VISIT_SECONDS: Final = 5.0
"""How long one may take altogether."""

REQUEST_MAX: Final = 8192
"""Bytes of a request with its headers."""

_STOP_SECONDS: Final = 1.0
_log = logging.getLogger(__name__)


class Visitor:
    """One connection: a request, an answer, and then the wait for its end."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self.sock = sock
        self.deadline = deadline
        self.request = b""
        self.answer: Optional[bytes] = None
        """What is left to be sent; None: the request is not complete."""


class Publisher:
    """Answers GET and HEAD of `PATH`; raises `MetricsError` if the address cannot be listened on."""

    def __init__(self, host: str, port: int) -> None:
        try:
            (self._listener,) = listen((host,), port)
        except ConfigError as error:
            raise MetricsError(f"metrics: {error}") from None
        address = self._listener.getsockname()
        shown = f"[{address[0]}]" if ":" in address[0] else address[0]
        self.url = f"http://{shown}:{address[1]}{PATH}"
        """Where the page is."""
        self._render: Callable[[], bytes] = bytes
        self._visitors: Dict[int, Visitor] = {}
        """By descriptor, the oldest first."""
        self._selector = selectors.DefaultSelector()
        self._waker, self._wakee = socket.socketpair()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)
        for sock in (self._listener, self._wakee):
            self._selector.register(sock, selectors.EVENT_READ)

    def start(self, render: Callable[[], bytes]) -> None:
        """Begin to answer; `render` returns the page."""
        self._render = render
        self._thread.start()

    def stop(self) -> None:
        """Close everything; returns once that is done, or after a second."""
        self._stopping.set()
        try:
            self._waker.send(b"\0")
        except OSError:
            pass  # its thread was awake, and has closed everything already
        if self._thread.ident is None:
            self._close()
        else:
            self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                ready = self._selector.select(self._patience())
                began = time.thread_time()
                for key, _ in ready:
                    if key.fileobj is self._listener:
                        self._take_in()
                    elif key.fd in self._visitors:
                        self._serve(self._visitors[key.fd])
                self._drop_late()
                self._stopping.wait((time.thread_time() - began) * (1 / CPU_SHARE - 1))
        finally:
            self._close()

    def _patience(self) -> Optional[float]:
        if not self._visitors:
            return None
        return max(0.0, min(visitor.deadline for visitor in self._visitors.values()) - time.monotonic())

    def _take_in(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return  # gone again; or no descriptors are left, and later there will be
        sock.setblocking(False)
        if len(self._visitors) >= VISITORS_MAX:
            self._leave(next(iter(self._visitors.values())))
        visitor = self._visitors[sock.fileno()] = Visitor(sock, time.monotonic() + VISIT_SECONDS)
        self._selector.register(sock, selectors.EVENT_READ)
        self._serve(visitor)

    def _serve(self, visitor: Visitor) -> None:
        try:
            if not visitor.answer:
                self._read(visitor)
            if visitor.answer:
                self._send(visitor)
        except BlockingIOError:
            pass
        except OSError:
            self._leave(visitor)

    def _read(self, visitor: Visitor) -> None:
        """Read on; after the answer only to the end, as unread input would make the kernel drop what was sent."""
        data = visitor.sock.recv(REQUEST_MAX)
        if not data:
            self._leave(visitor)
        elif visitor.answer is None:
            visitor.request += data
            if b"\r\n\r\n" in visitor.request or b"\n\n" in visitor.request:
                visitor.answer = self._answer(visitor.request)
            elif len(visitor.request) > REQUEST_MAX:
                visitor.answer = _page("431 Request Header Fields Too Large", b"this is no scrape\n")

    def _send(self, visitor: Visitor) -> None:
        assert visitor.answer is not None
        self._selector.modify(visitor.sock, selectors.EVENT_WRITE)
        visitor.answer = visitor.answer[visitor.sock.send(visitor.answer) :]
        if not visitor.answer:
            visitor.sock.shutdown(socket.SHUT_WR)
            self._selector.modify(visitor.sock, selectors.EVENT_READ)

    def _answer(self, request: bytes) -> bytes:
        words = request.split(b"\n", 1)[0].split()
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return _page("400 Bad Request", b"this is no request of HTTP/1\n")
        method, target = words[:2]
        if method not in (b"GET", b"HEAD"):
            return _page("405 Method Not Allowed", b"only GET and HEAD are answered\n", "Allow: GET, HEAD")
        if target.partition(b"?")[0] != PATH.encode():
            page = _page("404 Not Found", f"there is nothing but {PATH} here\n".encode())
        else:
            page = self._rendered()
        return page if method == b"GET" else page[: page.index(b"\r\n\r\n") + 4]

    def _rendered(self) -> bytes:
        try:
            return _page("200 OK", self._render())
        except Exception as error:  # noqa: BLE001 - a fault in one figure must not end all figures
            _log.error("metrics cannot be told: %r", error)
            return _page("500 Internal Server Error", b"the server's diagnostics say why\n")

    def _drop_late(self) -> None:
        now = time.monotonic()
        for visitor in [visitor for visitor in self._visitors.values() if visitor.deadline <= now]:
            self._leave(visitor)

    def _leave(self, visitor: Visitor) -> None:
        if self._visitors.pop(visitor.sock.fileno(), None) is not None:
            self._selector.unregister(visitor.sock)
            visitor.sock.close()

    def _close(self) -> None:
        for visitor in list(self._visitors.values()):
            self._leave(visitor)
        self._selector.close()
        for sock in (self._listener, self._waker, self._wakee):
            sock.close()


def _page(status: str, body: bytes, *more: str) -> bytes:
    lines: List[str] = [f"HTTP/1.1 {status}", f"Content-Type: {CONTENT_TYPE}", f"Content-Length: {len(body)}"]
    lines += ["Connection: close", "Cache-Control: no-store", *more]
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body


def open_publisher(address: Tuple[str, int]) -> Publisher:
    """Listen on an address; raises `MetricsError`, also when the package that renders metrics is missing."""
    try:
        import prometheus_client  # noqa: F401 - so that it is missed at the start, not at the first scrape
    except ImportError:
        raise MetricsError("metrics need prometheus_client: pip install 'messenger[metrics]'") from None
    return Publisher(*address)
