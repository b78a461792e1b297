"""Whole transfers between clients: of every size, many at once, in both directions."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Dict, List

import pytest

from messenger.peer.handle import TransferDone, TransferFailed
from messenger.transfer.geometry import CHUNK_SIZE, HEADER_SIZE, SEGMENT_SIZES, TAG_SIZE
from tests.conftest import StartServer
from tests.peer.conftest import Enter
from tests.support.files import open_descriptors
from tests.support.waiting import eventually

SEGMENT = SEGMENT_SIZES[0] - HEADER_SIZE
LARGE = SEGMENT_SIZES[-1] - HEADER_SIZE
SIZES = [0, 1, 2, 5 * 1024 * 1024]
SIZES += [edge + step for edge in (SEGMENT - TAG_SIZE, LARGE - TAG_SIZE, CHUNK_SIZE) for step in (-1, 0, 1)]
SIZES += [CHUNK_SIZE + SEGMENT - TAG_SIZE, 2 * CHUNK_SIZE, 7 * CHUNK_SIZE - 1]


@pytest.mark.parametrize("offload", [True, False])
def test_files_of_every_size_arrive_as_they_were(enter: Enter, offload: bool) -> None:
    yoda, hans = enter("Yoda", offload=offload), enter("Hans", offload=offload)
    for size in SIZES:
        path = yoda.make(f"{size}.bin", size)
        sent = yoda.client.send_file("Hans", path)
        assert sent.result(10).done == size
        assert (hans.inbox / f"Yoda_{size}.bin").read_bytes() == path.read_bytes()
    assert len(list(hans.inbox.iterdir())) == len(SIZES)


def test_a_client_that_never_asked_for_files_can_send_them(enter: Enter) -> None:
    yoda, hans = enter("Yoda", segment_max=1200, congestion_control="cubic"), enter("Hans", accept="Leia,Yoda")
    path = yoda.make("a.bin", 700_000)
    yoda.client.send_file("Hans", str(path)).result(10)
    assert hans.received() == {"Yoda_a.bin": path.read_bytes()}


def test_files_go_over_ipv6(start_server: StartServer, enter: Enter, tmp_path: Path) -> None:
    server = start_server(bind=("::1",), data_dir=tmp_path / "six")
    yoda, hans = (enter(name, host="::1", port=server.port) for name in ("Yoda", "Hans"))
    path = yoda.make("a.bin", 700_000)
    yoda.client.send_file("Hans", path).result(10)
    assert hans.received() == {"Yoda_a.bin": path.read_bytes()}
    (exchange,) = yoda.files._exchanges.values()
    assert exchange.endpoint is not None
    assert exchange.endpoint.path == ("::1", hans.files.port, 0, 0)


def test_both_send_to_each_other_several_at_once(enter: Enter) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    files = {who: [who.make(f"{n}.bin", 300_000 + n) for n in range(5)] for who in (yoda, hans)}
    sent = [who.client.send_file(to.name, path) for who, to in ((yoda, hans), (hans, yoda)) for path in files[who]]
    for transfer in sent:
        transfer.result(20)
    for who, to in ((yoda, hans), (hans, yoda)):
        assert to.received() == {f"{who.name}_{path.name}": path.read_bytes() for path in files[who]}
        who.wait_for(TransferDone, times=10)
        assert [one.state() for one in who.files.list()] == ["delivered"] * 10
        assert [one.number for one in who.files.list()] == list(range(1, 11))


def test_the_same_file_twice_at_once_becomes_two(enter: Enter) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    path = yoda.make("a.bin", 3_000_000)
    for transfer in [yoda.client.send_file("Hans", path) for _ in range(4)]:
        transfer.result(20)
    names = ["Yoda_a (1).bin", "Yoda_a (2).bin", "Yoda_a (3).bin", "Yoda_a.bin"]
    assert hans.received() == dict.fromkeys(names, path.read_bytes())


@pytest.fixture
def crowd(start_server: StartServer, enter: Enter, tmp_path: Path) -> Any:
    """Let people with numbers come, and Hans, to whom they send."""
    accounts = {"Hans": "p", **{f"P{number}": "p" for number in range(8)}}
    server = start_server(accounts, data_dir=tmp_path / "crowd")
    return lambda name: enter(name, port=server.port, password="p")


def test_eight_send_to_one(crowd: Any) -> None:
    hans = crowd("Hans")
    people = [crowd(f"P{number}") for number in range(8)]
    paths = [person.make("a.bin", 2_000_000) for person in people]
    sent = [person.client.send_file("Hans", path) for person, path in zip(people, paths)]
    for transfer in sent:
        transfer.result(30)
    assert hans.received() == {f"P{number}_a.bin": path.read_bytes() for number, path in enumerate(paths)}


def test_a_hundred_at_a_time_arrive(enter: Enter) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    paths = [yoda.make(f"{number}.bin", 200_000) for number in range(100)]
    for transfer in [yoda.client.send_file("Hans", path) for path in paths]:
        transfer.result(30)
    assert hans.received() == {f"Yoda_{path.name}": path.read_bytes() for path in paths}
    hans.wait_for(TransferDone, times=100)


def test_what_is_resumed_is_whole_and_a_chunk_that_went_bad_is_sent_again(enter: Enter) -> None:
    """Cancelling would remove what is there; the receiver leaves in the middle instead."""
    yoda, hans = enter("Yoda"), enter("Hans")
    path = yoda.make("a.bin", 30 * CHUNK_SIZE)
    interrupt_at(hans, 12)
    with pytest.raises(TransferFailed):
        yoda.client.send_file("Hans", path).result(10)
    hans.client.close()
    with open(hans.inbox / "Yoda_a.bin.part", "r+b") as file:
        file.seek(3 * CHUNK_SIZE)
        file.write(bytes([path.read_bytes()[3 * CHUNK_SIZE] ^ 0x80]))
    hans = enter("Hans")
    written = interrupt_at(hans, 10**6)
    again = yoda.client.send_file("Hans", path)
    again.result(10)
    done = hans.wait_for(TransferDone)
    assert done.resumed == again.resumed == 11 * CHUNK_SIZE
    assert sorted(written) == [3, *range(12, 30)]
    assert hans.received() == {"Yoda_a.bin": path.read_bytes()}


def test_what_is_left_of_another_content_is_not_used(enter: Enter) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    path = yoda.make("a.bin", 30 * CHUNK_SIZE)
    interrupt_at(hans, 12)
    with pytest.raises(TransferFailed):
        yoda.client.send_file("Hans", path).result(10)
    hans.client.close()
    hans = enter("Hans")
    path = yoda.make("a.bin", 30 * CHUNK_SIZE)
    again = yoda.client.send_file("Hans", path)
    again.result(10)
    assert again.resumed == 0
    assert hans.received() == {"Yoda_a.bin": path.read_bytes()}


def interrupt_at(person: Any, count: int) -> List[int]:
    """Have a person's transfers fail when so many chunks were written; return the list to which they are added."""
    written: List[int] = []
    engine = person.files.engine
    add = engine.add

    def add_and_watch(connection: int, runner: Any) -> None:
        part = runner._part
        write = part.write

        def write_some(chunk: int, *rest: Any) -> None:
            if len(written) == count:
                raise RuntimeError("this is where the test wants it to end")
            write(chunk, *rest)
            written.append(chunk)

        part.write = write_some
        add(connection, runner)

    engine.add = add_and_watch
    return written


def test_descriptors_and_memory_of_ended_transfers_are_given_back(
    enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("messenger.transfer.endpoint.LINGER", 0.0)
    yoda, hans = enter("Yoda"), enter("Hans")
    open_files: Dict[int, int] = {}
    for size in (100_000, 100_000, 100_000):
        yoda.client.send_file("Hans", yoda.make("a.bin", size)).result(10)
        for person in (yoda, hans):
            eventually(lambda who=person: not who.files._exchanges, 10, "it is forgotten")  # type: ignore[misc]
            engine = person.files.engine
            idle = threading.Event()
            engine.call(idle.set)
            assert idle.wait(5)
            assert not engine._runners
            assert open_files.setdefault(person.files.port, open_descriptors()) == open_descriptors()
