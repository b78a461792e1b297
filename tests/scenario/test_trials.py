"""Steps that judge behaviour and no words: tried logins, any answer, bad arguments."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.theatre import PASSWORD, Theatre


@pytest.fixture
def theatre(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Theatre:
    """An empty stage."""
    return Theatre(tmp_path, monkeypatch)


def told(theatre: Theatre, text: str) -> str:
    """What is told of a play that fails, or nothing."""
    return str(theatre.play(text).failure or "")


WRONG = "@refused Yoda wrong\n"


def test_a_right_password_is_let_in_and_a_wrong_one_is_not(theatre: Theatre) -> None:
    assert told(theatre, f"@client Yoda\n{WRONG}@login Yoda {PASSWORD}\nYoda > /logout\n@ends Yoda 0\n") == ""


def test_a_password_may_be_the_value_of_an_account(theatre: Theatre) -> None:
    assert told(theatre, "@client Yoda\n@login Yoda ${password:Yoda}\n") == ""


def test_after_the_last_try_the_end_of_the_program_is_a_refusal(theatre: Theatre) -> None:
    assert told(theatre, f"@client Yoda\n{WRONG}{WRONG}{WRONG}@ends Yoda 4\n") == ""


def test_somebody_who_is_let_in_with_a_wrong_password_is_told_of(theatre: Theatre) -> None:
    assert told(theatre, f"@client Yoda\n@refused Yoda {PASSWORD}\n").startswith(
        "a.scenario:2: @refused Yoda ••••••••\n  Yoda: it is logged in; it shows:"
    )


def test_somebody_who_is_not_let_in_with_the_right_one_is_told_of(theatre: Theatre) -> None:
    assert "Yoda: it is asked again; it shows:" in told(theatre, "@client Yoda\n@login Yoda other\n")


def test_any_line_is_an_answer_but_none_that_came_before(theatre: Theatre) -> None:
    assert told(theatre, "@actor Yoda\nYoda > /slow 3 whatever\n@answered Yoda\n") == ""
    assert theatre.driver.now > 3
    failed = told(theatre, "@actor Yoda\nYoda > /slow 99 whatever\n@answered Yoda\n")
    assert "Yoda is shown nothing in answer within 10 s" in failed


def test_the_end_of_a_program_is_an_answer_where_that_is_said(theatre: Theatre) -> None:
    text = "@actor Yoda\nYoda > /logout\n@answered Yoda"
    assert told(theatre, f"{text} or ends\n") == ""
    assert "Yoda has ended with status 0" in told(theatre, f"{text}\n")
    assert "Yoda is shown nothing in answer" in told(theatre, "@actor Yoda\n@answered Yoda or ends\n")


@pytest.mark.parametrize("attempts", ["6", "-1", "abc", ""])
def test_a_server_that_refuses_its_arguments_is_right(theatre: Theatre, attempts: str) -> None:
    assert told(theatre, f"@bad-attempts {attempts}\n") == ""
    assert theatre.driver.setups[-1].attempts == attempts


@pytest.mark.parametrize(
    ("attempts", "fault"),
    [
        ("accepted", "the server takes this number of attempts"),
        ("mute", "the server ends without a word"),
        ("traceback", "the server ends with a traceback"),
        ("hangs", "the server still runs 20 s after it was started"),
    ],
)
def test_a_server_that_takes_them_or_does_not_say_why_is_told_of(theatre: Theatre, attempts: str, fault: str) -> None:
    assert fault in told(theatre, f"@bad-attempts {attempts}\n")


def test_garbage_needs_a_port_that_is_known(theatre: Theatre) -> None:
    assert told(theatre, "@actor Yoda\n@garbage Yoda\n").endswith(
        "the UDP port of Yoda is not known: userlog.txt has no line of it"
    )
