"""What one actor has seen: each line counts once, for the first step that asks for it, in whatever order they came."""

from __future__ import annotations

from typing import Iterable, List

from hypothesis import given
from hypothesis import strategies as st

from messenger.scenario.pattern import Pattern
from messenger.scenario.seen import Seen


def seen(*lines: str) -> Seen:
    """Somebody who has seen these lines."""
    what = Seen()
    for line in lines:
        what.add(line)
    return what


def takes(what: Seen, *texts: str) -> List[bool]:
    """Whether each is there, asked for one after the other."""
    return [what.take(Pattern(text), {}) is not None for text in texts]


def nexts(what: Seen, *texts: str) -> List[bool]:
    """Whether each is there after the one before."""
    return [what.take(Pattern(text), {}, is_next=True) is not None for text in texts]


def test_a_line_counts_once() -> None:
    assert takes(seen("a", "b", "a"), "a", "a", "a", "b", "b") == [True, True, False, True, False]


def test_lines_are_asked_for_in_any_order() -> None:
    assert takes(seen("a", "b", "c"), "c", "a", "b") == [True, True, True]


def test_one_line_is_no_answer_to_two_steps_that_it_fits_both() -> None:
    assert takes(seen("Yoda: hi"), "Yoda", "hi") == [True, False]


def test_what_is_taken_is_the_first_that_fits() -> None:
    what = seen("number 1", "number 2")
    assert what.take(Pattern("number {n:number}"), {}) == {"n": "1"}
    assert what.untaken() == ["number 2"]


def test_what_comes_next_stands_after_the_line_that_was_seen_last() -> None:
    assert nexts(seen("a", "b", "a"), "b", "a", "a") == [True, True, False]
    assert nexts(seen("b", "a"), "a", "b") == [True, False]


def test_what_was_passed_over_can_still_be_asked_for_without_order() -> None:
    what = seen("a", "b", "c")
    assert nexts(what, "c", "b") == [True, False]
    assert takes(what, "b") == [True]
    assert nexts(what, "c") == [False]


def test_the_cursor_goes_back_with_a_line_that_is_taken_without_order() -> None:
    what = seen("a", "b", "c")
    assert nexts(what, "b") + takes(what, "a") + nexts(what, "c") == [True, True, True]


def test_a_line_that_comes_later_is_found() -> None:
    what = seen("a")
    assert takes(what, "b") == [False]
    what.add("b")
    assert takes(what, "b") == [True]


def test_what_is_not_to_be_seen_is_looked_for_among_lines_that_nobody_asked_for() -> None:
    what = seen("a", "a")
    assert takes(what, "a") == [True]
    assert what.find(Pattern("a"), {}) == "a"
    assert takes(what, "a") == [True]
    assert what.find(Pattern("a"), {}) is None


def test_looking_takes_nothing() -> None:
    what = seen("a")
    assert what.find(Pattern("a"), {}) == "a"
    assert takes(what, "a") == [True]


# ---- a line that has only begun -----------------------------------------------------------------------------


def test_a_question_is_seen_before_its_line_is_complete_and_not_again_then() -> None:
    what = seen()
    what.set_partial("Username: ")
    assert takes(what, "Username:", "Username:") == [True, False]
    what.add("Username: Yoda")
    assert takes(what, "Username:") == [False]


def test_a_line_that_is_still_being_written_is_seen_when_it_is_whole() -> None:
    what = seen()
    what.set_partial("Yoda: A long ti")
    assert what.take(Pattern("Yoda: {t:text}"), {}) is None
    what.add("Yoda: A long time ago")
    assert what.take(Pattern("Yoda: {t:text}"), {}) == {"t": "A long time ago"}


def test_a_question_that_stands_there_has_been_seen() -> None:
    what = seen()
    what.set_partial("Password: ")
    assert what.find(Pattern("Password:"), {}) == "Password: "
    assert takes(what, "Password:") == [True]
    assert what.find(Pattern("Password:"), {}) is None


def test_a_line_that_takes_the_place_of_another_question_counts_again() -> None:
    what = seen()
    what.set_partial("Username: ")
    assert takes(what, "Username:") == [True]
    what.set_partial("Password: ")
    assert takes(what, "Password:") == [True]


def test_a_question_that_grows_counts_once() -> None:
    what = seen()
    what.set_partial("User:")
    assert takes(what, "User") == [True]
    what.set_partial("User: name: ")
    assert takes(what, "User") == [False]


def test_a_question_waits_until_something_is_typed() -> None:
    what = seen()
    assert not what.asks("Username:")
    what.set_partial("Username: ")
    assert what.asks("Username:")
    what.answer()
    assert not what.asks("Username:")
    what.set_partial("Username: Yo")
    assert not what.asks("Username:")
    what.add("Username: Yoda")
    what.set_partial("Username: ")
    assert what.asks("Username:")


def test_a_question_that_no_step_answers_needs_none_that_asks_for_it() -> None:
    what = seen()
    what.set_partial("Username: ")
    what.take_question()
    what.add("Username: Yoda")
    assert what.untaken() == []


# ---- answers ------------------------------------------------------------------------------------------------


def test_an_answer_is_what_came_after_something_was_typed() -> None:
    what = seen("before")
    what.answer()
    assert what.take_new() is None
    what.add("after")
    assert [what.take_new(), what.take_new()] == ["after", None]


def test_the_answer_of_a_barrier_moves_no_cursor() -> None:
    what = seen("a", "pong", "b")
    assert nexts(what, "a") == [True]
    assert what.take_answer(Pattern("pong"))
    assert not what.take_answer(Pattern("pong"))
    assert nexts(what, "b") == [True]
    assert what.untaken() == []


# ---- whatever comes -----------------------------------------------------------------------------------------

WORDS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=12)


@given(WORDS, WORDS)
def test_as_many_are_taken_as_there_are(lines: List[str], wanted: List[str]) -> None:
    what = seen(*lines)
    found = takes(what, *wanted)
    for word in "abc":
        asked = sum(1 for one in wanted if one == word)
        assert sum(is_there for one, is_there in zip(wanted, found) if one == word) == min(asked, lines.count(word))
    assert sorted(what.untaken()) == sorted(_without(lines, [w for w, is_there in zip(wanted, found) if is_there]))


@given(WORDS, WORDS)
def test_what_is_found_one_after_the_other_stands_in_that_order(lines: List[str], wanted: List[str]) -> None:
    is_there = all(nexts(seen(*lines), *wanted))
    rest = iter(lines)
    assert is_there == all(word in rest for word in wanted)


def _without(lines: Iterable[str], taken: List[str]) -> List[str]:
    rest = list(lines)
    for line in taken:
        rest.remove(line)
    return rest
