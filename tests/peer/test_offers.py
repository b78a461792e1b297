"""Which offers are taken: how many at a time, from whom, of what size."""

from __future__ import annotations

import pytest

from messenger.peer import transfers
from tests.peer.conftest import Enter


def test_files_that_have_arrived_take_no_place_from_those_that_come(
    enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many small ones in a row: each is still known for a while, in case its sender asks for the receipt."""
    monkeypatch.setattr(transfers, "INCOMING_MAX", 1)
    yoda, hans = enter("Yoda"), enter("Hans")
    for number in range(3):
        yoda.client.send_file("Hans", yoda.make(f"{number}.bin", 100)).result(10)
    assert len(hans.received()) == 3
