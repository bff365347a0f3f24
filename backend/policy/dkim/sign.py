"""Signs a message for its domain (RFC 6376 §5) with each of its keys: RSA for all, Ed25519 for those who know it.

A field that is signed once more than it is there cannot be added by somebody else (§8.15). That is done for what people
see and what says how the body is to be read; not for List-* and the like that a mailing list may add on the way.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from backend.policy.dkim.key import sha256
from backend.policy.dkim.letter import Demand, Digest, Field, Letter
from backend.store.bodies import Body

ALWAYS = [
    "from",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "reply-to",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
]  # in h= once more than they are there
_IF_THERE = frozenset(
    ["sender", "in-reply-to", "references", "auto-submitted", "resent-from", "resent-to", "resent-cc", "resent-date"]
)
_LIST = "list-"
WHOLE = Demand("relaxed")  # the hash of the body that signatures of ours speak of
_WIDTH = 72  # characters of a line
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and where its public half is found. Never shown: its text is a name only."""

    domain: str
    selector: str
    algorithm: str  # rsa-sha256 or ed25519-sha256
    private: RSAPrivateKey | Ed25519PrivateKey

    def sign(self, data: bytes) -> bytes:
        """The signature, as RFC 6376 §3.3 and RFC 8463 §3 want it."""
        if isinstance(self.private, Ed25519PrivateKey):
            return self.private.sign(sha256(data))
        return self.private.sign(data, PKCS1v15(), hashes.SHA256())

    def __repr__(self) -> str:
        return f"SigningKey({self.selector}._domainkey.{self.domain})"


def sign(section: bytes, body: bytes, keys: Iterable[SigningKey], now: float, days: int = 0) -> bytes:
    """The fields DKIM-Signature, to be put above `section`, the header section with its last CR LF; `body` is what
    follows the empty line. `days`: that the signatures are good for; 0 is for ever. Empty without keys.
    """
    letter = Letter(section, Body(len(section) + 2 + len(body), data=section + b"\r\n" + body))
    return _fields(letter, letter.hashes([WHOLE])[WHOLE], tuple(keys), now, days)


async def sign_letter(letter: Letter, keys: Sequence[SigningKey], now: float, days: int = 0) -> bytes:
    """The same for a message whose body may be large."""
    if not keys:
        return b""
    return _fields(letter, (await letter.digests([WHOLE]))[WHOLE], keys, now, days)


def names(letter: Letter, more: Iterable[str] = ()) -> list[str]:
    """The names in h=, each as often as it is to be there; `more`: further ones that are signed if they are there."""
    wanted = _IF_THERE.union(more)
    found = [name for name in ALWAYS for _ in range(len(letter.named(name)) + 1)]
    for name, fields in letter.by_name.items():
        if name in wanted or name.startswith(_LIST):
            found += [name] * len(fields)
    return found


def write(name: str, tags: Sequence[tuple[str, str]], data: bytes, key: SigningKey) -> bytes:
    """A field of these tags with its signature in b=: over `data`, and over the field itself (RFC 6376 §3.7)."""
    lines = [f"{name}:"]
    for tag, value in [*tags, ("b", "")]:
        text = f" {tag}={value}" + (";" if tag != "b" else "")
        if len(lines[-1]) + len(text) <= _WIDTH:
            lines[-1] += text
        else:
            first, *rest = _folded(text.strip())
            lines += [f"\t{first}", *(f"\t {one}" for one in rest)]
    raw = "\r\n".join(lines).encode("ascii")
    value = base64.b64encode(key.sign(data + Field(raw + b"\r\n").unsigned("relaxed"))).decode("ascii")
    room = max(1, _WIDTH - len(lines[-1]))
    parts = [value[:room], *(value[at : at + _WIDTH] for at in range(room, len(value), _WIDTH))]
    return raw + "\r\n\t".join(parts).encode("ascii") + b"\r\n"


def _folded(text: str) -> list[str]:
    """Lines of a value, broken behind colons only."""
    lines = [""]
    for part in text.replace(":", ":\n").split("\n"):
        if lines[-1] and len(lines[-1]) + len(part) > _WIDTH:
            lines.append("")
        lines[-1] += part
    return lines


def _fields(letter: Letter, digest: Digest, keys: Sequence[SigningKey], now: float, days: int) -> bytes:
    some = names(letter)
    data = letter.covered(some, "relaxed")
    written = []
    for key in keys:
        tags = [
            ("v", "1"),
            ("a", key.algorithm),
            ("c", "relaxed/relaxed"),
            ("d", key.domain),
            ("s", key.selector),
            ("t", str(int(now))),
            *([("x", str(int(now) + days * _DAY))] if days else []),
            ("h", ":".join(some)),
            ("bh", base64.b64encode(digest.value).decode("ascii")),
        ]
        written.append(write("DKIM-Signature", tags, data, key))
    return b"".join(written)
