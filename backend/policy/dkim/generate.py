"""New keys: a pair of RSA with 2048 bits (RFC 8301 §3.2), which everybody can verify, and Ed25519 (RFC 8463).

An RSA key takes a tenth of a second and sometimes a whole one: not for the event loop, nor inside a transaction.
"""

from __future__ import annotations

import base64
import datetime
import string
from collections.abc import Container

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from backend.errors import BadInput
from backend.store.dkim_keys import Made

_BITS = 2_048
_EXPONENT = 65_537


def name(now: float, taken: Container[str]) -> str:
    """What a pair is called: `m20261124`, and `m20261124b` for the second one of a day. BadInput after the 26th."""
    day = f"m{datetime.datetime.fromtimestamp(now, datetime.UTC):%Y%m%d}"
    for number in range(26):
        called = day + (string.ascii_lowercase[number] if number else "")
        if called not in taken:
            return called
    raise BadInput("26 pairs of keys were made today; the next one can be made tomorrow.")


def pair(called: str) -> tuple[Made, Made]:
    """The two keys. Blocks."""
    rsa, ed25519 = generate_private_key(_EXPONENT, _BITS), Ed25519PrivateKey.generate()
    spki = rsa.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    raw = ed25519.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)  # RFC 8463 §4: the 32 bytes alone
    return (
        Made(
            f"{called}-rsa",
            "rsa-sha256",
            base64.b64encode(spki).decode("ascii"),
            rsa.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        ),
        Made(
            f"{called}-ed",
            "ed25519-sha256",
            base64.b64encode(raw).decode("ascii"),
            ed25519.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        ),
    )
