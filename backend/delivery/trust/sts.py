"""MTA-STS in writing: the TXT record, the policy, and which hosts it means (RFC 8461). Pure functions.

Others are read strictly, as the RFC wants; our own policy is written from the settings.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from backend.config import Settings
from backend.delivery.trust import dane

_TXT = re.compile(r"v=STSv1(?:[ \t]*;[ \t]*[A-Za-z0-9][A-Za-z0-9_.-]{0,31}[ \t]*=[ \t]*[!-:<>-~]+)*[ \t]*;?[ \t]*")
_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_FIELD = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,31})[ \t]*:[ \t]*(.*?)[ \t]*")
_LONGEST = 31_557_600  # seconds of max_age: a year (RFC 8461 §3.2)
_PATTERNS = 200  # mx lines
_MODES = ("enforce", "testing", "none")


class Invalid(Exception):
    """It is no policy."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a domain says of its mail hosts."""

    mode: str  # enforce, testing, none
    mx: tuple[str, ...]
    max_age: int  # seconds

    def means(self, host: str) -> bool:
        """Whether a mail host is one of them; `*.` stands for exactly one label (§4.1)."""
        return dane.fits(host, self.mx)

    @property
    def strings(self) -> tuple[str, ...]:
        """The policy as lines, for reports."""
        lines = (f"mx: {pattern}" for pattern in self.mx)
        return ("version: STSv1", f"mode: {self.mode}", *lines, f"max_age: {self.max_age}")


def record_id(texts: Iterable[str]) -> str | None:
    """The id in the TXT records of _mta-sts; None: no policy, for none or more than one begins as it must (§3.1)."""
    ours = [text for text in texts if text.startswith("v=STSv1")]
    if len(ours) != 1 or not _TXT.fullmatch(ours[0]):
        return None
    for field in ours[0].split(";")[1:]:
        key, _, value = field.partition("=")
        if key.strip() == "id":
            return value.strip() if _ID.fullmatch(value.strip()) else None
    return None


def parse(body: bytes) -> Policy:
    """A policy file (§3.2); Invalid. Of a key that is given twice the first counts, but for mx."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Invalid("it is not UTF-8") from None
    found: dict[str, str] = {}
    patterns: list[str] = []
    for line in re.split(r"\r?\n", text):
        if not line.strip(" \t"):
            continue
        match = _FIELD.fullmatch(line)
        if match is None:
            raise Invalid("a line of it is not key: value")
        key, value = match.groups()
        if key == "mx":
            patterns.append(_pattern(value))
        else:
            found.setdefault(key, value)
    if found.get("version") != "STSv1":
        raise Invalid("its version is not STSv1")
    mode, age = found.get("mode", ""), found.get("max_age", "")
    if mode not in _MODES:
        raise Invalid("its mode is none of enforce, testing, none")
    if not re.fullmatch(r"[0-9]{1,10}", age) or int(age) > _LONGEST:
        raise Invalid("its max_age is no number of seconds up to a year")
    if (mode != "none" and not patterns) or len(patterns) > _PATTERNS:
        raise Invalid("it names no mx" if not patterns else "it names too many mx")
    return Policy(mode, tuple(patterns), int(age))


def _pattern(value: str) -> str:
    pattern = value.lower().rstrip(".")
    if len(pattern) > 255 or not re.fullmatch(r"(\*\.)?[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*", pattern):
        raise Invalid("one of its mx is no host name")
    return pattern


# -- our own


def policy_text(settings: Settings) -> str:
    """What https://mta-sts.DOMAIN/.well-known/mta-sts.txt should say for each of our domains, with CR LF (§3.2)."""
    outbound = settings.outbound
    hosts = outbound.own_hosts or (settings.site.hostname,)
    lines = ["version: STSv1", f"mode: {outbound.own_mode}", *(f"mx: {host}" for host in hosts)]
    return "".join(f"{line}\r\n" for line in (*lines, f"max_age: {outbound.own_days * 86_400}"))


def policy_id(settings: Settings) -> str:
    """The id for the TXT record _mta-sts.DOMAIN: another one whenever the text is another."""
    return hashlib.sha256(policy_text(settings).encode()).hexdigest()[:20]


def policy_record(settings: Settings) -> str:
    """The TXT record _mta-sts.DOMAIN (§3.1)."""
    return f"v=STSv1; id={policy_id(settings)};"
