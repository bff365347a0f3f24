"""The host key: Ed25519, one file in OpenSSH's format, readable by the service only."""

from __future__ import annotations

import os
from pathlib import Path

from backend.errors import Permanent


def make(path: Path) -> None:
    """Write a new key to `path`. An older one stays."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    secret = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret)


def fingerprint(path: Path) -> str:
    """What a client is shown before it trusts: `SHA256:...`. Permanent when there is no such key."""
    from paramiko import Ed25519Key, SSHException

    try:
        return Ed25519Key.from_private_key_file(str(path)).fingerprint
    except (OSError, SSHException) as error:
        raise Permanent(f"The host key {path} cannot be read: {error}. Without it the next start makes one.") from None
