"""Accounts: the credentials file, the check of a password, and the block after failed logins.

A name that exists and one that does not cannot be told apart: same text, same work, same counting.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections import OrderedDict
from typing import Dict, Final, NamedTuple, Optional

from messenger.errors import ConfigError
from messenger.protocol.limits import NAME_MAX, PASSWORD_MAX
from messenger.protocol.text import USER_NAME

BLOCK_SECONDS: Final = 10.0
"""How long an account stays blocked after its N-th consecutive failure."""

THROTTLE_NAMES_MAX: Final = 65_536
"""Names with failures that are remembered at once (OpenSSH's figure); the one untouched longest is forgotten first."""

_SCRYPT: Final = re.compile(r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)")
_SCRYPT_BYTES_MAX: Final = 256 * 1024 * 1024  # the file must not become a memory bomb, nor one attempt take minutes
_SCRYPT_P_MAX: Final = 16
_DIGEST_BYTES_MIN: Final = 16


class ScryptHash(NamedTuple):
    """A password hash by scrypt (RFC 7914); written as `$scrypt$ln=14,r=8,p=5$SALT$HASH`, base64 without padding."""

    ln: int
    r: int
    p: int
    salt: bytes
    digest: bytes

    @classmethod
    def parse(cls, secret: str) -> ScryptHash:
        """Read the written form; raises ValueError if it is broken or asks for too much memory or time."""
        found = _SCRYPT.fullmatch(secret)
        if not found:
            raise ValueError("the hash is not of the form $scrypt$ln=14,r=8,p=5$SALT$HASH")
        ln, r, p = (int(found[i]) for i in (1, 2, 3))
        if ln < 1 or r < 1 or p < 1 or ln >= 16 * r:
            raise ValueError("the hash is impossible: scrypt needs ln, r and p of 1 or more, and ln under 16*r")
        if (128 * r) << ln > _SCRYPT_BYTES_MAX or p > _SCRYPT_P_MAX:
            raise ValueError(f"the hash asks for more than 256 MiB (128*r*2^ln) or for p over {_SCRYPT_P_MAX}")
        salt, digest = _unpadded(found[4]), _unpadded(found[5])
        if len(digest) < _DIGEST_BYTES_MIN:
            raise ValueError(f"the hash has fewer than {_DIGEST_BYTES_MIN} bytes")
        return cls(ln, r, p, salt, digest)

    @classmethod
    def make(cls, password: str, salt: bytes, ln: int = 14, r: int = 8, p: int = 5) -> ScryptHash:
        """Hash `password`; `salt` is 16 random bytes. The default costs 16 MiB and about 0.2 s."""
        blank = cls(ln, r, p, salt, b"\0" * 32)
        return blank._replace(digest=blank._digest(password))

    def verify(self, password: str) -> bool:
        """Tell whether `password` is the right one; takes as long for every password."""
        return hmac.compare_digest(self._digest(password), self.digest)

    def __str__(self) -> str:
        salt, digest = (base64.b64encode(raw).decode().rstrip("=") for raw in (self.salt, self.digest))
        return f"$scrypt$ln={self.ln},r={self.r},p={self.p}${salt}${digest}"

    def _digest(self, password: str) -> bytes:
        n = 1 << self.ln
        memory = 128 * self.r * (n + self.p + 2)  # RFC 7914, section 5; OpenSSL's default bound is too low
        return hashlib.scrypt(
            password.encode("utf-8", "surrogatepass"),
            salt=self.salt,
            n=n,
            r=self.r,
            p=self.p,
            maxmem=memory + 1024 * 1024,
            dklen=len(self.digest),
        )


def parse_credentials(data: bytes) -> Dict[str, str]:
    """Read a credentials file: `name password` a line, LF or CRLF, empty lines and `#` comments skipped.

    Returns name to secret in the file's order. Raises `ConfigError` that names the line for a bad or doubled name,
    a missing or unprintable password, a broken hash, or bytes that are not UTF-8.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"line {line}: not valid UTF-8") from None
    accounts: Dict[str, str] = {}
    for number, raw in enumerate(text.split("\n"), 1):
        line_text = raw[:-1] if raw.endswith("\r") else raw
        if not line_text.strip() or line_text.startswith("#"):
            continue
        name, _, secret = line_text.partition(" ")
        fault = f"the name {name} stands there twice" if name in accounts else fault_in_account(name, secret)
        if fault:
            raise ConfigError(f"line {number}: {fault}")
        accounts[name] = secret
    if not accounts:
        raise ConfigError("no account in it: write one `name password` a line")
    return accounts


def fault_in_account(name: str, secret: str) -> Optional[str]:
    """Return what is wrong with an account, in one sentence, or None."""
    if not USER_NAME.fullmatch(name):
        return f"{name[:40]!r} is no user name: 1 to {NAME_MAX} of A-Z a-z 0-9 . _ - beginning with a letter or digit"
    if not secret.strip():
        return f"no password after the name {name}"
    if not secret.isprintable() or len(secret) > PASSWORD_MAX:
        return f"the password of {name} holds an unprintable character or has more than {PASSWORD_MAX}"
    if secret.startswith("$scrypt$"):
        try:
            ScryptHash.parse(secret)
        except ValueError as error:
            return f"{name}: {error}"
    return None


class Accounts:
    """Who may log in. Verified passwords are remembered as keyed hashes, so that a login costs microseconds.

    `key` is 32 random bytes, new for each run of the server. A plain password in the file counts as verified.
    Where the file holds a hash, every wrong attempt costs one scrypt, whether the name exists or not.
    """

    def __init__(self, credentials: Dict[str, str], key: bytes) -> None:
        self.names = frozenset(credentials)
        self._key = key
        self._verified: Dict[str, bytes] = {}
        self._hashes: Dict[str, ScryptHash] = {}
        for name, secret in credentials.items():
            if secret.startswith("$scrypt$"):
                self._hashes[name] = ScryptHash.parse(secret)
            else:
                self._verified[name] = self._keyed(name, secret)
        self._decoy = max(self._hashes.values(), key=lambda h: (h.ln, h.r * h.p), default=None)

    def check_fast(self, name: str, password: str) -> Optional[bool]:
        """Return whether the password is right, or None when only `check_slow` can tell."""
        if hmac.compare_digest(self._keyed(name, password), self._verified.get(name, self._key)):
            return True
        return None if self._decoy else False

    def check_slow(self, name: str, password: str) -> bool:
        """Return whether the password is right: one scrypt, for every name alike. Any thread may call."""
        known = self._hashes.get(name)
        right = (known or self._decoy or _NO_HASH).verify(password)
        if right and known is not None:
            self._verified[name] = self._keyed(name, password)
        return right and known is not None

    def _keyed(self, name: str, password: str) -> bytes:
        text = f"{name}\n{password}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, key=self._key, digest_size=32).digest()


class Throttle:
    """Counts consecutive failures by name, over all terminals and addresses, and blocks at the N-th.

    An attempt is reserved before its password is checked, so that parallel guesses cannot outrun the counting.
    """

    def __init__(self, attempts: int) -> None:
        self._attempts = attempts
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def blocked_for(self, name: str, now: float) -> float:
        """Return for how many seconds more the name is blocked; 0 if it is not."""
        entry = self._failures.get(_key(name))
        if entry is None or not entry.blocked_until:
            return 0
        if now >= entry.blocked_until:
            del self._failures[_key(name)]
            return 0
        return entry.blocked_until - now

    def reserve(self, name: str) -> bool:
        """Take one attempt; False if one for this name is being checked already. Settle each that was taken."""
        key = _key(name)
        entry = self._failures.get(key)
        if entry is None:
            if len(self._failures) >= THROTTLE_NAMES_MAX:
                self._failures.popitem(last=False)
            entry = self._failures[key] = _Failures()
        elif entry.checking:
            return False
        self._failures.move_to_end(key)
        entry.checking = True
        return True

    def release(self, name: str) -> None:
        """Give a reserved attempt back that was not carried out."""
        entry = self._failures.get(_key(name))
        if entry is not None:
            entry.checking = False

    def settle(self, name: str, right: bool, now: float) -> bool:
        """Count the outcome of a reserved attempt; True if it was the failure that blocks the name from `now` on."""
        key = _key(name)
        if right:
            self._failures.pop(key, None)
            return False
        entry = self._failures.setdefault(key, _Failures())
        entry.checking = False
        entry.count += 1
        if entry.count < self._attempts:
            return False
        entry.blocked_until = now + BLOCK_SECONDS
        return True


class _Failures:
    __slots__ = ("blocked_until", "checking", "count")

    def __init__(self) -> None:
        self.count = 0
        self.checking = False
        self.blocked_until = 0.0


def _key(name: str) -> str:
    return name[: NAME_MAX + 1]  # longer names cannot exist: they may share a count, and cannot fill the memory


def _unpadded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise ValueError("the salt or hash is not base64") from None


_NO_HASH: Final = ScryptHash(1, 1, 1, b"", b"\0" * 32)
