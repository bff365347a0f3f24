"""The names and public keys of operators, as people write them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from backend.errors import BadInput

NAME = re.compile(r"[a-z][a-z0-9._-]{0,31}")
ALGORITHMS = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
)
_LONGEST = 16_384  # characters of a key


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key as a line of authorized_keys has it."""

    algorithm: str
    blob: str
    comment: str = ""

    @property
    def fingerprint(self) -> str:
        """`SHA256:...`, as OpenSSH writes it."""
        digest = hashlib.sha256(base64.b64decode(self.blob)).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def parse_key(line: str) -> PublicKey:
    """A key from a line of a .pub file; BadInput when it is none."""
    words = line.split(None, 2)
    if len(line) > _LONGEST or len(words) < 2 or words[0] not in ALGORITHMS:
        raise BadInput("This is no public key; it is one line, as in ~/.ssh/id_ed25519.pub: ssh-ed25519 AAAA... name")
    try:
        raw = base64.b64decode(words[1], validate=True)
    except (binascii.Error, ValueError):
        raise BadInput("This public key is not whole; copy the line again, all of it.") from None
    name = words[0].encode()
    if raw[: 4 + len(name)] != len(name).to_bytes(4, "big") + name or len(raw) < 40:
        raise BadInput("This public key is not whole, or is not of the kind that it says.")
    return PublicKey(words[0], base64.b64encode(raw).decode(), words[2][:100] if len(words) > 2 else "")
