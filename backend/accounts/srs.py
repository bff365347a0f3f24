"""The Sender Rewriting Scheme: mail that an alias sends on leaves with a sender of ours, and its bounces find back.

`ann@client.test` becomes `SRS0=hash=day=client.test=ann@ours.test`; what is rewritten by others already becomes
`SRS1=hash=first.test==...@ours.test`, which leads back to the first of them. The hash is ours alone, so that nobody can
make an address that we would pass mail on to, and the day ends it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
import tempfile
from pathlib import Path

from backend.address import PATH_LENGTH, Address, parse
from backend.errors import BadInput, Temporary

_DAY = 86_400
_DAYS = 1 << 10  # the time stamp counts them in two letters of base32, and then begins anew
_HASH = 6  # letters of base32: a thousand million to one, for each guess
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_OURS = re.compile(r"SRS[01]=", re.IGNORECASE)
_FIRST = re.compile(r"SRS0([=+-].+)", re.IGNORECASE | re.DOTALL)
_SECOND = re.compile(r"SRS1[=+-][^=]*=([^=]+)=([=+-].+)", re.IGNORECASE | re.DOTALL)
_KEY = "srs.key"
_KEY_BYTES = 32


def rewritten(local: str) -> bool:
    """Whether a local part may be one of ours."""
    return _OURS.match(local) is not None


class Srs:
    """Writes senders in `domain` and reads them again, for `days` after the day they were written."""

    def __init__(self, key: bytes, domain: str, days: int) -> None:
        self._key = key
        self._domain = domain
        self._days = days

    def forward(self, sender: Address, now: float) -> str | None:
        """The sender to leave with; None when it would be longer than an address may be."""
        if found := _FIRST.fullmatch(sender.local):
            local = self._second(sender.domain, found[1])
        elif found := _SECOND.fullmatch(sender.local):
            local = self._second(found[1], found[2])
        else:
            day = int(now // _DAY) % _DAYS
            stamp = _ALPHABET[day >> 5] + _ALPHABET[day & 31]
            local = f"SRS0={self._hash(stamp, sender.domain, sender.local)}={stamp}={sender.domain}={sender.local}"
        made = str(Address(local, self._domain))
        return made if len(made.encode()) <= PATH_LENGTH else None

    def back(self, local: str, now: float) -> Address | None:
        """Whom a local part of ours stands for; None when it is not ours or too old. Case does not count: some mail
        hosts change it.
        """
        kind, _, rest = local.partition("=")
        if kind.upper() == "SRS0" and rest.count("=") >= 3:
            given, stamp, domain, user = rest.split("=", 3)
            right = self._same(given, stamp, domain, user) and self._young(stamp, now)
            return _address(user, domain) if right else None
        if kind.upper() == "SRS1" and rest.count("=") >= 2:
            given, domain, behind = rest.split("=", 2)
            right = behind[:1] in ("=", "+", "-") and self._same(given, "", domain, behind)
            return _address(f"SRS0{behind}", domain) if right else None
        return None

    def _second(self, first: str, behind: str) -> str:
        return f"SRS1={self._hash('', first, behind)}={first}={behind}"

    def _hash(self, stamp: str, domain: str, user: str) -> str:
        text = "\0".join((stamp, domain, user)).lower()
        digest = hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return base64.b32encode(digest)[:_HASH].decode()

    def _same(self, given: str, stamp: str, domain: str, user: str) -> bool:
        return hmac.compare_digest(given.upper().encode("utf-8", "replace"), self._hash(stamp, domain, user).encode())

    def _young(self, stamp: str, now: float) -> bool:
        """Whether its day is not too long ago, nor after tomorrow: clocks differ."""
        letters = [_ALPHABET.find(letter) for letter in stamp.upper()]
        if len(letters) != 2 or min(letters) < 0:
            return False
        age = (int(now // _DAY) - (letters[0] << 5 | letters[1])) % _DAYS
        return age <= self._days or age == _DAYS - 1


def key(folder: Path) -> bytes:
    """The site's key, made when there is none. Temporary when it cannot be read or written."""
    path = folder / _KEY
    try:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            _make(path)
            return path.read_bytes()
    except OSError as error:
        raise Temporary(f"The key in {path} cannot be read or made: {error.strerror}.") from error


def _make(path: Path) -> None:
    """A key on disk, whole or not at all; of several who make one at once the first is right."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=_KEY)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
    finally:
        Path(temporary).unlink()


def _address(user: str, domain: str) -> Address | None:
    try:
        return parse(str(Address(user, domain)))
    except BadInput:
        return None
