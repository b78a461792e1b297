"""Names of received files: whatever the sender says, one name in one folder."""

from __future__ import annotations

import itertools
from typing import List

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from messenger.protocol.text import fault_in_text
from messenger.transfer.naming import EXTENSION_MAX, NAME_MAX, NAMES_MAX, base_name, stored_names

SENDERS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)
NAMES = st.text(st.characters() | st.sampled_from("/\\.:\0\n\u202e~ "), max_size=400)


def first_names(sender: str, name: str, room: int = 0, count: int = 3) -> List[str]:
    return list(itertools.islice(stored_names(sender, name, room), count))


@given(SENDERS, NAMES, st.sampled_from([0, 5, 9]))
@example("Hans", "../../etc/passwd", 0)
@example("Hans", "C:\\Windows\\..\\x.exe", 0)
@example("Hans", "..", 0)
@example("Hans", "", 0)
@example("a." * 32, "\U0001f600" * 100 + ".tar.gz", 9)
@example("Hans", "x." + "y" * 300, 0)
def test_a_stored_name_is_never_a_path_and_never_too_long(sender: str, name: str, room: int) -> None:
    """Nor hidden, nor empty, nor is there anything in it that a terminal obeys."""
    names = first_names(sender, name, room)
    assert len(set(names)) == len(names)
    for stored in names:
        assert stored.startswith(f"{sender}_")
        assert len(stored) > len(sender) + 1
        assert not {"/", "\\", "\0", "\n"} & set(stored)
        assert len(stored.encode()) <= NAME_MAX - room
        assert fault_in_text(stored, NAME_MAX) is None


@given(SENDERS, st.text("abcé ", min_size=1, max_size=300), st.text("abcé", min_size=1, max_size=EXTENSION_MAX // 2))
def test_the_extension_is_kept_however_long_the_name_and_whatever_the_number(
    sender: str, stem: str, extension: str
) -> None:
    for stored in first_names(sender, f"{stem}.{extension}"):
        assert stored.endswith(f".{extension}")


@pytest.mark.parametrize(
    ("sender", "name", "stored"),
    [
        ("Hans", "notes.txt", ["Hans_notes.txt", "Hans_notes (1).txt", "Hans_notes (2).txt"]),
        ("Hans", "notes", ["Hans_notes", "Hans_notes (1)", "Hans_notes (2)"]),
        ("j.doe", "notes", ["j.doe_notes", "j.doe_notes (1)", "j.doe_notes (2)"]),
        ("Hans", "a.tar.gz", ["Hans_a.tar.gz", "Hans_a.tar (1).gz", "Hans_a.tar (2).gz"]),
        ("Hans", ".bashrc", ["Hans_.bashrc", "Hans_.bashrc (1)", "Hans_.bashrc (2)"]),
        ("Hans", "end.", ["Hans_end.", "Hans_end. (1)", "Hans_end. (2)"]),
        ("Hans", "/tmp/", ["Hans_file", "Hans_file (1)", "Hans_file (2)"]),
        ("Hans", "a.b c.d" * 9, [f"Hans_{'a.b c.d' * 9}", f"Hans_{'a.b c.d' * 8}a.b c (1).d"]),
    ],
)
def test_a_number_stands_between_the_name_and_its_extension(sender: str, name: str, stored: List[str]) -> None:
    assert first_names(sender, name, count=len(stored)) == stored


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/home/hans/a b.txt", "a b.txt"),
        ("C:\\Users\\hans\\x.doc", "x.doc"),
        ("C:x.doc", "x.doc"),
        ("a/b\\c", "c"),
        ("x\ny\x1b[2J", "x␊y␛[2J"),
        ("Grüße \u202etxt.exe", "Grüße <U+202E>txt.exe"),
        ("a/..", ".."),
        ("", "file"),
        ("a/", "file"),
    ],
)
def test_a_name_is_the_last_part_of_a_path_of_any_system(path: str, name: str) -> None:
    assert base_name(path) == name


def test_the_names_end_at_some_number() -> None:
    """So that nobody makes a client look for ever."""
    names = list(stored_names("Hans", "x" * 300 + ".txt"))
    assert len(set(names)) == len(names) == NAMES_MAX
    assert {len(name) for name in names} == {NAME_MAX}
