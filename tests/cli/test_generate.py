"""`messenger credentials generate`: files of accounts that a server takes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest
from click.testing import CliRunner

from messenger.chat.accounts import ScryptHash, parse_credentials
from messenger.cli import main
from tests.support.processes import environment


def generate(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["credentials", "generate", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_what_is_generated_is_a_credentials_file_with_names_in_order_and_passwords_of_their_own() -> None:
    found = parse_credentials(generate("1200").encode())
    assert list(found) == [f"load-{number:05}" for number in range(1, 1201)]
    assert len(set(found.values())) == 1200
    assert list(parse_credentials(generate("2", "--prefix", "bot").encode())) == ["bot-00001", "bot-00002"]


def test_hashes_are_those_of_the_passwords_in_the_comments() -> None:
    text = generate("3", "--hashed")
    passwords = dict(re.findall(r"^# (\S+) (\S+)$", text, re.MULTILINE))
    hashes = parse_credentials(text.encode())
    assert list(passwords) == list(hashes) == ["load-00001", "load-00002", "load-00003"]
    for name, secret in hashes.items():
        assert ScryptHash.parse(str(secret)).verify(passwords[name])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["0"], "'0'"),
        (["-3"], "'-3'"),
        (["100001"], "from 1 to 100000"),
        (["many"], "'many'"),
        (["2", "--prefix", "a b"], "a b-00002"),
    ],
)
def test_what_cannot_be_generated_is_one_line(arguments: List[str], said: str) -> None:
    result = CliRunner().invoke(main, ["credentials", "generate", *arguments])
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "messenger", "credentials", "generate", "5000"],
            cwd=tmp_path, env=environment(), stdout=full, stderr=subprocess.PIPE, text=True, timeout=30, check=False,
        )  # fmt: skip
    assert ended.returncode == 1
    assert ended.stderr == "messenger: cannot write the accounts: No space left on device\n"
