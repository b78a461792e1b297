"""Keys and sealing: from the two public keys to what a datagram carries.

Both sides make a key pair for each attempt (X25519, RFC 7748) and exchange the public halves through the server.
HKDF-SHA-256 (RFC 5869) turns the shared secret into one secret for the chunks, one for the control messages of each
direction, one for what is shown when resuming, two connection ids, and one secret for the receipt. The names of both
users and of the file, its size, the cipher and both public keys are part of the derivation: two sides that do not
agree on all of them have different keys, and nothing authenticates.

No nonce is used twice: a chunk's is its number, and a chunk is sealed once an attempt, whatever happens to the file;
a control message's is its number, which only goes up.
"""

from __future__ import annotations

import struct
from typing import Callable, Dict, Final, NamedTuple, Optional, Tuple, Union

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from messenger.errors import MessengerError
from messenger.transfer.datagram import CONTROL, first_word
from messenger.transfer.geometry import HEADER_SIZE, TAG_SIZE

Buffer = Union[bytes, bytearray, memoryview]

AES: Final = "aes-128-gcm"
CHACHA: Final = "chacha20-poly1305"
CIPHERS: Final[Tuple[str, ...]] = (AES, CHACHA)
"""AES-GCM is the faster one on processors with instructions for it, ChaCha20-Poly1305 (RFC 8439) on those without."""

RECEIPT_SIZE: Final = 16

_SECRET_SIZE: Final = 16
_HEADER: Final = struct.Struct("<QQ")
_LABEL: Final = b"messenger file transfer 3"


class KeyExchangeFailed(MessengerError):
    """The peer's public key is none."""


class Agreement(NamedTuple):
    """What both sides must agree on for their keys to be the same."""

    transfer: str
    sender: str
    receiver: str
    name: str
    size: int
    cipher: str


class Secrets(NamedTuple):
    """What comes of a key exchange; the secrets have 16 bytes, the ids 5."""

    chunks: bytes
    to_receiver: bytes
    to_sender: bytes
    claims: bytes
    receiver_id: int
    """Connection id of datagrams to the receiver."""
    sender_id: int
    """Connection id of datagrams to the sender."""
    receipt: bytes


def public_key(private_key: bytes) -> bytes:
    """Return the public half of a private key, which is any 32 random bytes."""
    return X25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()


def derive(
    private_key: bytes, peer_key: bytes, agreement: Agreement, sender_key: bytes, receiver_key: bytes
) -> Secrets:
    """Return the secrets of an attempt; raises `KeyExchangeFailed`."""
    try:
        shared = X25519PrivateKey.from_private_bytes(private_key).exchange(X25519PublicKey.from_public_bytes(peer_key))
    except ValueError:
        raise KeyExchangeFailed("the other side's public key is none") from None
    fields = [str(field).encode("utf-8", "surrogatepass") for field in agreement]
    info = b"".join(len(field).to_bytes(4, "big") + field for field in [_LABEL, *fields, sender_key, receiver_key])
    material = HKDF(hashes.SHA256(), 5 * _SECRET_SIZE + 10, salt=None, info=_sha256(info)).derive(shared)
    secrets = [material[start : start + _SECRET_SIZE] for start in range(0, 4 * _SECRET_SIZE, _SECRET_SIZE)]
    ids = [int.from_bytes(material[start : start + 5], "little") for start in (64, 69)]
    return Secrets(*secrets, *ids, material[74:])  # type: ignore[call-arg,arg-type]  # four secrets, two ids


class ChunkCipher:
    """Seals and opens the chunks of one attempt."""

    def __init__(self, secret: bytes, cipher: str) -> None:
        """`cipher` is one of `CIPHERS`."""
        self.secret = secret
        self.cipher = cipher
        aead = _AEADS[cipher](secret)
        self._aead = aead
        # Into a buffer that is there already: a new one for each chunk costs a tenth of the whole transfer.
        self._encrypt_into: Optional[Callable[..., int]] = getattr(aead, "encrypt_into", None)
        self._decrypt_into: Optional[Callable[..., int]] = getattr(aead, "decrypt_into", None)

    def seal_into(self, chunk: int, plain: Buffer, sealed: memoryview) -> None:
        """Seal a chunk; `sealed` is `TAG_SIZE` bytes longer than `plain`."""
        nonce = chunk.to_bytes(12, "big")
        if self._encrypt_into is not None:
            self._encrypt_into(nonce, plain, None, sealed)
        else:
            sealed[:] = self._aead.encrypt(nonce, bytes(plain), None)

    def open_into(self, chunk: int, sealed: Buffer, plain: memoryview) -> bool:
        """Open a chunk; False, and nothing of value in `plain`, if it is not what was sealed."""
        nonce = chunk.to_bytes(12, "big")
        try:
            if self._decrypt_into is not None:
                self._decrypt_into(nonce, sealed, None, plain)
            else:
                plain[:] = self._aead.decrypt(nonce, bytes(sealed), None)
        except InvalidTag:
            return False
        return True

    def tag(self, chunk: int, plain: Buffer, scratch: memoryview) -> bytes:
        """Return the tag of a chunk, to compare it; `scratch` has room for the sealed chunk, which goes nowhere."""
        sealed = scratch[: len(plain) + TAG_SIZE]
        self.seal_into(chunk, plain, sealed)
        return bytes(sealed[-TAG_SIZE:])


class ControlSealer:
    """Seals the control messages of one direction."""

    def __init__(self, secret: bytes, connection: int) -> None:
        self._aead = AESGCM(secret)
        self._first = first_word(CONTROL, 0, connection)
        self._number = 0

    def seal(self, message: bytes) -> bytes:
        """Return the datagram."""
        self._number += 1
        header = _HEADER.pack(self._first, self._number)
        return header + self._aead.encrypt(self._number.to_bytes(12, "big"), message, header)


class ControlOpener:
    """Opens the control messages of one direction: each once, and none that is older than one opened before."""

    def __init__(self, secret: bytes) -> None:
        self._aead = AESGCM(secret)
        self._last = 0

    def open(self, datagram: bytes) -> Optional[bytes]:
        """Return the message; None for one that is forged, cut, repeated or overtaken."""
        if len(datagram) < HEADER_SIZE + TAG_SIZE:
            return None
        number = int.from_bytes(datagram[8:16], "little")
        if number <= self._last:
            return None
        header = datagram[:HEADER_SIZE]
        try:
            message = self._aead.decrypt(number.to_bytes(12, "big"), datagram[HEADER_SIZE:], header)
        except InvalidTag:
            return None
        self._last = number
        return message


def seal_claims(secret: bytes, claims: bytes) -> bytes:
    """Seal the one message that tells the sender what an earlier attempt has left."""
    return AESGCM(secret).encrypt(bytes(12), claims, None)


def open_claims(secret: bytes, sealed: bytes) -> Optional[bytes]:
    """Open that message; None if it is not authentic."""
    try:
        return AESGCM(secret).decrypt(bytes(12), sealed, None)
    except (InvalidTag, ValueError):
        return None


def receipt_of(secret: bytes) -> bytes:
    """Return what proves, on a way that is not sealed, that the receiver has the whole file."""
    return authenticator(secret, b"received", RECEIPT_SIZE)


def is_receipt(secret: bytes, proof: bytes) -> bool:
    """Tell whether this is that proof: nobody can make it who has only passed on what the two sides said."""
    # How long this takes tells nothing, as both are hashed first; a library for it would load a second OpenSSL.
    return _blind(secret, receipt_of(secret)) == _blind(secret, proof)


def _blind(secret: bytes, proof: bytes) -> bytes:
    return authenticator(secret, proof, 32)


class Sha256:
    """SHA-256, piece by piece. The same as hashlib's, which would load a second OpenSSL: 3.5 MB of every client."""

    def __init__(self) -> None:
        self._hash = hashes.Hash(hashes.SHA256())

    def add(self, data: bytes) -> None:
        """Take the next piece."""
        self._hash.update(data)

    def result(self) -> bytes:
        """Return the 32 bytes of all pieces so far."""
        return self._hash.copy().finalize()


def authenticator(secret: bytes, text: bytes, size: int) -> bytes:
    """Return `size` bytes, 32 at most, that only whoever has the secret can make of a text (HMAC-SHA-256, RFC 2104)."""
    code = hmac.HMAC(secret, hashes.SHA256())
    code.update(text)
    return code.finalize()[:size]


def _sha256(data: bytes) -> bytes:
    digest = Sha256()
    digest.add(data)
    return digest.result()


def _chacha(secret: bytes) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(_sha256(secret))


_AEADS: Final[Dict[str, Callable[[bytes], Union[AESGCM, ChaCha20Poly1305]]]] = {AES: AESGCM, CHACHA: _chacha}
