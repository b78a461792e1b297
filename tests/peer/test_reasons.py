"""The reasons that the other side is told: what happened, and nothing of this machine's folders and numbers."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from messenger.peer.part import PartFile
from tests.peer.conftest import Enter
from tests.peer.endings import failure


def broken(*_: Any) -> Any:
    raise OSError(errno.EIO, os.strerror(errno.EIO), "/home/hans/in")


@pytest.mark.parametrize(
    ("kind", "method", "message"),
    [
        (os, "statvfs", "Hans cannot store it: Input/output error"),
        (PartFile, "check", "Hans cannot read what is there: Input/output error"),
        (PartFile, "finish", "Hans cannot store it: Input/output error"),
        (PartFile, "write", "a fault in this program: Input/output error"),
    ],
    ids=lambda value: str(getattr(value, "__name__", "")),
)
def test_an_error_of_the_system_is_told_in_its_words_only(
    enter: Enter, monkeypatch: pytest.MonkeyPatch, kind: Any, method: str, message: str
) -> None:
    yoda = enter("Yoda")
    enter("Hans")
    monkeypatch.setattr(kind, method, broken)
    assert failure(yoda.client.send_file("Hans", yoda.make("a.bin", 1000)))[1] == message


def test_the_name_of_the_folder_stays_here(enter: Enter, tmp_path: Path) -> None:
    folder = tmp_path / "secret"
    folder.mkdir()
    yoda = enter("Yoda")
    enter("Hans", download_dir=folder)
    folder.rmdir()
    code, message = failure(yoda.client.send_file("Hans", yoda.make("a.bin", 1000)))
    assert code == "write_failed"
    assert message == "Hans cannot store it: cannot write into the download folder: No such file or directory"
