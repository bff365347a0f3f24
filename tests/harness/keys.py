"""Keys for signatures, and their records for who wants no name server."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from backend.errors import Temporary
from backend.policy.dkim import generate
from backend.policy.dkim.sign import SigningKey
from backend.resolver.answer import Answer
from backend.store import dkim_keys
from backend.store.database import Store

BROKEN = "SERVFAIL"  # the text of a record that nobody can say now


@dataclass(frozen=True, slots=True)
class Text:
    """A TXT record, as dnspython has it."""

    strings: tuple[bytes, ...]


class Records:
    """Answers from a table: name -> text."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = dict(texts)
        self.asked: list[str] = []

    async def ask(self, name: str, kind: str) -> Answer:
        """As a resolver does."""
        assert kind == "TXT"
        self.asked.append(name)
        text = self.texts.get(name)
        if text == BROKEN:
            raise Temporary("The name servers cannot answer (SERVFAIL).", status="4.4.3")
        if text is None:
            return Answer((), False, 60)
        data = text.encode()
        return Answer((Text(tuple(data[at : at + 255] for at in range(0, len(data), 255))),), True, 60)

    def known(self, name: str, kind: str) -> Answer | None:
        """Nothing is at hand: everything is asked for."""
        return None

    def text(self, name: bytes | str, timeout: float = 5) -> bytes:
        """As dkimpy asks."""
        text = self.texts.get((name.decode() if isinstance(name, bytes) else name).rstrip("."), "")
        return text.encode()


@cache
def rsa(bits: int = 2048) -> RSAPrivateKey:
    """A key of RSA."""
    return generate_private_key(65_537, bits)


@cache
def ed25519() -> Ed25519PrivateKey:
    """A key of Ed25519."""
    return Ed25519PrivateKey.generate()


def pem(key: RSAPrivateKey) -> bytes:
    """As files have it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def record(key: RSAPrivateKey | Ed25519PrivateKey, tags: str = "v=DKIM1;") -> str:
    """Its public half, for the DNS."""
    if isinstance(key, RSAPrivateKey):
        data, kind = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), "rsa"
    else:
        data, kind = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw), "ed25519"
    return f"{tags} k={kind}; p={base64.b64encode(data).decode()}"


def pair(domain: str) -> tuple[SigningKey, SigningKey]:
    """Keys of a domain, at the selectors `rsa` and `ed`."""
    return (
        SigningKey(domain, "rsa", "rsa-sha256", rsa()),
        SigningKey(domain, "ed", "ed25519-sha256", ed25519()),
    )


def published(*domains: str) -> dict[str, str]:
    """The records of their `pair`s."""
    return {
        f"{selector}._domainkey.{domain}": record(key)
        for domain in domains
        for selector, key in (("rsa", rsa()), ("ed", ed25519()))
    }


def zone(texts: Mapping[str, str], domain: str) -> str:
    """The same as lines for a zone of the harness's name server."""
    lines = []
    for name, text in texts.items():
        parts = " ".join(f'"{text[at : at + 255]}"' for at in range(0, len(text), 255))
        lines.append(f"{name.removesuffix(f'.{domain}')} TXT ( {parts} )")
    return "\n".join(lines)


async def signs(store: Store, domain: str) -> None:
    """Give a domain of ours keys that sign, whatever the DNS shows."""
    made = generate.pair("s")
    await store.commit(lambda transaction: dkim_keys.add(transaction, domain, "s", made))
    await store.commit(lambda transaction: dkim_keys.use(transaction, domain))
