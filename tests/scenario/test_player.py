"""How a scenario is played, with programs and a time in memory: order, barriers, blocks, time limits, ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.theatre import PASSWORD, PORT, Theatre


@pytest.fixture
def theatre(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Theatre:
    """An empty stage."""
    return Theatre(tmp_path, monkeypatch)


def failure(theatre: Theatre, text: str, factor: float = 1.0) -> str:
    """What is told of a play that fails."""
    result = theatre.play(text, factor)
    assert result.failure is not None
    assert not result.has_passed
    assert theatre.driver.is_closed
    return str(result.failure)


def test_actors_log_in_one_after_the_other_and_their_lines_go_in_order(theatre: Theatre) -> None:
    result = theatre.play("@actor Yoda, Hans\nYoda > /msgto Hans one\nHans > /msgto Yoda two\n")
    assert result.has_passed
    assert theatre.driver.typed == [
        ("Yoda", "Yoda"),
        ("Yoda", PASSWORD),
        ("Hans", "Hans"),
        ("Hans", PASSWORD),
        ("Yoda", "/msgto Hans one"),
        ("Hans", "/msgto Yoda two"),
    ]
    assert result.steps == 3
    assert theatre.driver.is_closed


def test_what_is_seen_comes_true_and_is_kept_for_later_steps(theatre: Theatre) -> None:
    result = theatre.play(
        "@actor Yoda, Hans\nYoda > /msgto Hans ${run} ${port}\nHans < Yoda: {mine:word} ${port}\n"
        "Yoda > /msgto Hans again ${mine}\nHans < again ${run}\n"
    )
    assert result.has_passed
    assert result.values["mine"] == result.values["run"]
    assert result.values["port"] == str(PORT)


def test_no_password_is_in_the_values_or_the_timeline(theatre: Theatre) -> None:
    result = theatre.play(f"@actor Yoda, Hans\nYoda > /msgto Hans ${{password:Yoda}}\nYoda > /msgto Hans {PASSWORD}")
    assert result.has_passed
    assert not [name for name in result.values if name.startswith("password")]
    assert PASSWORD not in str(result.entries)


def test_a_step_that_does_not_come_true_names_its_line_and_what_came_nearest(theatre: Theatre) -> None:
    told = failure(theatre, "@actor Yoda, Hans\nYoda > /msgto Hans Hello\nHans < Yoda: Hallo\nYoda > /logout\n")
    assert told.startswith("a.scenario:3: Hans < Yoda: Hallo\n  Hans did not see this within 10 s")
    assert "nearest   Yoda: Hello" in told
    assert ("Yoda", "/logout") not in theatre.driver.typed


@pytest.mark.parametrize(
    ("limits", "sign", "factor", "seconds"),
    [
        ("", "<", 1.0, 10),
        ("@timeout 2\n", "<", 1.0, 2),
        ("", "<3", 1.0, 3),
        ("", "<3", 2.5, 7.5),
        ("", "<<0.5", 1, 0.5),
    ],
)
def test_a_step_waits_so_long(theatre: Theatre, limits: str, sign: str, factor: float, seconds: float) -> None:
    told = failure(theatre, f"{limits}@actor Yoda\nYoda {sign} never\n", factor)
    assert f"within {seconds:g} s" in told
    assert seconds <= theatre.driver.now < seconds + 1


def test_a_line_that_comes_late_is_waited_for_and_no_longer(theatre: Theatre) -> None:
    assert theatre.play("@actor Yoda\nYoda > /slow 25 at last\nYoda <30 at last\n").has_passed
    assert 25 <= theatre.driver.now < 26


def test_a_sleep_takes_its_time(theatre: Theatre) -> None:
    assert theatre.play("@actor Yoda\n@sleep 100\n").has_passed
    assert 100 <= theatre.driver.now < 101


# ---- what is not to be seen ---------------------------------------------------------------------------------


def test_what_has_not_come_yet_is_waited_for_before_it_is_said_not_to_come(theatre: Theatre) -> None:
    told = failure(theatre, "@actor Yoda, Hans\nYoda > /msgto Hans Hello\nHans ! Hello\n")
    assert told == "a.scenario:3: Hans ! Hello\n  Hans has seen: Yoda: Hello"


def test_the_barrier_asks_who_has_typed_and_then_who_is_to_see_nothing(theatre: Theatre) -> None:
    assert theatre.play("@actor Yoda, Hans, Rey\nYoda > /msgto Rey Hello\nHans ! Hello\n").has_passed
    assert theatre.driver.typed[-3:] == [("Yoda", "/msgto Rey Hello"), ("Yoda", "/ping"), ("Hans", "/ping")]


def test_nobody_is_asked_twice_who_has_typed_nothing_since(theatre: Theatre) -> None:
    assert theatre.play("@actor Yoda, Hans\nYoda > /msgto Hans a\nHans ! b\nHans ! c\n").has_passed
    assert [who for who, line in theatre.driver.typed if line == "/ping"] == ["Yoda", "Hans", "Hans"]


@pytest.mark.parametrize("check", ["a lacks two", "a lines 1", "b missing"])
def test_what_may_become_wrong_of_a_file_is_looked_at_behind_the_barrier(theatre: Theatre, check: str) -> None:
    text = f"@actor Yoda, Hans\n@write a\n| one\nYoda > /msgto Hans x\n@file {check}\n"
    assert theatre.play(text).has_passed
    assert theatre.driver.typed[-1] == ("Yoda", "/ping")


@pytest.mark.parametrize("check", ["has one", "exists", "over 1 byte", "same as a"])
def test_what_only_becomes_true_of_a_file_is_looked_at_at_once(theatre: Theatre, check: str) -> None:
    text = f"@actor Yoda, Hans\n@write a\n| one\nYoda > /msgto Hans x\n@file a {check}\n"
    assert theatre.play(text).has_passed
    assert theatre.driver.typed[-1] == ("Yoda", "/msgto Hans x")


def test_the_answer_to_the_barrier_is_in_no_timeline(theatre: Theatre) -> None:
    result = theatre.play("@actor Yoda\nYoda ! anything\n")
    assert [entry.text for entry in result.entries if entry.who == "Yoda" and "server is there" in entry.text] == []


def test_what_the_console_has_not_told_yet_is_waited_for_too(theatre: Theatre) -> None:
    text = "@actor Yoda, Hans\nYoda > /msgto Hans Hello\nserver ! wrote\n"
    assert failure(theatre, text).endswith("server has seen: Yoda wrote")
    result = theatre.play(text.replace("! wrote", "! logged out") + "server ! online\n")
    assert result.has_passed
    assert [entry.text for entry in result.entries if "online" in entry.text] == []


def test_a_line_that_was_seen_is_not_there_twice(theatre: Theatre) -> None:
    text = "@actor Yoda, Hans\nYoda > /msgto Hans a\nHans < Yoda: a\nHans ! Yoda: a\n"
    assert theatre.play(text).has_passed
    assert "Hans has seen: Yoda: a" in failure(theatre, text.replace("Hans <", "Yoda > /msgto Hans a\nHans <"))


def test_nothing_is_known_of_somebody_with_half_a_line(theatre: Theatre) -> None:
    told = failure(theatre, "@actor Yoda\nYoda > /msg\\\nYoda ! x\n")
    assert told.endswith("Yoda has typed half a line: that must be entered before this can be known")


def test_a_line_is_typed_in_parts(theatre: Theatre) -> None:
    assert theatre.play("@actor Yoda, Hans\nYoda > /msgto\\\nYoda >  Hans hi\nHans < Yoda: hi\n").has_passed


# ---- at the same time ---------------------------------------------------------------------------------------

TOGETHER = "@actor Yoda, Hans\n@together\nYoda > /slow 5 a\nYoda < a\nHans > /slow 5 b\nHans < b\nYoda > c\n@done\n"


def test_in_a_block_each_goes_on_without_waiting_for_the_others(theatre: Theatre) -> None:
    assert theatre.play(TOGETHER).has_passed
    assert theatre.driver.now < 6
    assert theatre.play(TOGETHER.replace("@together\n", "").replace("@done\n", "")).has_passed
    assert theatre.driver.now > 15


def test_in_a_block_the_steps_of_one_come_in_their_order(theatre: Theatre) -> None:
    theatre.play(TOGETHER)
    assert theatre.driver.typed[-3:] == [("Yoda", "/slow 5 a"), ("Hans", "/slow 5 b"), ("Yoda", "c")]


def test_a_step_that_fails_in_a_block_is_named_and_not_the_block(theatre: Theatre) -> None:
    assert failure(theatre, TOGETHER.replace("Hans < b", "Hans <1 x")).startswith("a.scenario:6: Hans <1 x")


# ---- ends ---------------------------------------------------------------------------------------------------


def test_a_program_ends_with_its_status(theatre: Theatre) -> None:
    assert theatre.play("@actor Yoda\nYoda > /logout\n@ends Yoda 0\n").has_passed
    assert "Yoda ended with status 0, not 4" in failure(theatre, "@actor Yoda\nYoda > /logout\n@ends Yoda 4\n")


def test_a_program_that_does_not_end_is_told_of(theatre: Theatre) -> None:
    assert "Yoda still runs after 2 s" in failure(theatre, "@timeout 2\n@actor Yoda\n@ends Yoda\n")


def test_nobody_waits_for_what_an_ended_program_shows(theatre: Theatre) -> None:
    told = failure(theatre, "@actor Yoda\nYoda > /logout\n@ends Yoda\nYoda < more\n")
    assert "Yoda did not see this and has ended with status 0" in told
    assert theatre.driver.now < 1


@pytest.mark.parametrize("step", ["Yoda > hi", "@pause Yoda", "@kill Yoda"])
def test_nothing_is_done_to_a_program_that_has_ended(theatre: Theatre, step: str) -> None:
    assert "Yoda has ended with status 137" in failure(theatre, f"@actor Yoda\n@kill Yoda\n{step}\n")


def test_a_killed_program_can_be_started_again_and_a_running_one_not(theatre: Theatre) -> None:
    assert theatre.play("@actor Yoda\n@kill Yoda\n@ends Yoda 137\n@actor Yoda\nYoda > /logout\n@ends Yoda 0").has_passed
    assert failure(theatre, "@actor Yoda\n@actor Yoda\n").endswith("Yoda is still running")


def test_what_is_done_to_a_program_is_done_by_the_driver(theatre: Theatre) -> None:
    assert theatre.play("@actor Yoda\n@pause Yoda\n@resume Yoda\n@interrupt Yoda\n@eof Yoda\n@ends Yoda 0").has_passed
    assert theatre.driver.programs["Yoda"].controls == ["pause", "resume", "interrupt", "eof"]


def test_a_server_that_was_killed_starts_again_as_it_was(theatre: Theatre) -> None:
    text = "@server attempts=5 --x\n@actor Yoda\n@kill server\n@ends server 137\n@start server\n"
    assert theatre.play(text).has_passed
    assert [(setup.attempts, setup.options) for setup in theatre.driver.setups] == [(5, ("--x",))] * 2


# ---- what cannot be played ----------------------------------------------------------------------------------


def test_a_scenario_for_another_driver_is_not_played(theatre: Theatre) -> None:
    result = theatre.play("@only terminal: it presses keys\n@actor Yoda\n")
    assert result.skipped == "only for the terminal driver: it presses keys"
    assert theatre.driver.typed == []


@pytest.mark.parametrize(
    "steps",
    [
        "server < Yoda",
        "server ! Yoda",
        "@file userlog.txt lines 1",
        "@garbage Yoda",
        "Yoda < ${udp:Yoda}",
        "@write a\n| ${udp:Yoda}",
        "@together\nYoda > ${udp:Yoda}\n@done",
        "@stop server",
    ],
)
def test_what_looks_at_the_server_is_not_played_with_one_that_runs_already(theatre: Theatre, steps: str) -> None:
    result = theatre.play(f"@actor Yoda\n{steps}\n", server=("127.0.0.1", 1))
    assert result.skipped.startswith("it needs a server of its own")


def test_anything_else_is(theatre: Theatre) -> None:
    steps = "@write Yoda/log.txt\n| udp\n@file Yoda/log.txt lines 1\nYoda > /logout\n@ends Yoda"
    assert theatre.play(f"@actor Yoda\n{steps}\n", server=("127.0.0.1", 1)).has_passed


def test_somebody_without_an_account_is_told_of(theatre: Theatre) -> None:
    assert failure(theatre, "@actor Finn\n").endswith("no account of Finn is known: @account NAME PASSWORD makes one")


def test_a_value_that_is_not_known_fails_the_step_that_asks_for_it(theatre: Theatre) -> None:
    told = failure(theatre, "@actor Yoda\nYoda > ${nothing}\n")
    assert told.startswith("a.scenario:2: Yoda > ${nothing}\n  ${nothing} is not known here")


def test_a_file_that_never_becomes_right_fails_at_the_limit(theatre: Theatre) -> None:
    told = failure(theatre, "@timeout 3\n@actor Yoda\n@write a\n| one\n@file a has two\n")
    assert "no line of a is that:\n    one" in told
    assert 3 <= theatre.driver.now < 4
