"""Keys: both sides must agree on everything; and who reads the datagrams learns nothing of the file."""

from __future__ import annotations

from typing import Final, List, Set

import hypothesis.strategies as st
import pytest
from hypothesis import given

from messenger.transfer.datagram import CONTROL
from messenger.transfer.geometry import CHUNK_SIZE, HEADER_SIZE, TAG_SIZE
from messenger.transfer.sealing import (
    AES,
    CHACHA,
    CIPHERS,
    Agreement,
    ChunkCipher,
    ControlOpener,
    ControlSealer,
    KeyExchangeFailed,
    Secrets,
    derive,
    is_receipt,
    open_claims,
    public_key,
    receipt_of,
    seal_claims,
)
from tests.transfer.world import DELIVERED, Weather, World

OURS, THEIRS = bytes(range(32)), bytes(range(100, 132))
AGREEMENT: Final = Agreement("5f2b", "Hans", "Yoda", "notes.txt", 1000, CHACHA)
MARK: Final = b"ALL WORK AND NO PLAY MAKES JACK. "
LOUD: Final = (MARK * 7000)[: 3 * CHUNK_SIZE]


def at_sender(agreement: Agreement = AGREEMENT) -> Secrets:
    return derive(OURS, public_key(THEIRS), agreement, public_key(OURS), public_key(THEIRS))


def at_receiver(agreement: Agreement = AGREEMENT) -> Secrets:
    return derive(THEIRS, public_key(OURS), agreement, public_key(OURS), public_key(THEIRS))


def blocks(world: World) -> Set[bytes]:
    """All 16 bytes that stand together in the data that was sent, wherever they begin."""
    data = [sent.data[HEADER_SIZE:] for sent in world.captured if sent.data[0] != CONTROL]
    return {part[start : start + 16] for part in data for start in range(len(part) - 15)}


def test_both_sides_derive_the_same_and_each_secret_is_another() -> None:
    secrets = at_sender()
    assert secrets == at_receiver()
    assert len(set(secrets)) == len(secrets)
    assert [len(secret) for secret in secrets[:4]] == [16] * 4
    assert max(secrets.sender_id, secrets.receiver_id) < 1 << 40


@pytest.mark.parametrize(
    "other",
    [
        AGREEMENT._replace(transfer="5f2c"),
        AGREEMENT._replace(sender="hans"),
        AGREEMENT._replace(receiver="Obi"),
        AGREEMENT._replace(name="notes.txt "),
        AGREEMENT._replace(size=1001),
        AGREEMENT._replace(cipher=AES),
        AGREEMENT._replace(sender="Yoda", receiver="Hans"),
        AGREEMENT._replace(transfer="5f2bH", sender="ans"),
    ],
    ids=lambda agreement: "-".join(map(str, agreement)),
)
def test_where_they_disagree_in_anything_nothing_authenticates(other: Agreement) -> None:
    ours, theirs = at_sender(), at_receiver(other)
    assert not set(ours) & set(theirs)
    assert ControlOpener(theirs.to_receiver).open(ControlSealer(ours.to_receiver, 1).seal(b"hello")) is None
    assert open_claims(ours.claims, seal_claims(theirs.claims, b"claims")) is None
    sealed = memoryview(bytearray(1000 + TAG_SIZE))
    ChunkCipher(ours.chunks, CHACHA).seal_into(0, bytes(1000), sealed)
    assert not ChunkCipher(theirs.chunks, other.cipher).open_into(0, sealed, memoryview(bytearray(1000)))


def test_a_key_in_the_middle_is_noticed() -> None:
    """Who exchanges the public keys on the way has keys with both sides, but theirs differ from each other's; and the
    order of the keys counts."""
    assert derive(OURS, public_key(THEIRS), AGREEMENT, public_key(THEIRS), public_key(OURS)) != at_sender()
    assert derive(OURS, public_key(THEIRS), AGREEMENT, public_key(OURS), public_key(OURS)) != at_sender()


@pytest.mark.parametrize(
    "key",
    [
        bytes(32),
        bytes([1]) + bytes(31),
        bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        b"",
        bytes(31),
        bytes(33),
    ],
)
def test_a_public_key_that_gives_a_known_secret_is_refused(key: bytes) -> None:
    """Points of small order (RFC 7748, section 6.1), and what is no key at all."""
    with pytest.raises(KeyExchangeFailed):
        derive(OURS, key, AGREEMENT, public_key(OURS), key)


@pytest.mark.parametrize("cipher", CIPHERS)
@given(st.binary(min_size=1, max_size=200), st.integers(0, 2**32 - 17), st.integers(0, 10**6), st.integers(1, 255))
def test_a_chunk_opens_at_its_place_and_unchanged_only(
    cipher: str, plain: bytes, chunk: int, place: int, change: int
) -> None:
    sealer = ChunkCipher(bytes(16), cipher)
    sealed, opened = bytearray(len(plain) + TAG_SIZE), memoryview(bytearray(len(plain)))
    sealer.seal_into(chunk, plain, memoryview(sealed))
    assert sealer.open_into(chunk, sealed, opened)
    assert opened == plain
    assert sealer.tag(chunk, plain, memoryview(bytearray(len(sealed)))) == sealed[-TAG_SIZE:]
    assert not sealer.open_into(chunk + 1, sealed, opened)
    sealed[place % len(sealed)] ^= change
    assert not sealer.open_into(chunk, sealed, opened)


def test_nothing_of_the_file_can_be_read_on_the_way() -> None:
    """Not even its smallest parts; nor does its repetition show."""
    world = World(LOUD, Weather(loss=0.05), seed=1)
    assert world.run() == DELIVERED
    everything = b"".join(sent.data for sent in world.captured)
    assert not any(MARK[start : start + 5] in everything for start in range(len(MARK) - 4))
    assert all(name not in everything for name in (b"Hans", b"Yoda", b"f.txt"))
    whole = {sent.data[1:2] + sent.data[8:12]: sent.data[HEADER_SIZE:] for sent in world.captured if sent.data[0] == 3}
    rows = [part[start : start + 16] for part in whole.values() for start in range(0, len(part) - 15, 16)]
    assert len(rows) == len(set(rows))


def test_the_same_file_sent_twice_looks_like_two_files() -> None:
    worlds = [World(LOUD, salt=salt) for salt in (1, 2)]
    assert [world.run() for world in worlds] == [DELIVERED, DELIVERED]
    assert not blocks(worlds[0]) & blocks(worlds[1])
    sizes: List[List[int]] = [[len(sent.data) for sent in world.captured] for world in worlds]
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("seed", range(5))
def test_a_chunk_is_sealed_once_whatever_happens(seed: int) -> None:
    """Else a file that changes meanwhile would be sealed twice under one nonce. Here much is lost and damaged, the path
    breaks and then stops carrying large datagrams; still, what is sent of a place is always the same."""
    weather = Weather(loss=0.1, corrupt=0.002, limits=((0.3, 1200),), outages=((1.0, 2.0),))
    world = World(LOUD * 8, weather, Weather(loss=0.1), seed, kind_max=2)
    assert world.run() == DELIVERED
    assert sorted(world.memory.sealed) == list(range(world.geometry.chunks))
    data = [sent.data for sent in world.captured if sent.data[0] != CONTROL]
    assert len({each[0] for each in data}) == 2
    contents = {each[:3] + each[8:12] + each[16:] for each in data}  # kind, segment, chunk, payload: all but the batch
    assert len(contents) == len({content[:7] for content in contents}) < len(data)


def test_no_number_of_a_control_message_is_used_twice() -> None:
    world = World(LOUD, Weather(loss=0.2), Weather(loss=0.2), seed=1)
    assert world.run() == DELIVERED
    headers = [sent.data[:16] for sent in world.captured if sent.data[0] == CONTROL]
    assert len(headers) == len(set(headers))


def test_a_receipt_is_that_of_its_attempt_and_no_other() -> None:
    secret = at_sender().receipt
    proof = receipt_of(at_receiver().receipt)
    assert is_receipt(secret, proof)
    other = receipt_of(at_receiver(AGREEMENT._replace(transfer="5f2c")).receipt)
    for wrong in (other, b"", proof[:-1], proof + b"\0", bytes(16), secret):
        assert not is_receipt(secret, wrong)


def test_the_claims_of_a_resumption_are_sealed_too() -> None:
    sealed = seal_claims(bytes(16), MARK)
    assert MARK[:5] not in sealed
    assert open_claims(bytes(16), sealed) == MARK
    assert [open_claims(bytes(16), cut) for cut in (sealed[:-1], b"", sealed + b"x", sealed[:15])] == [None] * 4
