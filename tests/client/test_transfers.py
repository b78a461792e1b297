"""Files, as the library sees them: what its user is told, whose port it is, and what ends with a connection."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Dict, List

import pytest

from messenger.client import Client
from messenger.config import FileConfig
from messenger.errors import ConfigError, ConnectionLost, Refused
from messenger.peer.handle import Progress, TransferDone, TransferFailed
from messenger.peer.transfers import Transfers
from messenger.protocol.messages import Message, Offer, Outcome
from messenger.server import Server
from tests.client.conftest import Enter, reading_threads
from tests.client.fakes import FakeServer
from tests.conftest import Connect
from tests.support.files import ACCOUNTS, open_descriptors
from tests.support.processes import environment

ID = "5f2b8c0e9d7a41633e1c7b90a4d8f256"
KEY = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="


def test_a_client_that_receives_no_files_refuses_each_offer(enter: Enter, server: Server, connect: Connect) -> None:
    """Its user is told of messages only; what clients say to each other about files is not for people."""
    hans, yoda = enter("Hans"), connect(server.port, "Yoda")
    offer = {"user": "Hans", "transfer": ID, "name": "a.mp4", "size": 5, "key": KEY, "udp_port": 14000}
    assert yoda.ask("offer", **offer)["type"] == "relayed"
    answer = yoda.read()
    assert (answer["type"], answer["transfer"], answer["accepted"]) == ("answered", ID, False)
    assert (answer["code"], answer["message"]) == ("refused", "Hans does not receive files")
    yoda.ask("outcome", user="Hans", transfer=ID, code="failed")
    yoda.ask("msgto", user="Hans", text="after")
    event = hans.next_event(5)
    assert isinstance(event, Message)
    assert hans.events.empty()


def test_transfers_outlast_a_connection_that_was_given_them(enter: Enter, tmp_path: Path) -> None:
    """And go to the next one, with the same port."""
    (tmp_path / "clip").write_bytes(b"clip")
    (tmp_path / "in").mkdir()
    files = Transfers(FileConfig(download_dir=tmp_path / "in"))
    try:
        first = enter("", files=files)
        first.close()
        hans, yoda = enter("", files=files), enter("Yoda")
        hans.login("Hans", ACCOUNTS["Hans"])
        (user,) = yoda.active_users()
        assert user.udp_port == files.port
        yoda.send_file("Hans", tmp_path / "clip").result(10)
        assert (tmp_path / "in" / "Yoda_clip").read_bytes() == b"clip"
    finally:
        files.close()


def test_a_port_in_use_leaves_no_connection_behind(server: Server) -> None:
    before = reading_threads()
    taken = Transfers(FileConfig())
    try:
        with pytest.raises(ConfigError, match=f"cannot use UDP port {taken.port}"):
            Client.connect("127.0.0.1", server.port, files=FileConfig(udp_port=taken.port))
    finally:
        taken.close()
    assert reading_threads() == before


def test_what_nobody_can_answer_any_more_fails_with_the_connection(enter: Enter, tmp_path: Path) -> None:
    (tmp_path / "clip").write_bytes(b"clip")
    yoda = enter("Yoda")
    enter("Hans", files=FileConfig(accept="ask", download_dir=tmp_path))
    transfer = yoda.send_file("Hans", tmp_path / "clip")
    yoda.ping()
    files = yoda.files
    assert files is not None
    files.on_connection_lost("the server is gone")
    with pytest.raises(TransferFailed, match="the server is gone") as caught:
        transfer.result(5)
    assert caught.value.code == "connection_lost"


def test_a_refusal_is_raised_to_whoever_waits(enter: Enter) -> None:
    yoda = enter("Yoda")
    for user, code in (("Nobody", "unknown_user"), ("Hans", "offline"), ("Yoda", "yourself")):
        with pytest.raises(Refused) as caught:
            yoda.submit(Outcome, user=user, transfer=ID, code="done").result(5)
        assert caught.value.code == code
    with pytest.raises(Refused) as caught:
        yoda.submit(Offer, user="Hans", transfer=ID, name="a\nb", size=5, key=KEY, udp_port=14000).result(5)
    assert caught.value.code == "bad_text"
    yoda.ping()


def test_nothing_can_be_sent_after_the_end_of_the_connection(fake: FakeServer, tmp_path: Path) -> None:
    """Whoever tries is told why, and no port stays open."""
    (tmp_path / "clip").write_bytes(b"clip")
    lost = threading.Event()
    client, peer = fake.meet(on_lost=lambda error: lost.set())
    before = open_descriptors()
    peer.close()
    assert lost.wait(5)
    with pytest.raises(ConnectionLost, match="the connection to the server broke"):
        client.send_file("Hans", tmp_path / "clip")
    client.close()
    with pytest.raises(ConnectionLost, match="the connection"):
        client.send_file("Hans", tmp_path / "clip")
    assert client.files is None
    assert open_descriptors() < before
    assert not [thread for thread in threading.enumerate() if thread.name == "messenger-transfers"]


def test_nothing_can_be_sent_while_the_client_is_closed(
    fake: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the end of its transfers and that of the connection nobody would close the port again."""
    (tmp_path / "clip").write_bytes(b"clip")
    client, _ = fake.meet(files=FileConfig())
    close = Transfers.close
    refusals: List[str] = []

    def try_and_close(files: Transfers) -> None:
        close(files)
        with pytest.raises(ConnectionLost) as caught:
            client.send_file("Hans", tmp_path / "clip")
        refusals.append(str(caught.value))

    monkeypatch.setattr(Transfers, "close", try_and_close)
    client.close()
    assert refusals == ["the connection is closed"]


@pytest.mark.parametrize("waits", ["result", "wait_answer"])
def test_a_callback_that_waits_for_a_transfer_is_told_at_once_that_it_never_ends(
    server: Server, tmp_path: Path, waits: str
) -> None:
    """In either of the threads that call it: the one that reads, and the one that runs transfers."""
    caught: Dict[str, BaseException] = {}
    both = threading.Event()

    def wait(event: object) -> None:
        kind = type(event).__name__
        if kind not in {"Message", "TransferAsked"}:  # what comes of the files that are sent below
            return
        sent = hans.send_file("Yoda", tmp_path / "clip")
        try:
            getattr(sent, waits)()
        except RuntimeError as error:
            caught[kind] = error
        if len(caught) == 2:
            both.set()

    (tmp_path / "clip").write_bytes(b"clip")
    files = FileConfig(download_dir=tmp_path, accept="ask")
    with Client.connect("127.0.0.1", server.port, on_event=wait, files=files) as hans:
        hans.login("Hans", ACCOUNTS["Hans"])
        with Client.connect("127.0.0.1", server.port) as yoda:
            yoda.login("Yoda", ACCOUNTS["Yoda"])
            yoda.send("Hans", "hi")
            yoda.send_file("Hans", tmp_path / "clip")
            assert both.wait(5), caught
    assert {str(error) for error in caught.values()} == {
        "a callback cannot wait for a transfer: its thread is one that brings the end"
    }


def test_what_has_ended_can_be_asked_for_in_a_callback_too(server: Server, tmp_path: Path) -> None:
    results: queue.Queue[Progress] = queue.Queue()

    def take(event: object) -> None:
        if isinstance(event, TransferDone):
            assert hans.files is not None
            results.put(hans.files.list()[0].result())

    (tmp_path / "clip").write_bytes(b"clip")
    files = FileConfig(download_dir=tmp_path)
    with Client.connect("127.0.0.1", server.port, on_event=take, files=files) as hans:
        hans.login("Hans", ACCOUNTS["Hans"])
        with Client.connect("127.0.0.1", server.port) as yoda:
            yoda.login("Yoda", ACCOUNTS["Yoda"])
            yoda.send_file("Hans", tmp_path / "clip").result(10)
            assert results.get(timeout=5).done == 4


def test_a_client_with_files_loads_no_second_openssl() -> None:
    """Python's own would take 3 MB more, beside that of `cryptography`."""
    program = "import sys, messenger.client.client, messenger.peer.transfers; sys.exit('_hashlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], env=environment(), check=False).returncode == 0
