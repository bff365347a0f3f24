"""DANE for SMTP: what TLSA records mean, and whether a host's certificates match them (RFC 6698, RFC 7671, RFC 7672).

Pure but for the clock that is handed in: certificates come as DER.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

TA, EE = 2, 3  # usages; PKIX-TA(0) and PKIX-EE(1) cannot be used in SMTP (RFC 7672 §3.1.3)
CERTIFICATE, KEY = 0, 1  # selectors
EXACT, SHA256, SHA512 = 0, 1, 2  # matching types
_LENGTHS = {SHA256: 32, SHA512: 64}
_LONGEST = 65_535  # bytes of an exact record
_MOST = 50  # records looked at: more is made to keep us busy
_CHAIN = 10  # certificates of a host looked at


@dataclass(frozen=True, slots=True)
class Record:
    """One TLSA record."""

    usage: int
    selector: int
    matching: int
    data: bytes

    def __str__(self) -> str:
        shown = self.data.hex()
        return f"{self.usage} {self.selector} {self.matching} {shown[:64]}{'...' if len(shown) > 64 else ''}"

    @property
    def usable(self) -> bool:
        """Whether a mail host can be checked by it."""
        return (
            self.usage in (TA, EE)
            and self.selector in (CERTIFICATE, KEY)
            and (self.matching == EXACT or len(self.data) == _LENGTHS.get(self.matching))
            and 0 < len(self.data) <= _LONGEST
        )


class Mismatch(Exception):
    """The host is not who its records say. `result` is a result type of RFC 8460 §4.3."""

    def __init__(self, sentence: str, result: str = "validation-failure") -> None:
        super().__init__(sentence)
        self.result = result


def records(rdatas: Iterable[Any]) -> tuple[Record, ...]:
    """TLSA records as dnspython gives them."""
    return tuple(Record(one.usage, one.selector, one.mtype, bytes(one.cert)) for one in list(rdatas)[:_MOST])


def check(chain: Sequence[bytes], wanted: Sequence[Record], names: Sequence[str], now: float) -> Record:
    """The record that the host's certificates match; Mismatch.

    `chain` is what the host sent, its own certificate first. By usage 3 neither names nor dates count (RFC 7672
    §3.1.1); by usage 2 its own certificate must be for one of `names`, and lead to the anchor (§3.1.2).
    """
    if not chain:
        raise Mismatch("The host showed no certificate")
    shown = chain[:_CHAIN]
    for record in wanted:
        if record.usage == EE and _matches(shown[0], record):
            return record
    failure = Mismatch("No certificate of the host matches its TLSA records")
    for record in wanted:
        if record.usage == TA:
            for anchor in (one for one in shown[1:] if _matches(one, record)):  # it must be shown (RFC 7672 §3.1.2)
                try:
                    _verify(shown, anchor, names, now)
                except Mismatch as error:
                    failure = error
                else:
                    return record
    raise failure


def _matches(certificate: bytes, record: Record) -> bool:
    content = certificate if record.selector == CERTIFICATE else _key(certificate)
    if content is None:
        return False
    match record.matching:
        case 1:
            content = hashlib.sha256(content).digest()
        case 2:
            content = hashlib.sha512(content).digest()
    return content == record.data


def _key(certificate: bytes) -> bytes | None:
    """The public key as it stands in a certificate (SubjectPublicKeyInfo); None when nobody here can read it."""
    from cryptography.exceptions import UnsupportedAlgorithm  # only where a domain has DANE
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    read = _read(certificate)
    try:
        return None if read is None else read.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm):
        return None


def _read(certificate: bytes) -> Certificate | None:
    from cryptography.x509 import load_der_x509_certificate

    try:
        return load_der_x509_certificate(certificate)
    except ValueError:
        return None


def _verify(chain: Sequence[bytes], top: bytes, names: Sequence[str], now: float) -> None:
    """Whether the host's own certificate is for one of the names and leads to the anchor. What is asked of public
    authorities beyond that (key identifiers, purposes) is no matter here: the domain has named this one.
    """
    from cryptography import x509
    from cryptography.x509 import verification

    own, anchor = _read(chain[0]), _read(top)
    if own is None or anchor is None:
        raise Mismatch("The host's certificates cannot be read")
    if not any(fits(name, subject_names(own)) for name in names):
        raise Mismatch(f"The host's certificate is not for {names[0]}", "certificate-host-mismatch")
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    if any(moment > one.not_valid_after_utc for one in (own, anchor)):
        raise Mismatch("The host's certificate has expired", "certificate-expired")
    anything = verification.ExtensionPolicy.permit_all()
    agnostic = verification.Criticality.AGNOSTIC
    builder = (
        verification.PolicyBuilder()
        .store(verification.Store([anchor]))
        .time(moment)
        .max_chain_depth(_CHAIN)
        .extension_policies(
            ca_policy=anything.require_present(x509.BasicConstraints, agnostic, None),
            ee_policy=anything.require_present(x509.SubjectAlternativeName, agnostic, None),
        )
    )
    between = [one for one in map(_read, chain[1:]) if one is not None]
    reason = ""
    for name in names:
        try:
            builder.build_server_verifier(x509.DNSName(name)).verify(own, between)
        except (verification.VerificationError, ValueError) as error:
            reason = str(error).partition(" (encountered")[0]
        else:
            return
    raise Mismatch(f"The host's certificate does not lead to its trust anchor ({reason})", "certificate-not-trusted")


def subject_names(certificate: Certificate) -> list[str]:
    """The DNS names that a certificate is for."""
    from cryptography import x509

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [name.lower() for name in found.value.get_values_for_type(x509.DNSName)]


def fits(name: str, patterns: Iterable[str]) -> bool:
    """Whether a host name is one of the patterns; `*.` stands for exactly one label (RFC 6125 §6.4.3)."""
    name = name.lower().rstrip(".")
    below = name.partition(".")[2]
    for pattern in patterns:
        pattern = pattern.lower().rstrip(".")
        if name == pattern or (below and pattern == f"*.{below}"):
            return True
    return False
