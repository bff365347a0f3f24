"""How sure a connection out was, and why a host did not get the mail, in words."""

from __future__ import annotations

from typing import Any

# `trust` of a delivery.
TRUST = {
    "none": "The connection was not encrypted.",
    "opportunistic": "The connection was encrypted; nobody vouched for the host.",
    "encrypted": "The connection was encrypted, as its domain asks; nobody vouched for the host.",
    "dane": "The connection was encrypted, and the host was verified by DANE.",
    "sts": "The connection was encrypted, and the host was verified as its domain's policy (MTA-STS) asks.",
    "pkix": "The connection was encrypted, and the host was verified by its certificate.",
}
# Result types of RFC 8460 §4.3, said of a host.
FAILURES = {
    "starttls-not-supported": "offers no encrypted connection",
    "certificate-host-mismatch": "has a certificate for another name",
    "certificate-expired": "has a certificate that has expired",
    "certificate-not-trusted": "has a certificate from an authority that is not trusted",
    "validation-failure": "could not show that it is the host that is meant",
    "tlsa-invalid": "has TLSA records that cannot be used",
    "dnssec-invalid": "cannot be checked, for the DNS gives no valid answer",
    "dane-required": "has no TLSA records that can be used",
    "sts-policy-fetch-error": "has a policy (MTA-STS) that could not be fetched",
    "sts-policy-invalid": "has a policy (MTA-STS) that is none",
    "sts-webpki-invalid": "has a policy (MTA-STS) on a web server whose certificate is not valid",
}
ASKED_BY = {
    "dane": "its domain asks us to make sure (DANE)",
    "sts": "its domain asks us to make sure (MTA-STS)",
    "site": "our settings ask us to make sure",
    "message": "the sender asked for encrypted connections only (REQUIRETLS)",
}


# What a connection must be, by level.
DEMANDS = {
    "none": "Plain text, whatever it offers",
    "may": "Encrypted when that works; its certificate is not looked at",
    "encrypt": "Encrypted or not at all; its TLSA records cannot be used, so its certificate is not looked at",
    "test": "Encrypted, with a certificate for {name} that an authority vouches for; the mail goes out without, too",
    "pkix": "Encrypted, with a certificate for {name} that an authority vouches for, or not at all",
    "dane": "Encrypted, with a certificate that its TLSA records name, or not at all",
}


def demand(level: str, asked_by: str, names: tuple[str, ...]) -> str:
    """What a connection to a host must be, and who asks for it."""
    words = DEMANDS[level].format(name=names[0] if names else "its name")
    asked = ASKED_BY.get(asked_by)
    return f"{words}: {asked}." if asked and level != "none" else f"{words}."


def trust(detail: dict[str, Any]) -> str:
    """A sentence about a delivery's connection, with a blank before it; empty for one of an older release."""
    words = TRUST.get(str(detail.get("trust", "")))
    return f" {words}" if words else ""


def unfit(detail: dict[str, Any], host: str) -> str:
    """Why a host was not given the mail; empty when it was for another reason."""
    failure, asked = FAILURES.get(str(detail.get("failure", ""))), ASKED_BY.get(str(detail.get("asked_by", "")))
    if failure is None or asked is None:
        return ""
    return f"{host or 'their mail host'} {failure}, and {asked}; their postmaster can mend it"
