"""Public keys, as the DNS has them (RFC 6376 §3.6.1, RFC 8463 §4)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from backend.errors import BadInput
from backend.policy.dkim import tags
from backend.resolver.answer import Answer, Asks

STRONG = 2_048  # bits: what signers should use (RFC 8301 §3.2)
_WEAKEST = 1_024  # bits: keys below it count for nothing (RFC 8301 §3.2)
_LARGEST = 4_096  # bits: all that a verifier must take, and an end to keys made to keep us busy
_RECORDS = 4  # at one name that are looked at
_KEPT = 2_000  # records whose keys are kept ready


class Unusable(Exception):
    """There is no key to verify with; the words say why, and `value` is the result that follows."""

    def __init__(self, words: str, value: str = "permerror") -> None:
        super().__init__(words)
        self.value = value


@dataclass(frozen=True, slots=True)
class Key:
    """A key record that is in order."""

    kind: str  # rsa or ed25519
    public: RSAPublicKey | Ed25519PublicKey
    bits: int
    testing: bool  # t=y
    exact: bool  # t=s: i= must be of the very domain

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Whether the signature is one of `data`: RSA by RFC 6376 §3.3, Ed25519 of the hash by RFC 8463 §3."""
        try:
            if isinstance(self.public, Ed25519PublicKey):
                self.public.verify(signature, sha256(data))
            else:
                self.public.verify(signature, data, PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True


def sha256(data: bytes) -> bytes:
    """The hash that Ed25519 signs."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(data)
    return digest.finalize()


async def fetch(asks: Asks, name: str, kind: str) -> Key:
    """The key of that kind at a name. Unusable: there is none; Temporary: nobody knows now."""
    answer = await asks.ask(name, "TXT")
    if not answer.records:
        raise Unusable("there is no key in the DNS")
    reason: Unusable | None = None
    for record in texts(answer)[:_RECORDS]:
        try:
            found = read(record)
        except Unusable as error:
            reason = reason or error
            continue
        if found.kind == kind:
            return found
        reason = reason or Unusable("the key in the DNS is of another kind")
    raise reason or Unusable("there is no key in the DNS")


def texts(answer: Answer) -> list[bytes]:
    """TXT records, the strings of each joined (RFC 6376 §3.6.2.2)."""
    return [b"".join(record.strings) for record in answer.records]


@lru_cache(maxsize=_KEPT)
def _known(record: bytes) -> Key | Unusable:
    try:
        return _read(record)
    except Unusable as error:
        return error


def read(record: bytes) -> Key:
    """The key that a record holds; Unusable. Records seen before cost nothing."""
    found = _known(record)
    if isinstance(found, Unusable):
        raise Unusable(str(found), found.value)
    return found


def _read(record: bytes) -> Key:
    """The steps of RFC 6376 §6.1.2."""
    try:
        found = tags.parse(record)
    except BadInput:
        raise Unusable("the key in the DNS is not one") from None
    if "p" not in found or ("v" in found and (found["v"] != "DKIM1" or next(iter(found)) != "v")):
        raise Unusable("the key in the DNS is not one")
    if not tags.plain(found["p"]):
        raise Unusable("the key was revoked")
    if "sha256" not in tags.words(found.get("h", "sha256")):
        raise Unusable("the key does not allow SHA-256")
    if not {"*", "email"} & set(tags.words(found.get("s", "*"))):
        raise Unusable("the key is not for mail")
    kind = tags.plain(found.get("k", "rsa")).lower()
    flags = tags.words(found.get("t", ""))
    public, bits = _public(kind, found["p"])
    return Key(kind, public, bits, "y" in flags, "s" in flags)


def _public(kind: str, written: str) -> tuple[RSAPublicKey | Ed25519PublicKey, int]:
    try:
        data = tags.base64_bytes(written, "p")
        if kind == "ed25519":
            return Ed25519PublicKey.from_public_bytes(data), 256
        if kind != "rsa":
            raise Unusable("the key in the DNS is of a kind that is not known")
        public = _rsa(data)
        bits = public.key_size
    except (BadInput, ValueError, UnsupportedAlgorithm):
        raise Unusable("the key in the DNS is damaged") from None
    if bits < _WEAKEST:
        raise Unusable(f"the key has only {bits} bits", "policy")
    if bits > _LARGEST:
        raise Unusable(f"the key has more than {_LARGEST} bits", "policy")
    return public, bits


def _rsa(data: bytes) -> RSAPublicKey:
    """SubjectPublicKeyInfo, or a bare RSAPublicKey, which some domains publish (RFC 6376 erratum 3017)."""
    try:
        found = serialization.load_der_public_key(data)
    except ValueError:
        numbers = _bare(data)
        if numbers is None:
            raise
        return numbers.public_key()
    if not isinstance(found, RSAPublicKey):
        raise Unusable("the key in the DNS is of another kind")
    return found


def _bare(data: bytes) -> RSAPublicNumbers | None:
    """The two numbers of a DER sequence; None when it is not that."""
    found = []
    place = 0
    for wanted in (0x30, 0x02, 0x02):
        if len(data) < place + 2 or data[place] != wanted:
            return None
        size, place = data[place + 1], place + 2
        if size & 0x80:
            more = size & 0x7F
            size, place = int.from_bytes(data[place : place + more], "big"), place + more
        if wanted == 0x02:
            found.append(int.from_bytes(data[place : place + size], "big"))
            place += size
    return RSAPublicNumbers(found[1], found[0])
