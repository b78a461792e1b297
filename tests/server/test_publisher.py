"""The HTTP page: what it answers to whom, and that the slow, the many and the mad cost nothing."""

from __future__ import annotations

import socket
import threading
import time
from typing import Callable, Iterator, List

import pytest

from messenger.errors import MetricsError
from messenger.server import publisher
from messenger.server.publisher import PATH, REQUEST_MAX, VISITORS_MAX, Publisher
from tests.support.files import open_descriptors
from tests.support.metrics import GET, ask, read_to_end, visit

PAGE = b"figures 1\n"
Publish = Callable[..., Publisher]


@pytest.fixture
def publish() -> Iterator[Publish]:
    """Start publishers; all are stopped at the end."""
    started: List[Publisher] = []

    def start(render: Callable[[], bytes] = lambda: PAGE) -> Publisher:
        one = Publisher("127.0.0.1", 0)
        one.start(render)
        started.append(one)
        return one

    yield start
    for one in started:
        one.stop()


def test_the_page_is_whole_and_says_how_long_it_is(publish: Publish) -> None:
    head, _, body = ask(publish().url).partition(b"\r\n\r\n")
    assert body == PAGE
    assert head.split(b"\r\n")[0] == b"HTTP/1.1 200 OK"
    assert b"Content-Length: %d" % len(PAGE) in head
    assert b"Content-Type: text/plain; version=0.0.4; charset=utf-8" in head


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (f"GET {PATH}?name=x HTTP/1.0", 200),
        (f"HEAD {PATH} HTTP/1.1", 200),
        ("GET / HTTP/1.1", 404),
        (f"GET {PATH}/ HTTP/1.1", 404),
        (f"POST {PATH} HTTP/1.1", 405),
        (f"GET {PATH}", 400),
        (f"GET {PATH} HTTP/2", 400),
        ('{"type":"login"}', 400),
        ("", 400),
        ("\0\xff", 400),
    ],
)
def test_each_request_has_its_status(publish: Publish, request_line: str, status: int) -> None:
    answer = ask(publish().url, request_line.encode("latin-1") + b"\r\nHost: x\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status
    assert (body == b"") == request_line.startswith("HEAD")


def test_a_request_may_come_byte_by_byte_and_end_in_bare_line_feeds(publish: Publish) -> None:
    sock = visit(publish().url)
    for byte in GET.replace(b"\r", b""):
        sock.sendall(bytes([byte]))
    assert read_to_end(sock).endswith(PAGE)


def test_who_sends_on_and_on_is_told_that_it_is_too_much(publish: Publish) -> None:
    answer = ask(publish().url, b"GET /metrics HTTP/1.1\r\nCookie: " + b"x" * REQUEST_MAX)
    assert answer.startswith(b"HTTP/1.1 431 ")


def test_a_page_larger_than_the_kernel_takes_at_once_arrives_whole_at_a_slow_reader(publish: Publish) -> None:
    large = bytes(range(256)) * 40_000
    sock = visit(publish(lambda: large).url)
    sock.sendall(GET)
    assert read_to_end(sock).endswith(b"\r\n\r\n" + large)


def test_those_who_say_nothing_don_t_keep_others_from_the_page(publish: Publish) -> None:
    """The oldest goes for the next one, so however many there are, they hold a few descriptors."""
    url = publish().url
    before = open_descriptors()
    silent = [visit(url) for _ in range(3 * VISITORS_MAX)]
    assert ask(url).endswith(PAGE)
    assert open_descriptors() - before - len(silent) <= VISITORS_MAX
    assert silent[0].recv(1) == b"", "the oldest was closed"
    for sock in silent:
        sock.close()


def test_a_visit_has_its_time_and_no_more(publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "VISIT_SECONDS", 0.1)
    sock = visit(publish().url)
    sock.sendall(GET[:-1])
    assert read_to_end(sock) == b""


def test_what_goes_wrong_with_the_figures_is_told_and_the_next_visit_has_its_page(
    publish: Publish, caplog: pytest.LogCaptureFixture
) -> None:
    pages = [PAGE]
    faults = [ZeroDivisionError("so")]

    def render() -> bytes:
        if faults:
            raise faults.pop()
        return pages.pop()

    url = publish(render).url
    assert ask(url).startswith(b"HTTP/1.1 500 ")
    assert "ZeroDivisionError('so')" in caplog.text
    assert ask(url).endswith(PAGE)


def test_who_asks_all_the_time_gets_a_small_share_of_the_processor(publish: Publish) -> None:
    """So that the connections' thread, which needs the same interpreter, has the rest."""
    spent: List[float] = []

    def render() -> bytes:
        until = time.thread_time() + 0.005
        while time.thread_time() < until:
            pass
        spent.append(time.thread_time())
        return PAGE

    url = publish(render).url
    began = time.monotonic()

    def hammer() -> None:
        while time.monotonic() < began + 1:
            ask(url)

    hammers = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in hammers:
        thread.start()
    for thread in hammers:
        thread.join()
    assert len(spent) > 1, "they do get their pages"
    assert spent[-1] / (time.monotonic() - began) < 2 * publisher.CPU_SHARE


def test_stopping_closes_everything_also_what_was_never_started() -> None:
    before = open_descriptors()
    for is_started in (True, False):
        one = Publisher("127.0.0.1", 0)
        if is_started:
            one.start(lambda: PAGE)
            sock = visit(one.url)
            sock.sendall(GET)
            read_to_end(sock)
        one.stop()
    assert open_descriptors() == before
    assert "metrics" not in [thread.name for thread in threading.enumerate()]


def test_an_address_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(MetricsError, match=f"metrics: cannot listen on 127.0.0.1, port {port}: Address already"):
            Publisher("127.0.0.1", port)
