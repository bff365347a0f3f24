"""An authority of the tests: certificates of any kind, with the chain that a server shows."""

from __future__ import annotations

import datetime
import hashlib
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DER, _PEM = serialization.Encoding.DER, serialization.Encoding.PEM


@dataclass(frozen=True)
class Issued:
    """A certificate with its key and the certificates above it."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    above: tuple[x509.Certificate, ...] = ()

    @property
    def chain(self) -> list[bytes]:
        """As DER, its own first."""
        return [one.public_bytes(_DER) for one in (self.certificate, *self.above)]

    def tlsa(self, usage: int, selector: int = 1, matching: int = 1) -> str:
        """The TLSA record of this certificate."""
        content = self.certificate.public_bytes(_DER)
        if selector == 1:
            form = serialization.PublicFormat.SubjectPublicKeyInfo
            content = self.certificate.public_key().public_bytes(_DER, form)
        digest = {0: content, 1: hashlib.sha256(content).digest(), 2: hashlib.sha512(content).digest()}[matching]
        return f"{usage} {selector} {matching} {digest.hex()}"

    def server(self, folder: Path) -> ssl.SSLContext:
        """What a TLS server needs; it shows the whole chain."""
        file = folder / f"{self.certificate.serial_number:x}.pem"
        private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        chain = b"".join(one.public_bytes(_PEM) for one in (self.certificate, *self.above))
        file.write_bytes(self.key.private_bytes(_PEM, *private) + chain)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def issue(
    name: str,
    by: Issued | None = None,
    *,
    authority: bool = False,
    days: float = 30,
    names: tuple[str, ...] | None = None,
    strict: bool = True,
) -> Issued:
    """A certificate for `name`, signed by itself or by another; `days` below 0: it has expired. Not `strict`:
    without the extensions that only public authorities must set.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    signer = by.key if by else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=60))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if not authority:
        some = [x509.DNSName(one) for one in (names if names is not None else (name,))]
        builder = builder.add_extension(x509.SubjectAlternativeName(some), critical=False)
    if strict:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        builder = builder.add_extension(identifier, critical=False).add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
    above = (by.certificate, *by.above) if by else ()
    return Issued(key, builder.sign(signer, hashes.SHA256()), above)


def trust(folder: Path, *authorities: Issued) -> Path:
    """A file of authorities, as `[outbound] ca_file` wants it."""
    file = folder / "authorities.pem"
    file.write_bytes(b"".join(one.certificate.public_bytes(_PEM) for one in authorities))
    return file
