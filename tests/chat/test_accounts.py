"""The credentials file, the check of passwords, and the count of failures."""

from __future__ import annotations

from typing import Dict, List

import pytest

from messenger.chat import accounts
from messenger.chat.accounts import Accounts, ScryptHash, Throttle, parse_credentials
from messenger.errors import ConfigError

HASH = str(ScryptHash.make("secret", b"0123456789abcdef", ln=4, r=8, p=1))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"Yoda comp9331\n", {"Yoda": "comp9331"}),
        (b"Yoda comp9331", {"Yoda": "comp9331"}),
        (b"Yoda a\r\nHans b\r\n", {"Yoda": "a", "Hans": "b"}),
        (b"Yoda a\r\nHans b", {"Yoda": "a", "Hans": "b"}),
        (b"\xef\xbb\xbfYoda a\n", {"Yoda": "a"}),
        (b"\n\n# comment\nYoda a\n   \n#x y\n", {"Yoda": "a"}),
        (b"Yoda two  words \n", {"Yoda": "two  words "}),
        (b"Yoda  lead\n", {"Yoda": " lead"}),
        (b"Yoda #x\n", {"Yoda": "#x"}),
        (b"Yoda a\nyoda b\n", {"Yoda": "a", "yoda": "b"}),
        (b"Obi-Wan a\nr2D2 b\n3.P_O c\n", {"Obi-Wan": "a", "r2D2": "b", "3.P_O": "c"}),
        (b"x" * 32 + b" d\n", {"x" * 32: "d"}),
        ("Yoda gr\u00fc\u00dfe\n".encode(), {"Yoda": "gr\u00fc\u00dfe"}),
        (b"Yoda " + b"p" * 1024 + b"\n", {"Yoda": "p" * 1024}),
        (b"Yoda scrypt$x\n", {"Yoda": "scrypt$x"}),
        (f"Yoda {HASH}\n".encode(), {"Yoda": HASH}),
    ],
)  # fmt: skip
def test_a_good_file_is_read(data: bytes, expected: Dict[str, str]) -> None:
    assert parse_credentials(data) == expected


@pytest.mark.parametrize(
    ("data", "line", "names"),
    [
        (b"Yoda a\nHans b\nYoda c\n", 3, "Yoda"),
        (b"Yoda\n", 1, "Yoda"),
        (b"Yoda \n", 1, "Yoda"),
        (b"Yoda    \n", 1, "Yoda"),
        (b"Hans a\r\n\r\nYoda\r\n", 3, "Yoda"),
        (b" Yoda a\n", 1, "''"),
        (b"Yoda\ta\n", 1, "no user name"),
        (b"-Yoda a\n", 1, "-Yoda"),
        (b".x a\n", 1, ".x"),
        (b"Yo;da a\n", 1, "Yo;da"),
        (b"../x a\n", 1, "../x"),
        (b"x" * 33 + b" a\n", 1, "x" * 33),
        ("Jos\u00e9 a\n".encode(), 1, "Jos\u00e9"),
        ("\u0663a a\n".encode(), 1, "\u0663a"),
        (b"Yoda a\x1bb\n", 1, "Yoda"),
        (b"Yoda a\x00\n", 1, "Yoda"),
        (b"Hans a\rYoda b\n", 1, "Hans"),
        (b"Yoda " + b"p" * 1025 + b"\n", 1, "Yoda"),
        (b"Hans a\nYoda \xff\n", 2, "UTF-8"),
        (b"Yoda $scrypt$\n", 1, "Yoda"),
        (b"Yoda $scrypt$ln=14,r=8,p=5$AAAA\n", 1, "Yoda"),
        (b"Yoda $scrypt$ln=14,r=8,p=5$AAAA$A\n", 1, "Yoda"),
        (b"Yoda $scrypt$ln=14,r=8,p=5$AAAA$" + b"A" * 43 + b" x\n", 1, "Yoda"),
        (b"Yoda $scrypt$ln=14,r=8,p=5$AAAA$AAAA\n", 1, "Yoda"),
        (b"Yoda $scrypt$ln=19,r=8,p=1$AAAA$" + b"A" * 43 + b"\n", 1, "Yoda"),
        (b"Yoda $scrypt$ln=0,r=8,p=1$AAAA$" + b"A" * 43 + b"\n", 1, "Yoda"),
        (b"Yoda $scrypt$ln=14,r=8,p=17$AAAA$" + b"A" * 43 + b"\n", 1, "Yoda"),
        (b"Yoda $scrypt$ln=14,r=0,p=1$AAAA$" + b"A" * 43 + b"\n", 1, "Yoda"),
    ],
)
def test_a_bad_line_is_refused_and_named(data: bytes, line: int, names: str) -> None:
    with pytest.raises(ConfigError) as failure:
        parse_credentials(data)
    assert str(failure.value).startswith(f"line {line}: ")
    assert names in str(failure.value)
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("data", [b"", b"\n", b"# only a comment\n", b"\xef\xbb\xbf"])
def test_a_file_without_an_account_is_refused(data: bytes) -> None:
    with pytest.raises(ConfigError, match="no account"):
        parse_credentials(data)


@pytest.mark.parametrize("cost", ["ln=15,r=1,p=1", "ln=17,r=1,p=1", "ln=18,r=64,p=1", "ln=18,r=16,p=4"])
def test_a_hash_that_is_accepted_can_be_computed(cost: str) -> None:
    """One that needs more memory than 256 MiB, or that the library can't compute, is refused when the file is read."""
    secret = f"$scrypt${cost}$AAAAAAAAAAAAAAAAAAAAAA${'A' * 43}"
    try:
        parsed = ScryptHash.parse(secret)
    except ValueError:
        return
    assert 128 * parsed.r << parsed.ln <= 256 * 1024 * 1024
    parsed.verify("x")


def test_a_hash_is_written_and_read_back() -> None:
    parsed = ScryptHash.parse(HASH)
    assert str(parsed) == HASH
    assert parsed.verify("secret")
    assert not parsed.verify("Secret")
    assert not parsed.verify("\ud800")


def test_a_default_hash_is_costly_and_accepted() -> None:
    assert ScryptHash.parse(str(ScryptHash(14, 8, 5, b"s" * 16, b"d" * 32))) == (14, 8, 5, b"s" * 16, b"d" * 32)


def test_plain_passwords_are_checked_at_once() -> None:
    checker = Accounts({"Yoda": "a b", "Hans": "h"}, b"k" * 32)
    assert checker.check_fast("Yoda", "a b") is True
    assert [checker.check_fast(*wrong) for wrong in [("Yoda", "h"), ("yoda", "a b"), ("No", ""), ("", "")]] == [
        False
    ] * 4


def test_a_name_cannot_borrow_the_line_between_name_and_password() -> None:
    checker = Accounts({"a": "b\nc"}, b"k" * 32)
    assert checker.check_fast("a\nb", "c") is False


def test_where_there_is_a_hash_every_wrong_attempt_costs_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the name is unknown, has a plain password or a hashed one."""
    checker = Accounts({"Yoda": HASH, "Hans": "plain"}, b"k" * 32)
    computed: List[str] = []
    original = ScryptHash._digest

    def counting(secret: ScryptHash, password: str) -> bytes:
        computed.append(password)
        return original(secret, password)

    monkeypatch.setattr(ScryptHash, "_digest", counting)
    for name in ("Yoda", "Hans", "Nobody"):
        assert checker.check_fast(name, "wrong") is None
        assert checker.check_slow(name, "wrong") is False
    assert computed == ["wrong"] * 3
    assert checker.check_slow("Nobody", "secret") is False, "the decoy's password is nobody's"
    assert checker.check_slow("Hans", "secret") is False


def test_a_verified_hash_is_not_computed_again() -> None:
    checker = Accounts({"Yoda": HASH}, b"k" * 32)
    assert checker.check_fast("Yoda", "secret") is None
    assert checker.check_slow("Yoda", "secret") is True
    assert checker.check_fast("Yoda", "secret") is True
    assert checker.check_fast("Yoda", "Secret") is None


def test_the_table_of_failures_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name untouched longest is forgotten first."""
    monkeypatch.setattr(accounts, "THROTTLE_NAMES_MAX", 100)
    throttle = Throttle(2)
    for number in range(1000):
        assert throttle.reserve(f"name{number}")
        throttle.settle(f"name{number}", False, 0.0)
    assert len(throttle._failures) == 100
    assert throttle.reserve("name999")
    assert throttle.settle("name999", False, 0.0), "still counted"
    assert throttle.reserve("name0")
    assert not throttle.settle("name0", False, 0.0), "forgotten"


def test_names_that_are_too_long_to_exist_cannot_fill_the_memory() -> None:
    throttle = Throttle(2)
    throttle.reserve("x" * 1_000_000)
    assert max(len(name) for name in throttle._failures) <= 40


def test_a_reserved_attempt_that_was_given_back_does_not_count() -> None:
    throttle = Throttle(1)
    assert throttle.reserve("Yoda")
    assert not throttle.reserve("Yoda")
    throttle.release("Yoda")
    assert throttle.blocked_for("Yoda", 0.0) == 0
    assert throttle.reserve("Yoda")
