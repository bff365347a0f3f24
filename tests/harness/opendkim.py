"""OpenDKIM from Debian, one message at a time: its verifier asks the name server of the test through unbound."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from backend.policy.dkim.sign import SigningKey

HERE = shutil.which("opendkim", path="/usr/sbin:/usr/bin") is not None
_RESULT = re.compile(r"dkim=(\w+)")
_UNBOUND = """\
server:
  do-not-query-localhost: no
  module-config: "iterator"
  local-zone: "test." nodefault
forward-zone:
  name: "."
  forward-addr: {address}
"""
_SIGN = """\
Mode s
Canonicalization {canonicalization}
Domain {domain}
Selector {selector}
KeyFile {key}
SignatureAlgorithm {algorithm}
InternalHosts 0.0.0.0/0
OversignHeaders From,Subject
RequireSafeKeys no
"""


def verify(folder: Path, message: bytes, nameserver: str) -> list[str]:
    """The results that it would write, one for each signature. `nameserver`: host:port."""
    (folder / "unbound.conf").write_text(_UNBOUND.format(address=nameserver.replace(":", "@")))
    config = f"Mode v\nInternalHosts 192.0.2.1\nResolverConfiguration {folder}/unbound.conf\n"
    return _RESULT.findall(_run(folder, config, message, "-vv"))


def sign(folder: Path, message: bytes, key: SigningKey, canonicalization: str) -> bytes:
    """The message below its signature."""
    file = folder / "private.pem"
    old = PrivateFormat.PKCS8 if isinstance(key.private, Ed25519PrivateKey) else PrivateFormat.TraditionalOpenSSL
    file.write_bytes(key.private.private_bytes(Encoding.PEM, old, NoEncryption()))
    config = _SIGN.format(
        canonicalization=canonicalization,
        domain=key.domain,
        selector=key.selector,
        key=file,
        algorithm=key.algorithm,
    )
    printed = _run(folder, config, message)
    found = re.search(r"^DKIM-Signature: .*\n(?:[ \t].*\n)*", printed, re.MULTILINE)
    assert found, printed
    return found[0].replace("\n", "\r\n").encode() + message


def _run(folder: Path, config: str, message: bytes, *words: str) -> str:
    (folder / "opendkim.conf").write_text(config)
    (folder / "message").write_bytes(message)
    command: list[str | Path] = ["/usr/sbin/opendkim", "-x", folder / "opendkim.conf", *words, "-t", folder / "message"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done.stdout
