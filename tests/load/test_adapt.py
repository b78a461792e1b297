"""A scenario as load: its actors become roles, and what makes no sense many times at once is left out or refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.errors import ConfigError
from messenger.load.adapt import adapt
from messenger.scenario.model import FileCheck, LogIn, Make, Miss, Place, Scenario, See, Start, Type
from messenger.scenario.parser import parse

TALK = """# A group is made, and a file sent.
@server attempts=3
@actor Yoda, Obi-Wan
@make Yoda/clip.mp4 1 kB
Yoda > /creategroup JEDI Obi-Wan
Obi-Wan < Yoda invited you to the group JEDI
Yoda > /groupmsg JEDI Obi-Wan, this is Yoda; not Yoda-2
Yoda ! JEDI, Yoda
Yoda > /p2pvideo Obi-Wan clip.mp4
@file Obi-Wan/Yoda_clip.mp4 same as Yoda/clip.mp4
@file messagelog.txt lines 1
server < Yoda made the group
"""


def scenario(text: str) -> Scenario:
    return parse(text, "talk.scenario")


def test_names_are_those_of_accounts_in_all_that_is_typed_and_seen() -> None:
    adapted = adapt(scenario(TALK))
    assert (adapted.users, adapted.groups) == (("Yoda", "Obi-Wan"), ("JEDI",))
    steps = adapted.cast({"Yoda": "load-1", "Obi-Wan": "load-2"}, "77").steps
    assert [client.user for step in steps if isinstance(step, Start) for client in step.clients] == ["load-1", "load-2"]
    assert [step.line for step in steps if isinstance(step, Type)] == [
        "/creategroup JEDI77 load-2",
        "/groupmsg JEDI77 load-2, this is load-1; not Yoda-2",
        "/p2pvideo load-2 clip.mp4",
    ]
    assert [step.pattern.text for step in steps if isinstance(step, (See, Miss))] == [
        "load-1 invited you to the group JEDI77",
        "JEDI77, load-1",
    ]
    assert [step.path for step in steps if isinstance(step, FileCheck)] == ["Obi-Wan/load-1_clip.mp4"]


def test_names_are_those_of_accounts_in_scripts_and_logins_too() -> None:
    text = (
        "@actor Luke\n@write go.txt\n| ${password:Yoda}\n| /joingroup ALL\n| /msgto Luke 1\n"
        "@client left\nleft > Yoda\nleft > ${password:Yoda}\nLuke > /creategroup ALL Yoda\n"
    )
    adapted = adapt(scenario(text))
    assert (adapted.users, adapted.groups) == (("Luke", "left", "Yoda"), ("ALL",))
    steps = adapted.cast({"Luke": "a1", "left": "a2", "Yoda": "a3"}, "77").steps
    assert [step.lines for step in steps if isinstance(step, Make)] == [
        ("${password:a3}", "/joingroup ALL77", "/msgto a1 1")
    ]
    assert [step.line for step in steps if isinstance(step, Type)] == [
        "a3",
        "${password:a3}",
        "/creategroup ALL77 a3",
    ]


def test_a_password_that_a_login_answers_with_is_that_of_the_account() -> None:
    place = Place("talk.scenario", 1)
    given = replace(scenario("@actor Yoda\n"), steps=[LogIn(place, "", "Yoda", "${password:Yoda}", True)])
    (step,) = adapt(given).cast({"Yoda": "a1"}, "").steps
    assert isinstance(step, LogIn)
    assert step.password == "${password:a1}"
    with pytest.raises(ConfigError, match="a block lasts longer than the play"):
        adapt(replace(given, steps=[LogIn(place, "", "Yoda", "wrong", False)]))


def test_what_is_about_the_server_is_left_out_and_listed() -> None:
    assert adapt(scenario(TALK)).left_out == (
        "@server attempts=3",
        "@file messagelog.txt lines 1",
        "server < Yoda made the group",
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("@server --durable\n@actor Yoda\n", "it needs a server of its own"),
        ("@account Jar-Jar meesa\n@actor Jar-Jar\n", "it needs a server of its own"),
        ("@actor Yoda\n@kill server\n", "it needs a server of its own"),
        ("@actor Yoda\n@kill Yoda\n", "talk.scenario:2: cannot be load: @kill Yoda"),
        ("@only terminal: it looks at the screen\n@actor Yoda\n", "only for terminals, it looks at the screen"),
        ("@actor Yoda\nYoda > /activeuser\nYoda < no other active user\n", "somebody else is always online"),
        (
            "@server attempts=2\n@client Yoda\nYoda > Yoda\nYoda > x\nYoda < this account is blocked\n",
            "talk.scenario:5: cannot be load: how many failures block is the server's affair",
        ),
        (
            "@client Yoda\nYoda > Yoda\nYoda > x\nYoda < error: wrong user name or password\n",
            "talk.scenario:4: cannot be load: failed logins that no good one follows add up to a block",
        ),
    ],
)
def test_what_cannot_be_load_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        adapt(scenario(text))


@given(st.lists(st.sampled_from(["Yoda", "Obi-Wan", " ", ", ", "x", ": ", "_clip", "/", "hello"]), max_size=12))
def test_no_actor_s_name_is_left_in_a_line(words: list[str]) -> None:
    line = "".join(words).strip() or "x"
    adapted = adapt(scenario(f"@actor Yoda, Obi-Wan\nYoda > {line}\n"))
    steps = adapted.cast({"Yoda": "a1", "Obi-Wan": "a2"}, "").steps
    (typed,) = [step.line for step in steps if isinstance(step, Type)]
    for word in typed.replace(",", " ").replace(":", " ").replace("/", " ").split():
        assert word not in ("Yoda", "Obi-Wan")
