"""Whatever people type and a server tells, a recording is a scenario that says just that."""

from __future__ import annotations

from typing import Any, List

from hypothesis import given
from hypothesis import strategies as st

from messenger.client.render import Shown
from messenger.peer.handle import TransferStarted
from messenger.protocol.messages import (
    Active,
    ActiveUserInfo,
    Created,
    Error,
    GroupMessage,
    Invited,
    Message,
    Welcome,
)
from messenger.protocol.text import clean
from messenger.scenario.model import See, Type
from messenger.scenario.parser import parse
from messenger.scenario.pattern import fill
from messenger.scenario.recording import Pen
from tests.support.retold import TIME, WELCOME, told

_CHARACTERS = st.characters(exclude_categories=["Cs"])
hostile = st.one_of(
    st.text(_CHARACTERS, min_size=1).filter(lambda text: not text.isspace()),
    st.lists(
        st.sampled_from(["${", "run", "}", "{", "time", "/", "\\", " ", "x41", "#", "$", "|", "\u200b"]), min_size=1
    )
    .map("".join)
    .filter(lambda text: not text.isspace()),
)


@given(hostile)
def test_what_is_typed_in_a_replay_is_what_was_typed(text: str) -> None:
    line = Pen().types("Yoda", text)
    assert "\n" not in line
    (_, step) = parse(f"@actor Yoda\n{line}", "a").steps
    assert isinstance(step, Type)
    assert fill(step.line, {"dollar": "$"}) == text.replace("\0", "␀")
    assert step.enter


@given(hostile, hostile)
def test_what_is_seen_in_a_replay_is_what_was_seen_and_nothing_else(text: str, other: str) -> None:
    shown: List[Shown] = [Message("Hans", text, TIME, 1)]
    (_, _, _, step) = parse("\n".join(told(WELCOME, *shown)), "a").steps
    assert isinstance(step, See)
    assert step.pattern.match(f"{TIME}, Hans: {clean(text)}", {}) is not None
    if not clean(other).startswith(clean(text)):
        assert step.pattern.match(f"{TIME}, Hans: {clean(other)}", {}) is None


name = st.one_of(st.sampled_from(["Hans", "force", "a b", "a\nb", "server", ""]), st.text(max_size=5))
events = st.one_of(
    st.builds(Message, name, name, st.just(TIME), st.just(1)),
    st.builds(GroupMessage, name, name, name, st.just(TIME), st.just(1)),
    st.builds(Invited, name, name),
    st.builds(Created, st.just(1), name, st.lists(name)),
    st.builds(Active, st.just(1), st.lists(st.builds(ActiveUserInfo, name, name, st.just(1), name))),
    st.builds(Error, st.sampled_from(["offline", "group_exists", "members_unavailable", "not_invited"]), name),
    st.builds(Welcome, st.just(2), name, name, st.lists(name), st.lists(name)),
    st.builds(lambda user, file: TransferStarted(1, "t", "in", user, file, 5), name, name),
    st.sampled_from(["/creategroup a\x01 b", "/msgto Hans \x1b", "/joingroup \u202e", "/p2pvideo Hans x", "/accept 1"]),
)


@given(st.lists(events, max_size=6), st.sampled_from(["Yoda", "Yo\nda", ""]))
def test_whatever_a_hostile_server_tells_the_recording_is_a_scenario(happened: List[Any], user: str) -> None:
    told(Welcome(1, user, TIME, ["a\nb"]), *happened, 0)
