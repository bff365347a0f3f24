"""Records as zone files have them (RFC 1035 §5)."""

from __future__ import annotations

from collections.abc import Iterable

from backend.zone.wanted import Own, Wanted, sts_policy

_STRING = 255  # bytes of one string of a text (RFC 1035 §3.3)
_TTL = 3_600


def line(wanted: Wanted, origin: str = "") -> str:
    """One record, its name relative to `origin` when it lies in there, else whole."""
    return f"{_name(wanted.name, origin):<24} {wanted.kind:<5} {data(wanted)}"


def data(wanted: Wanted) -> str:
    """The value: a text in quotes, in pieces that are short enough."""
    if wanted.kind != "TXT":
        return wanted.value
    raw = wanted.value.replace("\\", "\\\\").replace('"', '\\"')
    return " ".join(f'"{raw[at : at + _STRING]}"' for at in range(0, len(raw), _STRING)) or '""'


def zone(own: Own, wanted: Iterable[Wanted]) -> str:
    """What to put into the zone of a domain; what belongs elsewhere, or only the site knows, as comments."""
    inside: list[str] = []
    outside: list[str] = []
    for one in wanted:
        if not one.value:
            outside.append(f"; {_name(one.name, own.domain):<22} {one.kind:<5} ...  {one.why}")
        elif one.name == own.domain or one.name.endswith(f".{own.domain}"):
            inside += [f"; {one.why}", line(one, own.domain)]
        else:
            outside += [f"; {one.why}", f"; {line(one)}"]
    lines = [f"$ORIGIN {own.domain}.", f"$TTL {_TTL}", *inside]
    if outside:
        lines += ["", "; In other zones, or for you to fill in:", *outside]
    policy = [f";   {words}" for words in sts_policy(own).splitlines()]
    lines += ["", f"; https://mta-sts.{own.domain}/.well-known/mta-sts.txt, for MTA-STS:", *policy]
    return "\n".join(lines) + "\n"


def _name(name: str, origin: str) -> str:
    if origin and name == origin:
        return "@"
    if origin and name.endswith(f".{origin}"):
        return name.removesuffix(f".{origin}")
    return f"{name}."
