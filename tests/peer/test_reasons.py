"""The reasons that the other side is told: what happened, and nothing of this machine's folders and numbers."""

from __future__ import annotations

import ast
import errno
import os
import re
from pathlib import Path
from typing import Any, Set

import pytest

import messenger
from messenger.peer.handle import TransferFailed
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


def codes_in_the_code() -> Set[str]:
    """The codes with which transfers are ended: the first word that is given to whatever ends one."""
    package = Path(messenger.__file__).parent
    found: Set[str] = set()
    for path in [*package.glob("peer/*.py"), *package.glob("transfer/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name in ("fail", "fail_as_told", "refuse", "TransferFailed", "SourceFailed"):
                    words = (one for argument in node.args for one in ast.walk(argument))
                    texts = (one.value for one in words if isinstance(one, ast.Constant) and isinstance(one.value, str))
                    found.update(text for text in texts if re.fullmatch("[a-z]+(_[a-z]+)*", text))
    return found


def test_every_reason_has_a_code_that_the_documentation_names() -> None:
    codes = codes_in_the_code()
    assert {"no_path", "replaced", "internal_error", "changed", "busy"} <= codes
    documented = set(re.findall("`([a-z_]+)`", TransferFailed.__doc__ or ""))
    assert codes - documented == set()
