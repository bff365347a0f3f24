"""What the DNS should say of our keys, and whether it does. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from backend.policy.dkim import key, signature
from backend.policy.dkim.key import Unusable
from backend.store.dkim_keys import DkimKey

_STRING = 255  # bytes of one string in a TXT record (RFC 1035 §3.3)
_TTL = 3_600  # seconds

Record = tuple[str, str, str]  # name without the last dot, type, text with its strings joined


def records(domain: str, keys: Iterable[DkimKey]) -> list[Record]:
    """What is to be published for a domain, of all keys that there are."""
    return [(name_of(one), "TXT", text_of(one)) for one in keys if one.domain == domain]


def name_of(one: DkimKey) -> str:
    """Where its record is."""
    return f"{one.selector}._domainkey.{one.domain}"


def text_of(one: DkimKey) -> str:
    """The record; a revoked key has an empty p= (RFC 6376 §3.6.1)."""
    public = "" if one.state == "revoked" else one.public
    return f"v=DKIM1; k={signature.ALGORITHMS[one.algorithm]}; p={public}"


def zone(some: Iterable[Record]) -> str:
    """Lines of a zone file (RFC 1035 §5.1), long texts in strings of 255 bytes at the most."""
    lines = []
    for name, kind, text in some:
        parts = [f'"{text[at : at + _STRING]}"' for at in range(0, len(text), _STRING)]
        value = parts[0] if len(parts) == 1 else "( " + "\n\t".join(parts) + " )"
        lines.append(f"{name}. {_TTL} IN {kind} {value}")
    return "\n".join(lines)


def shown(one: DkimKey, found: Sequence[bytes]) -> str:
    """What the DNS says of a key, from the texts that it has: right, missing, different."""
    if not found:
        return "right" if one.state == "revoked" else "missing"
    try:
        published = [key.read(record) for record in found]
    except Unusable as error:
        return "right" if one.state == "revoked" and "revoked" in str(error) else "different"
    if one.state == "revoked" or len(published) > 1:
        return "different"
    record = found[0].decode("utf-8", "replace").replace(" ", "")
    return "right" if f"p={one.public}" in record.split(";") else "different"
