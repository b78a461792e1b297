"""Passwords are found in whatever is shown, and nothing else is."""

from __future__ import annotations

from typing import List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.scenario.hiding import HIDDEN, hiding

SHOWN = [
    (["comp9331"], "Password: comp9331", f"Password: {HIDDEN}"),
    (["comp9331"], "xcomp9331x comp9331", f"x{HIDDEN}x {HIDDEN}"),
    (["cat"], "a cat, no category", f"a {HIDDEN}, no category"),
    (["cat"], '{"password":"cat"}', f'{{"password":"{HIDDEN}"}}'),
    (["secret", "secret!"], "secret! secret", f"{HIDDEN} {HIDDEN}"),
    (["a b  c(.*)"], "a b  c(.*) abc", f"{HIDDEN} abc"),
    (["müsli1"], "müsli1", HIDDEN),
    ([], "all of it", "all of it"),
]


@pytest.mark.parametrize(("passwords", "text", "shown"), SHOWN)
def test_a_password_is_not_shown(passwords: List[str], text: str, shown: str) -> None:
    assert hiding(passwords)(text) == shown


@given(st.lists(st.text("abc(.\\", min_size=6, max_size=9), min_size=1), st.lists(st.text("abc(.\\ ", max_size=5)))
def test_no_long_password_is_left_in_any_text(passwords: List[str], rest: List[str]) -> None:
    text = " ".join([*rest, *passwords, *rest])
    hidden = hiding(passwords)(text)
    assert not [password for password in passwords if password in hidden]


@given(st.text("abc "))
def test_a_text_without_passwords_stays_as_it_is(text: str) -> None:
    assert hiding(["secret", "x"])(text) == text
