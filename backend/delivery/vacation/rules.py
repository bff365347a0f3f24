"""May this message be answered by a machine? A pure function of its header section and its envelope.

RFC 3834 §2 and RFC 5230 §4.6: never to lists, to machines, to nobody, or for mail that was not addressed to the person.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from backend.address import parse
from backend.errors import MailError

HEADER_BYTES = 65_536  # of the header section are looked at
_FIELDS = 1_000
_ADDRESSES = 2_000  # in To and Cc
_ADDRESS = re.compile(r"[^\s<>,;:\"()\[\]]{1,64}@[^\s<>,;:\"()\[\]]{1,255}")
_ROBOTS = re.compile(
    r"(owner-.*|.*-owner|.*-request|.*-bounces?|bounces?[+-].*|mailer-daemon|postmaster|listserv|majordomo"
    r"|no-?reply|do-?not-?reply|root|daemon|nobody)"
)
_TO = ("to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc")


@dataclass(frozen=True, slots=True)
class Header:
    """The fields that matter, unfolded; each value is the field's first unless it says otherwise."""

    fields: dict[str, str]  # by name in small letters
    recipients: tuple[str, ...]  # all addresses in To, Cc and their like


def read(section: bytes) -> Header:
    """The header section as far as it can be read; nothing in it is an error."""
    fields: dict[str, str] = {}
    recipients: list[str] = []
    text = section[:HEADER_BYTES].decode("utf-8", "replace").replace("\r\n", "\n")
    for field in re.sub(r"\n[ \t]+", " ", text).split("\n")[:_FIELDS]:
        name, colon, value = field.partition(":")
        if not colon:
            continue
        name = name.strip().lower()
        if name in _TO and len(recipients) < _ADDRESSES:
            recipients += _ADDRESS.findall(value)
        fields.setdefault(name, value.strip())
    return Header(fields, tuple(recipients[:_ADDRESSES]))


def refusal(header: Header, sender: str, is_own: Callable[[str], bool]) -> str:
    """Why there is no answer to `sender`; empty when there is one. `is_own`: whether an address (as `Address.key`) is
    one that reaches the person.
    """
    local = sender.rpartition("@")[0].lower()
    if not sender:
        return "it came from nobody (<>)"
    if _ROBOTS.fullmatch(local):
        return "its sender is a machine"
    if any(name.startswith("list-") for name in header.fields) or "mailing-list" in header.fields:
        return "it came from a list"
    if header.fields.get("precedence", "").lower() in ("bulk", "list", "junk"):
        return "it was sent in bulk"
    if _word(header.fields.get("auto-submitted", "no")) != "no":
        return "it was sent by a machine"
    suppressed = {word.strip().lower() for word in header.fields.get("x-auto-response-suppress", "").split(",")}
    if suppressed & {"all", "oof", "autoreply"}:
        return "its sender wants no automatic answers"
    if header.fields.get("x-spam-flag", "").lower() == "yes":
        return "it is marked as spam"
    if is_own(_key(sender)):
        return "the person wrote it"
    if not any(is_own(_key(address)) for address in header.recipients):
        return "the person is not named in To or Cc"
    return ""


def _word(value: str) -> str:
    """The keyword before parameters and comments (RFC 3834 §5)."""
    return re.split(r"[;\s(]", value.strip().lower(), maxsplit=1)[0]


def _key(address: str) -> str:
    try:
        return parse(address).key
    except MailError:
        return ""
