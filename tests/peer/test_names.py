"""Names that a peer, or a server, makes up: stored under a harmless name in the folder, or refused."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from messenger.peer.handle import TransferAsked, TransferFailed
from messenger.peer.inbound import Inbound
from messenger.peer.outbound import Outbound
from tests.peer.conftest import Enter, offered
from tests.support.waiting import eventually

HOSTILE = [
    "../../etc/passwd",
    "/etc/passwd",
    "C:\\Windows\\x",
    "C:x",
    "\\\\host\\share\\x",
    "..",
    ".",
    "...",
    "a/",
    "/",
    "a/..",
    " ",
    ".bashrc",
    "-rf",
    "NUL",
    "a\tb",
    "x" * 255,
    "\u00fc" * 127,
    "a.part",
    "a.part.map",
    "%s%n",
    "$(id)",
    "~root",
    "\U0001f600",
]
"""Names that the server passes on."""

FORGED = ["", "a\nb", "a\x1b[2Jb", "a\0b", "\u202efdp.exe", "\u2028", "x" * 5000, "\ud800"]
"""Names that a server refuses, and that a hostile one might pass on."""


def offer_as(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Have everything offered under this name."""
    offer = Outbound.offer

    def offer_it(outbound: Outbound) -> None:
        outbound.handle.name = name
        offer(outbound)

    monkeypatch.setattr(Outbound, "offer", offer_it)


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_hostile_name_is_stored_as_a_harmless_one(
    enter: Enter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    path = yoda.make("a", 70_000)
    before = set(tmp_path.rglob("*"))
    offer_as(monkeypatch, name)
    yoda.client.send_file("Hans", path).result(10)
    ((stored, content),) = hans.received().items()
    assert content == path.read_bytes()
    assert stored.startswith("Yoda_")
    assert stored.isprintable() or "\t" in stored
    assert len(os.fsencode(stored)) <= 255
    assert set(tmp_path.rglob("*")) - before == {hans.inbox / stored}
    assert (hans.inbox / stored).stat().st_mode & 0o7111 == 0


@pytest.mark.parametrize("name", FORGED, ids=lambda name: ascii(name[:10]))
def test_what_no_name_may_hold_is_refused_by_the_server(
    enter: Enter, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    offer_as(monkeypatch, name)
    with pytest.raises(TransferFailed):
        yoda.client.send_file("Hans", yoda.make("a", 1000)).result(10)
    assert hans.files.list() == []


MARK = f"messenger-test-{os.getpid()}"
"""Stands in the names that lead elsewhere, so that they could be found there."""


@pytest.mark.parametrize(
    "sender", ["Yoda", f"../{MARK}", f"/tmp/{MARK}", "..", "\x1b[2J", "y" * 5000], ids=lambda _: ""
)
def test_nothing_a_hostile_server_says_leads_out_of_the_folder(enter: Enter, tmp_path: Path, sender: str) -> None:
    hans = enter("Hans")
    before = set(tmp_path.rglob("*"))
    for number, name in enumerate([*HOSTILE, *FORGED]):
        hans.files.take(offered(transfer=f"{number:032}", name=name, sender=sender))
    eventually(lambda: len(hans.files.list()) == len(HOSTILE + FORGED), 5, "the offers are seen")
    for one in hans.files.list():
        eventually(lambda one=one: one.is_ended or one.is_started, 5, "it is accepted or refused")  # type: ignore[misc]
    made = {path for path in set(tmp_path.rglob("*")) - before if not path.is_relative_to(tmp_path / "data")}
    assert all(path.parent == hans.inbox for path in made), made
    assert [path for folder in (tmp_path.parent, Path("/tmp")) for path in folder.glob(f"{MARK}*")] == []


@pytest.mark.parametrize(
    "nonsense",
    [
        {"size": -1},
        {"size": 2**63},
        {"size": 2**53},
        {"key": "!"},
        {"key": "AAAA"},
        {"key": "A" * 43 + "="},
        {"cipher": "rot13"},
        {"udp_port": 70_000},
        {"udp_port": -1},
        {"address": "not an address"},
        {"transfer": "x" * 10_000},
        {"addresses": ["\0", "1.2.3.4\0", "\u202e"]},
    ],
    ids=str,
)
def test_nonsense_in_an_offer_ends_nothing_else(enter: Enter, nonsense: Any) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    hans.files.take(offered(**nonsense))
    path = yoda.make("a", 1000)
    yoda.client.send_file("Hans", path).result(10)
    assert hans.received()["Yoda_a"] == path.read_bytes()


def test_a_name_that_is_a_link_here_is_not_followed(enter: Enter, tmp_path: Path) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    outside = tmp_path / "outside"
    outside.write_bytes(b"precious")
    for name in ("Yoda_a", "Yoda_a.part", "Yoda_a (1).part.map"):
        (hans.inbox / name).symlink_to(outside)
    path = yoda.make("a", 100_000)
    yoda.client.send_file("Hans", path).result(10)
    assert outside.read_bytes() == b"precious"
    assert (hans.inbox / "Yoda_a (1)").read_bytes() == path.read_bytes()


def test_an_offer_that_asks_shows_a_harmless_name(enter: Enter) -> None:
    hans = enter("Hans", accept="ask")
    hans.files.take(offered(name="../\x1b[2J\u202egpj.exe"))
    asked = hans.wait_for(TransferAsked)
    assert asked.name == "\u241b[2J<U+202E>gpj.exe"
    assert hans.received() == {}


def test_more_offers_than_anybody_wants_are_refused(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("messenger.peer.transfers.INCOMING_MAX", 3)
    hans = enter("Hans", accept="ask")
    for number in range(5):
        hans.files.take(offered(transfer=f"{number:032}", name=f"{number}"))
    all_seen = threading.Event()
    hans.files.engine.call(all_seen.set)
    assert all_seen.wait(5)
    states = [one.error.code if one.error else one.state() for one in hans.files.list()]
    assert states == ["offered"] * 3 + ["busy"] * 2
    assert sum(isinstance(one, Inbound) for one in hans.files._exchanges.values()) == 3
