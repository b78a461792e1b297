"""Files from pipe to pipe: who is told what, where a file ends up, and the exit status."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import List

import pytest

from messenger.server import Server
from tests.cli.conftest import People, StartProgram
from tests.client.fakes import FakeServer
from tests.conftest import ServeProcess
from tests.support.files import log_rows

FIGURES = r"\d\.\d\d s, [\d.]+ ([kMG]B|bytes)/s"
PATH = r", round trip [\d.]+ ms, \d+ resent( \([^()]+\))?"
SLOW = 100_000
"""Bytes a second at which what is meant to be interrupted is sent."""


def test_a_file_arrives_under_its_senders_name_and_both_are_told(people: People, data_dir: Path) -> None:
    hans, yoda = people.enter("Hans"), people.enter("Yoda")
    content = people.write("Yoda", "my  film.mp4", 1_234_567)
    yoda.type("/p2pvideo Hans my  film.mp4")
    hans.until("received my  film.mp4 from Yoda")
    sent, received = yoda.end(), hans.end()
    assert sent.lines[1:3] == [
        "offered my  film.mp4 (1.2 MB) to Hans: transfer 1",
        "Hans accepted my  film.mp4 (1.2 MB): transfer 1",
    ]
    told = rf"delivered my  film\.mp4 to Hans: 1\.2 MB in {FIGURES}{PATH}"
    assert re.fullmatch(told, sent.lines[3])
    assert received.lines[1] == "Yoda sends you my  film.mp4 (1.2 MB): transfer 1"
    told = rf"received my  film\.mp4 from Yoda: Yoda_my  film\.mp4 \(1\.2 MB in {FIGURES}{PATH}\)"
    assert re.fullmatch(told, received.lines[2])
    assert (sent.result, received.result) == ([0, ""], [0, ""])
    assert (people.home("Hans") / "Yoda_my  film.mp4").read_bytes() == content
    assert people.files("Hans") == ["Yoda_my  film.mp4"]
    assert log_rows(data_dir / "messagelog.txt") == [], "the server logs nothing of it"


def test_an_empty_file_arrives_in_the_download_folder(people: People, tmp_path: Path) -> None:
    hans, yoda = people.enter("Hans", "--download-dir", str(tmp_path)), people.enter("Yoda")
    people.write("Yoda", "clip", 0)
    yoda.type("/p2pvideo Hans clip")
    hans.until(f"received clip from Yoda: {tmp_path}/Yoda_clip ")
    assert (tmp_path / "Yoda_clip").read_bytes() == b""
    assert yoda.end().result == [0, ""]


def test_a_path_may_begin_with_the_home_folder(people: People) -> None:
    hans = people.enter("Hans")
    yoda = people.enter("Yoda", env={"HOME": str(people.home("Leia"))})
    people.write("Leia", "clip.mp4", 10)
    yoda.type("/p2pvideo Hans ~/clip.mp4")
    hans.until("received clip.mp4 from Yoda")
    assert yoda.end().status == 0


def test_what_cannot_be_sent_is_refused_before_it_is_offered(people: People) -> None:
    """And the user comes before the file: see the table of refusals in test_pipe."""
    hans, yoda = people.enter("Hans"), people.enter("Yoda")
    os.mkfifo(people.home("Yoda") / "pipe")
    for file in ("nothing.mp4", ".", "pipe", "~", "x" * 300):
        yoda.type(f"/p2pvideo Hans {file}")
    ended = yoda.end()
    assert ended.lines[1:-1] == [
        "error: cannot read nothing.mp4: No such file or directory",
        "error: cannot send .: it is a folder",
        "error: cannot send pipe: it is no regular file",
        "error: cannot read ~: No such file or directory",
        f"error: cannot read {'x' * 300}: File name too long",
    ]
    assert ended.result == [1, ""]
    assert len(hans.end().lines) == 2, "welcome and goodbye"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(people: People) -> None:
    people.enter("Hans")
    yoda = people.enter("Yoda")
    people.write("Yoda", "secret", 10)
    (people.home("Yoda") / "secret").chmod(0)
    yoda.type("/p2pvideo Hans secret")
    yoda.until("error: cannot read secret: Permission denied")


def test_the_end_of_the_input_waits_for_transfers_in_both_directions(people: People) -> None:
    """Two each way at once; nobody says anything more after the offers."""
    hans, yoda = people.enter("Hans", rate=1_500_000), people.enter("Yoda", rate=1_500_000)
    sent = {name: people.write(name, f"{number}.bin", 700_000) for number, name in enumerate(("Hans", "Yoda"))}
    hans.type("/p2pvideo Yoda 0.bin", "/p2pvideo Yoda 0.bin", "/logout")
    yoda.type("/p2pvideo Hans 1.bin", "/p2pvideo Hans 1.bin")
    ends = [yoda.end(), hans.end()]
    for ended in ends:
        assert ended.result == [0, ""]
        assert (ended.out.count("\ndelivered "), ended.out.count("\nreceived ")) == (2, 2)
        assert ended.lines[-1].startswith("Goodbye"), "only then"
    for name, file in (("Hans", "Yoda_1"), ("Yoda", "Hans_0")):
        copies = [people.home(name) / f"{file}.bin", people.home(name) / f"{file} (1).bin"]
        assert [copy.read_bytes() for copy in copies] == [sent["Hans" if name == "Yoda" else "Yoda"]] * 2


def test_a_list_tells_of_each_transfer(people: People) -> None:
    people.enter("Hans")
    yoda = people.enter("Yoda", rate=SLOW)
    yoda.type("/transfers")
    yoda.until("no transfers yet\n")
    people.write("Yoda", "small", 100)
    people.write("Yoda", "large", 5_000_000)
    yoda.type("/p2pvideo Hans small")
    yoda.until("delivered small")
    yoda.type("/p2pvideo Hans large", "/transfers", "/cancel 2")
    ended = yoda.end()
    rows = [line for line in ended.lines if re.match(r"\d  ", line)]
    assert re.fullmatch(r"1  to Hans  100 bytes  delivered    [\d.]+ \w+/s  small", rows[0])
    assert re.fullmatch(r"2  to Hans  5\.0 MB     running \d %( +[\d.]+ \w+/s)? +large", rows[1])


@pytest.mark.parametrize("canceller", ["Hans", "Yoda"])
def test_either_side_cancels_and_both_are_told(people: People, canceller: str) -> None:
    """Only what was to be sent counts as a failed command."""
    hans, yoda = people.enter("Hans"), people.enter("Yoda", rate=SLOW)
    people.write("Yoda", "clip.mp4", 5_000_000)
    yoda.type("/p2pvideo Hans clip.mp4")
    yoda.until("Hans accepted")
    hans.until("Yoda sends you")
    (hans if canceller == "Hans" else yoda).type("/cancel 1", "/cancel 1", "/cancel 2")
    hans.until(f"error: clip.mp4 from Yoda was not received: {canceller} cancelled it\n")
    yoda.until(f"error: clip.mp4 was not delivered to Hans: {canceller} cancelled it\n")
    ends = {"Hans": hans.end(), "Yoda": yoda.end()}
    told = ["error: transfer 1 has ended already", "error: there is no transfer 2"]
    assert ends[canceller].lines[-3:-1] == told
    assert ends["Yoda"].status == 1
    assert ends["Hans"].status == (1 if canceller == "Hans" else 0)
    assert people.files("Hans") == []


def test_fail_fast_ends_when_a_file_fails_though_nothing_is_asked(people: People) -> None:
    hans, yoda = people.enter("Hans"), people.enter("Yoda", "--fail-fast", rate=SLOW)
    people.write("Yoda", "clip.mp4", 5_000_000)
    yoda.type("/p2pvideo Hans clip.mp4")
    hans.until("Yoda sends you")
    hans.type("/cancel 1")
    ended = yoda.wait()
    assert ended.result == [1, ""]
    assert ended.lines[-1] == "error: clip.mp4 was not delivered to Hans: Hans cancelled it"
    assert hans.end().result == [0, ""], "what was to be received does not count"


def test_leaving_early_cancels_what_still_runs(people: People) -> None:
    hans, yoda = people.enter("Hans"), people.enter("Yoda", "--fail-fast", rate=SLOW)
    people.write("Yoda", "clip.mp4", 5_000_000)
    yoda.type("/p2pvideo Hans clip.mp4", "/xyzzy")
    hans.until("error: clip.mp4 from Yoda was not received: Yoda has left\n")
    assert yoda.wait().lines[-1] == "error: clip.mp4 was not delivered to Hans: Yoda has left"


def test_a_file_may_be_accepted_or_refused(people: People) -> None:
    hans, yoda = people.enter("Hans", "--accept", "ask"), people.enter("Yoda")
    people.write("Yoda", "clip.mp4", 1000)
    yoda.type("/p2pvideo Hans clip.mp4", "/p2pvideo Hans clip.mp4", "/p2pvideo Hans clip.mp4")
    hans.until("Yoda wants to send you clip.mp4 (1.0 kB): /accept 1 or /refuse 1\n")
    hans.type("/refuse 1", "/accept 1", "/accept 7")
    hans.until("error: clip.mp4 from Yoda was not received: Hans does not want it\n")
    hans.until("/accept 2 or /refuse 2\n")
    hans.type("/accept 2", "/accept 2")
    hans.until("/accept 3 or /refuse 3\n")
    ended = hans.end()
    assert ended.status == 1
    assert "error: transfer 1 has ended already\n" in ended.out
    assert re.search(r"error: transfer 2 (has ended already|does not wait for an answer of yours)\n", ended.out)
    assert "error: there is no transfer 7\n" in ended.out
    ended = yoda.end()
    assert ended.out.count("delivered clip.mp4 to Hans: 1.0 kB") == 1
    refusal = "error: clip.mp4 was not delivered to Hans: Hans does not want it"
    assert ended.lines.count(refusal) == 2, "the third because nobody could answer any more"
    assert ended.result == [1, ""]


@pytest.mark.parametrize(
    ("options", "size", "reason"),
    [
        (["--accept", "Leia,Padme"], 1, "Hans does not accept files"),
        (["--accept", "Leia,Yoda", "--max-receive-size", "1Ki", "--congestion-control", "cubic"], 1024, ""),
        (["--max-receive-size", "1k"], 1001, "Hans receives at most 1000 bytes"),
    ],
)
def test_whose_files_and_how_large_is_decided_by_options(
    people: People, options: List[str], size: int, reason: str
) -> None:
    people.enter("Hans", *options)
    yoda = people.enter("Yoda", "--no-offload")
    people.write("Yoda", "clip.mp4", size)
    yoda.type("/p2pvideo Hans clip.mp4")
    ended = yoda.end()
    assert ended.lines[-2].startswith(
        f"error: clip.mp4 was not delivered to Hans: {reason}" if reason else "delivered clip.mp4 to Hans"
    )
    assert ended.result == [1 if reason else 0, ""]


def test_transfers_go_on_without_the_server(serve_process: ServeProcess, folder: Path) -> None:
    served = serve_process()
    people = People(served.port, folder)
    try:
        hans, yoda = people.enter("Hans"), people.enter("Yoda", rate=1_000_000)
        content = people.write("Yoda", "clip.mp4", 500_000)
        yoda.type("/p2pvideo Hans clip.mp4")
        hans.until("Yoda sends you")
        yoda.until("Hans accepted")
        served.kill()
        ends = [yoda.wait(), hans.wait()]
    finally:
        people.close()
    for ended in ends:
        assert ended.result == [
            3,
            "messenger: connection lost: the connection to the server broke\n"
            "messenger: 1 transfer still running, which needs no server: waiting for the end\n",
        ]
    assert ends[0].lines[-1].startswith("delivered clip.mp4 to Hans")
    assert (people.home("Hans") / "Yoda_clip.mp4").read_bytes() == content


def test_ctrl_c_ends_the_waiting_and_the_rest_comes_the_next_time(serve_process: ServeProcess, folder: Path) -> None:
    """The receiver is told without the server too, and keeps what it has."""
    served = serve_process()
    people = People(served.port, folder)
    try:
        hans, yoda = people.enter("Hans", "--json"), people.enter("Yoda", rate=600_000)
        content = people.write("Yoda", "clip.mp4", 4_000_000)
        yoda.type("/p2pvideo Hans clip.mp4")
        hans.until('"transfer_progress"')
        served.kill()
        hans.until('"connection_lost"')
        yoda.interrupt()
        assert yoda.wait().status == 130
        ended = hans.wait()
        assert ended.status == 3
        assert json.loads(ended.lines[-1])["code"] == "closed"
        again = serve_process()
        people.port = again.port
        hans, yoda = people.enter("Hans"), people.enter("Yoda")
        yoda.type("/p2pvideo Hans clip.mp4")
        ended = yoda.end()
        assert re.search(r"delivered clip.mp4 to Hans: 4.0 MB \([\d.]+ kB were there already\) in ", ended.out)
        assert hans.end().result == [0, ""]
    finally:
        people.close()
    assert (people.home("Hans") / "Yoda_clip.mp4").read_bytes() == content
    assert people.files("Hans") == ["Yoda_clip.mp4"]


def test_a_new_connection_during_the_login_keeps_the_udp_port(fake: FakeServer, start: StartProgram) -> None:
    program = start("chat", "127.0.0.1", str(fake.port), "0")
    first = fake.accept()
    first.send({"type": "hello", "protocol": 1, "server": "a fake"})
    program.type("Yoda", "comp9331")
    ports = [first.read()["udp_port"]]
    first.close()
    second = fake.accept()
    second.send({"type": "hello", "protocol": 1, "server": "a fake"})
    login = second.read()
    second.send({"type": "welcome", "id": login["id"], "username": "Yoda", "time": ""})
    program.until("Welcome")
    ports.append(login["udp_port"])
    assert ports[0] == ports[1] > 0


def test_each_event_of_a_transfer_is_a_json_line(server: Server, people: People) -> None:
    hans, yoda = people.enter("Hans", "--json", "--accept", "ask"), people.enter("Yoda", "--json", rate=500_000)
    people.write("Yoda", "clip.mp4", 700_000)
    yoda.type("/p2pvideo Hans clip.mp4", "/transfers", "/p2pvideo Hans clip.mp4")
    hans.until('"transfer_asked"')
    hans.type("/accept 1")
    hans.until('"transfer_asked"')
    hans.type("/refuse 2")
    hans.until('"transfer_failed"')
    hans.until('"transfer_done"')
    told = {"Hans": hans.end(), "Yoda": yoda.end()}
    assert (told["Hans"].status, told["Yoda"].status) == (0, 1)
    events = {name: [json.loads(line) for line in ended.lines[1:-1]] for name, ended in told.items()}
    kinds = {name: [event["type"] for event in events[name] if event.get("number") == 1] for name in events}
    assert kinds == {
        "Hans": ["transfer_asked", "transfer_started", "transfer_progress", "transfer_done"],
        "Yoda": ["transfer_offered", "transfer_started", "transfer_progress", "transfer_done"],
    }
    done = events["Hans"][-1]
    assert {name: done[name] for name in ("number", "direction", "user", "name", "size", "path")} == {
        "number": 1,
        "direction": "in",
        "user": "Yoda",
        "name": "clip.mp4",
        "size": 700_000,
        "path": "Yoda_clip.mp4",
    }
    failed = [event for event in events["Yoda"] if event["type"] == "transfer_failed"]
    assert [(event["code"], event["message"]) for event in failed] == [("refused", "Hans does not want it")]
    (listed,) = [event["transfers"] for event in events["Yoda"] if event["type"] == "transfers"]
    assert [(one["number"], one["direction"], one["state"]) for one in listed] == [(1, "out", "running")]
