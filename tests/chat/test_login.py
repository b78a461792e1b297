"""Logging in: right, wrong, blocked, twice; and what activitylog.txt says of it."""

from __future__ import annotations

from typing import Tuple

import pytest

from messenger.chat.accounts import BLOCK_SECONDS
from messenger.protocol.messages import ActiveUser, Login, MsgTo, Ping
from tests.support.sink import Chat


def code_of(chat: Chat, name: str, password: str = "wrong", address: str = "127.0.0.1") -> str:
    """Try to log in from a connection of its own; return the error code, or `welcome`."""
    reply = chat.login(chat.connect(address), name, password)
    return str(reply.get("code", reply["type"]))


def test_a_login_is_welcomed_and_shows_everywhere() -> None:
    chat = Chat()
    session = chat.connect("129.64.1.11")
    assert chat.login(session, "Yoda", udp_port=6666) == {
        "type": "welcome", "id": 0, "username": "Yoda", "time": "01 Jun 2022 21:30:04",
    }  # fmt: skip
    assert list(chat.state.online) == ["Yoda"]
    assert chat.sink.activity == ["1; 01 Jun 2022 21:30:04; Yoda; 129.64.1.11; 6666; login\n"]
    assert chat.sink.presence_changes == 1
    assert chat.sink.told == ["Yoda logged in from 129.64.1.11, UDP port 6666 (1 online)"]


@pytest.mark.parametrize(
    ("name", "password"), [("yoda", "comp9331"), ("Yoda", "COMP9331"), ("Yoda", "comp9331 "), ("Yoda", "")]
)
def test_names_and_passwords_are_taken_exactly(name: str, password: str) -> None:
    assert code_of(Chat(), name, password) == "login_failed"


@pytest.mark.parametrize("name", ["Nobody", "", "yoda", "x" * 60_000, "a; b\n1; forged", "\u202eadoY"])
def test_a_name_that_exists_and_one_that_does_not_get_the_same_answers(name: str) -> None:
    """The same bytes through failures, block and after it; only the names differ."""
    answers = []
    for tried in ("Hans", name):
        chat = Chat(attempts=2)
        replies = [chat.login(chat.connect(), tried, "wrong") for _ in range(3)]
        chat.now += BLOCK_SECONDS
        answers.append([*replies, chat.login(chat.connect(), tried, "wrong")])
    assert answers[0] == answers[1]


def test_an_unknown_name_is_logged_as_a_dash_and_never_told() -> None:
    """Somebody may type the password where the name belongs."""
    chat = Chat()
    chat.login(chat.connect(), "comp9331", "Yoda", udp_port=7)
    assert chat.sink.activity == ["1; 01 Jun 2022 21:30:04; -; 127.0.0.1; 7; refused\n"]
    assert chat.sink.told == ["login as an unknown name refused, from 127.0.0.1: wrong name or password"]


def test_activity_is_one_line_each_and_numbered() -> None:
    chat = Chat(attempts=1)
    hans = chat.enter("Hans", 1)
    code_of(chat, "Hans", "falcon*solo")
    code_of(chat, "Yoda", "wrong")
    code_of(chat, "Yoda", "comp9331")
    chat.leave(hans)
    assert [line.replace("; 01 Jun 2022 21:30:04; ", " ") for line in chat.sink.activity] == [
        "1 Hans; 127.0.0.1; 1; login\n",
        "2 Hans; 127.0.0.1; 13000; refused\n",
        "3 Yoda; 127.0.0.1; 13000; blocked\n",
        "4 Yoda; 127.0.0.1; 13000; blocked\n",
        "5 Hans; 127.0.0.1; 1; lost\n",
    ]


@pytest.mark.parametrize("attempts", [1, 2, 3, 4, 5])
def test_the_nth_consecutive_failure_blocks_and_closes(attempts: int) -> None:
    chat = Chat(attempts)
    session = chat.connect()
    for _ in range(attempts - 1):
        reply = chat.login(session, "Yoda", "wrong")
        assert (reply["code"], session.closing) == ("login_failed", False)
    reply = chat.login(session, "Yoda", "wrong")
    assert (reply["code"], reply["retry_after"]) == ("blocked", BLOCK_SECONDS)
    assert "blocked" in reply["message"]
    assert chat.sink.closed == [session]
    assert session.closing


def test_the_block_lasts_exactly_ten_seconds_and_attempts_do_not_prolong_it() -> None:
    chat = Chat(attempts=2)
    start = chat.now
    assert [code_of(chat, "Yoda"), code_of(chat, "Yoda")] == ["login_failed", "blocked"]
    for second in range(10):
        chat.now = start + second
        assert code_of(chat, "Yoda", "comp9331", f"10.0.0.{second}") == "blocked", "from any address"
        assert code_of(chat, "Yoda", "wrong") == "blocked"
    chat.now = start + 9.999
    assert code_of(chat, "Yoda", "comp9331") == "blocked"
    chat.now = start + 10
    assert code_of(chat, "Yoda", "comp9331") == "welcome"


def test_retry_after_counts_down() -> None:
    chat = Chat(attempts=1)
    code_of(chat, "Yoda")
    chat.now += 6.5
    reply = chat.login(chat.connect(), "Yoda")
    assert reply["retry_after"] == pytest.approx(3.5)
    assert reply["message"].endswith("try again in 4 s")


def test_after_the_block_the_count_is_at_zero() -> None:
    chat = Chat(attempts=2)
    assert [code_of(chat, "Yoda"), code_of(chat, "Yoda")] == ["login_failed", "blocked"]
    chat.now += 10
    assert [code_of(chat, "Yoda"), code_of(chat, "Yoda")] == ["login_failed", "blocked"]


def test_failures_count_over_all_terminals_and_addresses() -> None:
    chat = Chat(attempts=3)
    assert [code_of(chat, "Yoda", address=f"10.0.0.{n}") for n in range(3)] == ["login_failed"] * 2 + ["blocked"]


def test_a_success_resets_the_count() -> None:
    chat = Chat(attempts=2)
    assert [code_of(chat, "Yoda"), code_of(chat, "Yoda", "comp9331")] == ["login_failed", "welcome"]
    assert [code_of(chat, "Yoda"), code_of(chat, "Yoda")] == ["login_failed", "blocked"]


def test_other_users_are_not_affected_by_a_block() -> None:
    chat = Chat(attempts=1)
    assert [code_of(chat, "Yoda"), code_of(chat, "Hans", "falcon*solo")] == ["blocked", "welcome"]


def test_a_session_that_is_online_is_not_touched_by_a_block_of_its_name() -> None:
    chat = Chat(attempts=1)
    yoda = chat.enter("Yoda")
    hans = chat.enter("Hans")
    assert code_of(chat, "Yoda") == "blocked"
    assert chat.say(yoda, MsgTo(1, "Hans", "still here"))[0]["type"] == "sent"
    assert chat.heard(hans)[0]["text"] == "still here"


def test_a_second_login_is_refused_and_the_first_goes_on() -> None:
    chat = Chat()
    yoda, hans = chat.enter("Yoda"), chat.enter("Hans")
    second = chat.connect("10.0.0.9")
    reply = chat.login(second, "Yoda")
    assert reply["code"] == "already_online"
    assert "Yoda" in reply["message"]
    assert not second.closing
    assert chat.state.online["Yoda"] is yoda
    assert chat.say(hans, MsgTo(1, "Yoda", "hi"))[0]["type"] == "sent"
    assert len(chat.heard(yoda)) == 1
    assert chat.heard(second) == []


def test_losing_a_refused_second_login_does_not_log_the_first_one_out() -> None:
    chat = Chat()
    yoda = chat.enter("Yoda")
    second = chat.connect()
    chat.login(second, "Yoda")
    chat.leave(second)
    assert chat.state.online == {"Yoda": yoda}


def test_a_login_inside_a_session_is_refused() -> None:
    chat = Chat()
    reply = chat.refused(chat.enter("Yoda"), Login(5, "Hans", "falcon*solo"))
    assert (reply["code"], reply["id"]) == ("logged_in_already", 5)


def test_another_protocol_version_is_refused_and_counts_as_nothing() -> None:
    chat = Chat(attempts=1)
    session = chat.connect()
    (reply,) = chat.say(session, Login(1, "Yoda", "wrong", protocol=2))
    assert reply["code"] == "bad_protocol"
    assert chat.login(session, "Yoda")["type"] == "welcome"


def test_nothing_but_login_and_ping_works_before_the_login() -> None:
    chat = Chat()
    stranger = chat.connect()
    assert chat.refused(stranger, MsgTo(1, "Yoda", "hi"))["code"] == "login_first"
    assert chat.refused(stranger, ActiveUser(2))["code"] == "login_first"
    assert chat.say(stranger, Ping(3)) == [{"type": "pong", "id": 3}]


def test_commands_behind_a_login_in_one_packet_are_carried_out() -> None:
    chat = Chat()
    replies = chat.say(chat.connect(), ActiveUser(1), Login(2, "Yoda", "comp9331"), ActiveUser(3))
    assert [reply.get("code", reply["type"]) for reply in replies] == ["login_first", "welcome", "active"]


def test_commands_behind_the_failure_that_blocks_are_dropped() -> None:
    chat = Chat(attempts=1)
    replies = chat.say(chat.connect(), Login(1, "Yoda", "wrong"), Login(2, "Hans", "falcon*solo"), Ping(3))
    assert [reply.get("code") for reply in replies] == ["blocked"]
    assert not chat.state.online


def slow_chat(attempts: int = 3) -> Tuple[Chat, Login, Login]:
    """Return a chat in which only another thread can tell whether a password is right, and two logins of Yoda."""
    secret = f"$scrypt$ln=1,r=1,p=1$AAAA${'A' * 22}"
    return Chat(attempts, {"Yoda": secret, "Hans": secret}), Login(1, "Yoda", "right"), Login(2, "Yoda", "wrong")


def test_requests_behind_a_password_check_wait_for_it() -> None:
    chat, login, _ = slow_chat()
    session = chat.connect()
    rest = chat.rules.handle(session, [login, ActiveUser(2), Ping(3)], chat.moment, chat.sink)
    assert rest == [ActiveUser(2), Ping(3)]
    assert chat.sink.verifications == [(session, login)]
    assert chat.heard(session) == []
    chat.rules.verified(session, login, True, chat.moment, chat.sink)
    assert [event["type"] for event in chat.heard(session) + chat.say(session, *rest)] == ["welcome", "active", "pong"]


def test_what_comes_while_a_password_is_checked_waits_too() -> None:
    """Otherwise one connection could be logged in under two names."""
    chat, login, _ = slow_chat()
    session = chat.connect()
    chat.rules.handle(session, [login], chat.moment, chat.sink)
    second = Login(2, "Hans", "right")
    assert chat.rules.handle(session, [second], chat.moment, chat.sink) == [second]
    assert chat.sink.verifications == [(session, login)]
    chat.rules.verified(session, login, True, chat.moment, chat.sink)
    assert chat.rules.handle(session, [second], chat.moment, chat.sink) == []
    assert list(chat.state.online) == ["Yoda"]


def test_only_one_guess_for_a_name_is_checked_at_a_time() -> None:
    """Parallel guesses cannot outrun the counting."""
    chat, right, wrong = slow_chat(attempts=1)
    sessions = [chat.connect() for _ in range(100)]
    for session in sessions:
        chat.rules.handle(session, [wrong], chat.moment, chat.sink)
    assert len(chat.sink.verifications) == 1
    assert {chat.heard(session)[0]["code"] for session in sessions[1:]} == {"login_in_progress"}
    chat.rules.verified(sessions[0], wrong, False, chat.moment, chat.sink)
    assert chat.heard(sessions[0])[0]["code"] == "blocked"
    assert chat.say(chat.connect(), right)[0]["code"] == "blocked"


def test_a_guess_whose_connection_is_gone_still_counts() -> None:
    chat, _, wrong = slow_chat(attempts=1)
    session = chat.connect()
    chat.rules.handle(session, [wrong], chat.moment, chat.sink)
    chat.leave(session)
    chat.rules.verified(session, wrong, False, chat.moment, chat.sink)
    assert chat.say(chat.connect(), wrong)[0]["code"] == "blocked"


def test_a_right_password_whose_connection_is_gone_logs_nobody_in() -> None:
    chat, right, _ = slow_chat()
    session = chat.connect()
    chat.rules.handle(session, [right], chat.moment, chat.sink)
    chat.leave(session)
    chat.rules.verified(session, right, True, chat.moment, chat.sink)
    assert not chat.state.online
    assert not chat.sink.presence_changes


def test_a_login_that_finds_no_room_to_be_checked_is_busy_and_not_counted() -> None:
    chat, login, wrong = slow_chat(attempts=1)
    chat.sink.takes_verifications = False
    session = chat.connect()
    assert [chat.say(session, wrong)[0]["code"] for _ in range(3)] == ["busy"] * 3
    chat.sink.takes_verifications = True
    chat.rules.handle(session, [login], chat.moment, chat.sink)
    chat.rules.verified(session, login, True, chat.moment, chat.sink)
    assert chat.heard(session)[0]["type"] == "welcome"


def test_two_right_logins_of_one_name_that_are_checked_at_once_let_one_in() -> None:
    chat, login, _ = slow_chat()
    first, second = chat.connect(), chat.connect()
    chat.rules.handle(first, [login], chat.moment, chat.sink)
    chat.rules.handle(second, [login], chat.moment, chat.sink)
    chat.rules.verified(first, login, True, chat.moment, chat.sink)
    assert chat.heard(first)[0]["type"] == "welcome"
    assert chat.heard(second)[0]["code"] == "login_in_progress"
    assert chat.state.online == {"Yoda": first}
