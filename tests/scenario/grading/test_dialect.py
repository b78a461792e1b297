"""Dialect files, and the commands that start programs: what is read, and what is wrong with them."""

from __future__ import annotations

import re
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.errors import ConfigError
from messenger.scenario.grading import dialect
from messenger.scenario.grading.commands import CLIENT_NAMES, SERVER_NAMES, fill_command, read_command
from messenger.scenario.grading.dialect import COMMANDS, ForeignDialect, read_dialect
from messenger.scenario.grading.settings import Setting, parse_settings

EXAMPLE = r"""
# of a program that was seen
first = login
username = ^\* who are you
prompt = "what now\? "
line_end = crlf
ports = 20000-29999
msgto = send
logout = bye
"""


def test_a_file_says_what_differs_and_everything_else_is_usual() -> None:
    read = read_dialect(EXAMPLE, "a.dialect")
    assert read == ForeignDialect(
        first="login",
        username=r"^\* who are you",
        prompt=r"what now\? ",
        line_end="\r\n",
        ports=(20000, 29999),
        commands={"/msgto": "send", "/logout": "bye"},
    )
    assert read.command("/msgto Hans /msgto") == "send Hans /msgto"
    assert read.command("/activeuser") == "/activeuser"
    assert read_dialect("", "a") == ForeignDialect()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("usrname = x", "a.dialect:1: there is no key usrname; there are first, username,"),
        ("\nusername = (", "a.dialect:2: ( is not a regular expression"),
        ("username", "a.dialect:1: expected KEY = VALUE"),
        ("first = a\nfirst = b", "a.dialect:2: first is there already"),
        ("line_end = nul", "a.dialect:1: expected line_end = cr or lf or crlf, not nul"),
        ("ports = 80-90", "a.dialect:1: expected ports = LOW-HIGH, 1000 or more of 1024 to 65535"),
        ("ports = 20000-20500", "a.dialect:1: expected ports"),
        ("ports = 65000-70000", "a.dialect:1: expected ports"),
        ("commands = x", "a.dialect:1: there is no key commands"),
    ],
)
def test_a_wrong_line_is_named_and_what_is_expected(text: str, fault: str) -> None:
    with pytest.raises(ConfigError, match="^" + re.escape(fault)):
        read_dialect(text, "a.dialect")


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        settings = parse_settings(text, "a")
    except ConfigError:
        return
    assert len({setting.key for setting in settings}) == len(settings)


def test_values_in_quotes_keep_their_blanks() -> None:
    assert parse_settings('a = \' x \'\nb=""\nc = "\'"', "f") == [
        Setting("f:1", "a", " x "),
        Setting("f:2", "b", ""),
        Setting("f:3", "c", "'"),
    ]


def test_every_key_is_documented() -> None:
    documented = re.findall(r"^    (\w+) = ", dialect.__doc__ or "", re.MULTILINE)
    assert documented == [one.name for one in fields(ForeignDialect) if one.name != "commands"] + ["msgto"]
    assert all(name in (dialect.__doc__ or "") for name in COMMANDS)


def test_a_command_is_read_as_a_shell_does_and_its_files_are_found_from_anywhere(tmp_path: Path) -> None:
    (tmp_path / "my server.py").touch()
    text = f"{sys.executable} -u 'my server.py' {{port}} --tries={{attempts}}"
    command = read_command(text, "--server-command", SERVER_NAMES, tmp_path)
    filled = fill_command(command, {"port": "12000", "attempts": "-1; rm"})
    assert filled == [sys.executable, "-u", str(tmp_path / "my server.py"), "12000", "--tries=-1; rm"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "--client-command needs a command"),
        ("sh 'x", '--client-command: "sh \'x" cannot be read: No closing quotation'),
        ("sh {host} {port}", "--client-command: {udp_port} is missing in 'sh {host} {port}'"),
        ("sh {host} {port} {udp_port} {x}", "--client-command: there is no {x}; there are {host}, {port}, {udp_port}"),
        ("no-such-program {host} {port} {udp_port}", "--client-command: there is no program no-such-program"),
    ],
)
def test_a_wrong_command_is_told(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(ConfigError, match="^" + re.escape(fault)):
        read_command(text, "--client-command", CLIENT_NAMES, tmp_path)
