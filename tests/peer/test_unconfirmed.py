"""Files that are here, whole, while their senders do not know it, and send them again."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any, Callable, List

import pytest

from messenger.errors import StorageError
from messenger.peer import inbound, unconfirmed
from messenger.peer.handle import TransferDone
from messenger.peer.part import PartFile
from messenger.peer.unconfirmed import FILES_MAX, Delivered, PartOrDelivered, Unconfirmed, identity_of
from messenger.server import Server
from messenger.transfer.claims import Claims, Digest, chunks_of
from messenger.transfer.geometry import CHUNK_SIZE, TAG_SIZE, Geometry
from messenger.transfer.sealing import ChunkCipher
from tests.peer.conftest import Enter, Person, offered
from tests.peer.endings import Gate
from tests.peer.parts import CONTENT, SECRET, SIZE, claims_of, contents, receive
from tests.peer.program import Program


@pytest.fixture
def lost_receipts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets no receiver see that its receipt has arrived, as if its sender had died just before."""
    monkeypatch.setattr(Unconfirmed, "confirm", lambda *_: None)


def come_back(enter: Enter, yoda: Person) -> Person:
    yoda.client.close()
    return enter("Yoda")


def test_a_sender_that_died_before_the_receipt_learns_that_the_file_is_there(
    enter: Enter, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hans = enter("Hans")
    gate = Gate(monkeypatch, kind=PartFile)
    path = tmp_path / "a.bin"
    path.write_bytes(os.urandom(SIZE))
    with Program(server.port, "Yoda", tmp_path / "Yoda", "Hans", path) as first:
        gate.wait()
        first.kill()
    gate.open()
    hans.wait_for(TransferDone)
    with Program(server.port, "Yoda", tmp_path / "Yoda", "Hans", path) as second:
        end = second.outcome()
    assert end["done"] == end["resumed"] == SIZE
    assert hans.received() == {"Yoda_a.bin": path.read_bytes()}
    again = hans.wait_for(TransferDone, times=2)
    assert (again.resumed, again.path) == (SIZE, str(hans.inbox / "Yoda_a.bin"))


def test_so_does_one_that_is_back_while_the_file_still_gets_its_place(
    enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    gate = Gate(monkeypatch, kind=PartFile)
    path = yoda.make("a.bin", SIZE)
    yoda.client.send_file("Hans", path)
    gate.wait()
    is_asked = threading.Event()
    accept: Callable[[inbound.Inbound], None] = inbound.Inbound.accept_when_placed

    def tell(one: inbound.Inbound) -> None:
        accept(one)
        is_asked.set()

    monkeypatch.setattr(inbound.Inbound, "accept_when_placed", tell)
    again = come_back(enter, yoda).client.send_file("Hans", path)
    assert is_asked.wait(10)
    gate.open()
    again.result(10)
    assert again.resumed == SIZE
    assert hans.received() == {"Yoda_a.bin": path.read_bytes()}


def test_who_has_the_receipt_and_sends_again_leaves_another_file(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unconfirmed, "RETRY_SECONDS", 0.0)
    yoda, hans = enter("Yoda"), enter("Hans")
    path = yoda.make("a.bin", SIZE)
    yoda.client.send_file("Hans", path).result(10)
    hans.wait_for(TransferDone)
    settled = threading.Event()
    hans.files.engine.call(settled.set)
    assert settled.wait(5)
    come_back(enter, yoda).client.send_file("Hans", path).result(10)
    assert set(hans.received()) == {"Yoda_a.bin", "Yoda_a (1).bin"}


@pytest.mark.usefixtures("lost_receipts")
def test_another_content_of_the_same_size_leaves_another_file(enter: Enter) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    path = yoda.make("a.bin", SIZE)
    before = path.read_bytes()
    yoda.client.send_file("Hans", path).result(10)
    yoda.make("a.bin", SIZE)
    again = come_back(enter, yoda).client.send_file("Hans", path)
    again.result(10)
    assert again.resumed == 0
    assert hans.received() == {"Yoda_a.bin": before, "Yoda_a (1).bin": path.read_bytes()}


@pytest.mark.usefixtures("lost_receipts")
def test_what_was_changed_or_taken_away_here_is_received_again(enter: Enter) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    path = yoda.make("a.bin", SIZE)
    yoda.client.send_file("Hans", path).result(10)
    mine = hans.inbox / "Yoda_a.bin"
    with mine.open("ab") as file:
        file.write(b"a note of mine")
    yoda = come_back(enter, yoda)
    yoda.client.send_file("Hans", path).result(10)
    assert set(hans.received()) == {"Yoda_a.bin", "Yoda_a (1).bin"}
    for one in hans.inbox.iterdir():
        one.unlink()
    come_back(enter, yoda).client.send_file("Hans", path).result(10)
    assert hans.received() == {"Yoda_a.bin": path.read_bytes()}


# ---- as values ----------------------------------------------------------------------------------------------


def remembered(path: Path, transfer: str = "1", now: float = 0.0) -> Unconfirmed:
    files = Unconfirmed()
    files.add(now, offered(transfer=transfer, size=SIZE), path)
    return files


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a file that was received."""
    path = tmp_path / "Yoda_a.bin"
    path.write_bytes(CONTENT)
    return path


@pytest.mark.parametrize(
    ("now", "differs", "is_found"),
    [
        (0.9, {}, False),  # the same client, which may have the receipt: another one is wanted
        (1.0, {}, True),
        (0.0, {"client": "1" * 32}, True),
        (0.0, {"udp_port": 14001}, True),  # clients without an id
        (0.0, {"address": "::1"}, True),
        (9.0, {"sender": "Leia"}, False),
        (9.0, {"name": "b.bin"}, False),
        (9.0, {"size": SIZE + 1}, False),
    ],
)
def test_another_attempt_is_told_from_another_file(place: Path, now: float, differs: Any, is_found: bool) -> None:
    offer = offered(**{"transfer": "2", "size": SIZE, **differs})
    assert (remembered(place).find(now, offer) is not None) is is_found


def test_a_receipt_that_is_seen_forgets_earlier_attempts_too(place: Path) -> None:
    files = remembered(place)
    files.add(0.0, offered(transfer="2", size=SIZE), place)
    files.confirm("3")
    assert files.find(9.0, offered(size=SIZE)) is not None
    files.confirm("2")
    assert files.find(9.0, offered(size=SIZE)) is None


def test_only_so_many_are_remembered_and_what_is_gone_or_empty_is_not(place: Path) -> None:
    files = Unconfirmed()
    files.add(0.0, offered(transfer="none"), place.with_name("gone"))
    files.add(0.0, offered(transfer="none", size=0), place)
    for number in range(FILES_MAX + 1):
        files.add(0.0, offered(transfer=str(number), name=str(number)), place)
    assert files.find(9.0, offered()) is files.find(9.0, offered(size=0)) is files.find(9.0, offered(name="0")) is None
    assert files.find(9.0, offered(name="1")) is not None


def open_place(path: Path) -> PartOrDelivered:
    state = identity_of(path.stat())
    delivered = Delivered(offered(size=SIZE), path, state, 0.0)
    return PartOrDelivered(delivered, path.parent, "Yoda", "a.bin", Geometry(SIZE))


def digest_of(claims: Claims) -> bytes:
    digest = Digest()
    for attempt in claims.attempts:
        cipher = ChunkCipher(attempt.secret, attempt.cipher)
        for chunk in chunks_of(attempt.runs):
            plain = memoryview(bytearray(CONTENT[chunk * CHUNK_SIZE :][:CHUNK_SIZE]))
            digest.add(chunk, cipher.tag(chunk, plain, memoryview(bytearray(CHUNK_SIZE + TAG_SIZE))))
    return digest.result()


def test_all_of_what_is_there_is_claimed_under_a_secret_of_this_time(place: Path) -> None:
    secrets: List[bytes] = []
    for _ in range(2):
        part = open_place(place)
        claims = claims_of(part)
        assert claims.runs() == [(0, Geometry(SIZE).chunks)]
        assert claims.digest == digest_of(claims)
        secrets.append(claims.attempts[0].secret)
        part.keep()
    assert secrets[0] != secrets[1]
    assert contents(place.parent) == {"Yoda_a.bin": CONTENT}


def test_what_its_sender_finds_to_be_the_same_stays_the_only_file(place: Path) -> None:
    part = open_place(place)
    claims_of(part)
    part.begin(ChunkCipher(SECRET, "aes-128-gcm"), is_resumed=True)
    assert part.finish() == place
    part.take_back(place)  # cancelled at the last moment: it was there before
    part.keep()
    assert contents(place.parent) == {"Yoda_a.bin": CONTENT}


def test_what_changes_while_it_is_compared_is_not_called_received(place: Path) -> None:
    part = open_place(place)
    claims_of(part)
    part.begin(ChunkCipher(SECRET, "aes-128-gcm"), is_resumed=True)
    place.write_bytes(b"mine")
    with pytest.raises(StorageError, match="changed or taken away"):
        part.finish()
    place.unlink()
    with pytest.raises(StorageError, match="changed or taken away"):
        part.finish()


def test_what_its_sender_finds_to_differ_is_received_as_another_file(place: Path) -> None:
    part = open_place(place)
    claims_of(part)
    receive(part, list(range(6)))
    assert part.finish().name == "Yoda_a (1).bin"
    part.take_back(place.with_name("Yoda_a (1).bin"))
    assert contents(place.parent) == {"Yoda_a.bin": CONTENT}


def test_an_interrupted_attempt_at_another_content_goes_before(place: Path) -> None:
    part = open_place(place)
    receive(part, [0, 2])
    part.keep()
    part = open_place(place)
    assert claims_of(part).runs() == [(0, 1), (2, 1)]
    part.discard()


@pytest.mark.parametrize("change", ["cut", "gone", "link", "folder"])
def test_what_is_not_as_it_was_is_not_claimed(place: Path, change: str) -> None:
    part = open_place(place)
    if change == "cut":
        place.write_bytes(CONTENT[:-1])
    else:
        place.rename(place.with_name("other"))
    if change == "link":
        place.symlink_to("other")
    elif change == "folder":
        place.mkdir()
    assert claims_of(part).attempts == []
    part.discard()
