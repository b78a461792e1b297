"""Offers, answers and outcomes over sockets: from which address, in which files, and to whoever does not read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict

import pytest

from messenger.protocol import limits
from messenger.server import Server
from tests.conftest import Connect, ServeProcess, StartServer
from tests.support.files import presence_rows
from tests.support.wire import Json, Wire

ID = "5f2b8c0e9d7a41633e1c7b90a4d8f256"
KEY = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="
OFFER = {"transfer": ID, "name": "Grüße.mp4", "size": 5, "key": KEY, "udp_port": 14000}
ACCEPTED = {"transfer": ID, "accepted": True, "key": KEY, "udp_port": 14001, "resume": "A" * limits.RESUME_MAX}


def contents(folder: Path) -> Dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def exchange(yoda: Wire, hans: Wire) -> Dict[str, Json]:
    """Offer, accept and end a transfer; return what came of each."""
    assert yoda.ask("offer", user="Hans", **OFFER) == {"type": "relayed", "id": 2}
    offered = hans.read()
    assert hans.ask("answer", user="Yoda", **ACCEPTED) == {"type": "relayed", "id": 2}
    answered = yoda.read()
    assert hans.ask("outcome", user="Yoda", transfer=ID, code="done")["type"] == "relayed"
    return {"offered": offered, "answered": answered, "transfer_outcome": yoda.read()}


@pytest.mark.parametrize("settings", [{}, {"io_threads": 2}, {"durable": True}], ids=str)
def test_two_clients_learn_from_the_server_who_and_where_the_other_is(
    start_server: StartServer, connect: Connect, data_dir: Path, settings: Dict[str, Any]
) -> None:
    server = start_server(**settings)
    yoda = connect(server.port, "Yoda", source="127.0.0.7")
    hans = connect(server.port, "Hans", source="127.0.0.8")
    files = contents(data_dir)
    events = exchange(yoda, hans)
    claimed = {name: value for name, value in OFFER.items() if name != "transfer"}
    said = {"transfer": ID, "cipher": "aes-128-gcm", **claimed}
    assert events == {
        "offered": {"type": "offered", "from": "Yoda", "address": "127.0.0.7", **said},
        "answered": {"type": "answered", "from": "Hans", "address": "127.0.0.8", **ACCEPTED},
        "transfer_outcome": {"type": "transfer_outcome", "transfer": ID, "from": "Hans", "code": "done"},
    }
    assert contents(data_dir) == files, "nothing is logged"


def test_the_console_tells_who_offers_what_to_whom_and_no_more(serve_process: ServeProcess, connect: Connect) -> None:
    served = serve_process()
    exchange(connect(served.port, "Yoda"), connect(served.port, "Hans"))
    assert served.end() == 0
    console = (served.data_dir / "stdout").read_text(encoding="utf-8")
    assert console.count("Yoda offers the file Grüße.mp4 to Hans\n") == 1
    assert KEY not in console
    assert ID not in console
    assert served.diagnostics == ""


def test_who_is_gone_is_offline_and_who_was_to_answer_is_told_so(server: Server, connect: Connect) -> None:
    yoda, hans = connect(server.port, "Yoda"), connect(server.port, "Hans")
    yoda.ask("offer", user="Hans", **OFFER)
    yoda.ask("logout")
    assert hans.read()["type"] == "offered"
    told = hans.read()
    assert (told["type"], told["transfer"], told["from"], told["code"]) == ("transfer_outcome", ID, "Yoda", "offline")
    assert hans.ask("answer", user="Yoda", **ACCEPTED)["code"] == "offline"
    assert hans.ask("outcome", user="Yoda", transfer=ID, code="done")["code"] == "offline"


def test_nobody_speaks_for_another_or_from_another_address(server: Server, connect: Connect) -> None:
    yoda, hans = connect(server.port, "Yoda"), connect(server.port, "Hans")
    for forged in ({"from": "Leia"}, {"sender": "Leia"}, {"address": "192.0.2.1"}):
        assert yoda.ask("offer", user="Hans", **OFFER, **forged)["code"] == "malformed"
    assert yoda.ask("offer", user="Hans", **{**OFFER, "name": "a\u202e4pm.exe"})["code"] == "bad_text"
    assert hans.barrier() == []


def test_who_does_not_read_answers_is_cut_off_like_who_does_not_read_messages(
    server: Server, connect: Connect, data_dir: Path
) -> None:
    connect(server.port, "Hans", receive_buffer=4096)
    yoda, leia = connect(server.port, "Yoda"), connect(server.port, "Leia")
    line = json.dumps({"type": "answer", "id": 1, "user": "Hans", **ACCEPTED}).encode() + b"\n"
    sent, codes = 0, {"relayed"}
    while "offline" not in codes:
        yoda.send_bytes(line * 10)
        codes = {reply.get("code", "relayed") for reply in yoda.barrier()}
        assert codes <= {"relayed", "offline"}
        assert leia.barrier() == []
        sent += 10 * len(line)
        assert sent < 50_000_000, "it was never cut off"
    assert presence_rows(data_dir / "activitylog.txt")[-1][1::3] == ["Hans", "lost"]
