"""What was seen so far, and waiting for what is not seen yet."""

from __future__ import annotations

import re
import threading
from typing import List

import pytest

from messenger.client import transcript as module
from messenger.client.transcript import Transcript
from messenger.errors import ConnectionLost

LONG = 10.0
"""Seconds that no wait here lasts, unless it hangs."""


@pytest.fixture
def seen() -> Transcript:
    transcript = Transcript()
    transcript.add(["one", "two two", "three"])
    return transcript


def has(transcript: Transcript, pattern: str, seconds: float = 0) -> bool:
    return transcript.wait(re.compile(pattern, re.MULTILINE), seconds)


def test_the_search_goes_on_from_the_last_match(seen: Transcript) -> None:
    assert [has(seen, "two") for _ in range(3)] == [True, True, False]
    assert not has(seen, "one"), "what stands before a match is passed"
    assert has(seen, "three")


def test_what_is_not_found_passes_nothing(seen: Transcript) -> None:
    assert not has(seen, "four")
    assert has(seen, "one")


def test_a_pattern_sees_lines_and_may_span_them(seen: Transcript) -> None:
    assert has(seen, "^one$")
    assert has(seen, r"two\nthree$")


def test_a_wait_is_met_by_a_line_that_comes_later_from_another_thread() -> None:
    transcript = Transcript()
    waiter = threading.Thread(target=lambda: results.append(has(transcript, "late", LONG)))
    results: List[bool] = []
    waiter.start()
    transcript.add(["too", "late"])
    waiter.join(LONG)
    assert results == [True]


def test_lines_of_many_threads_are_all_kept() -> None:
    transcript = Transcript()
    start = threading.Barrier(4)

    def add(name: str) -> None:
        start.wait()
        for number in range(200):
            transcript.add([f"{name}{number}."])

    threads = [threading.Thread(target=add, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    for _ in range(800):
        assert has(transcript, r"[abcd]\d+\.")
    assert not has(transcript, ".")


def test_a_wait_ends_with_the_error_that_ended_the_conversation(seen: Transcript) -> None:
    waiting = threading.Timer(0.01, seen.end, [ConnectionLost("broken")])
    waiting.start()
    with pytest.raises(ConnectionLost, match="broken"):
        has(seen, "four", LONG)
    with pytest.raises(ConnectionLost, match="broken"):
        seen.sleep(LONG)


def test_what_was_seen_before_the_end_is_still_found(seen: Transcript) -> None:
    seen.end(ConnectionLost("broken"))
    assert has(seen, "three", LONG)


def test_a_wait_without_a_match_and_a_sleep_return(seen: Transcript) -> None:
    assert not has(seen, "four", 0.01)
    seen.sleep(0.01)


def test_an_enormous_timeout_is_no_error(seen: Transcript) -> None:
    threading.Timer(0.01, seen.add, [["four"]]).start()
    assert has(seen, "four", 1e300)


def test_only_the_latest_text_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TRANSCRIPT_MAX", 1000)
    transcript = Transcript()
    for number in range(1000):
        transcript.add([f"line {number}"])
    assert not has(transcript, "line 5$")
    assert has(transcript, "line 999$")
