"""The text of an answer. Pure: what the sender wrote is decoded with care, and can add no line to it."""

from __future__ import annotations

import quopri
import re
from email.errors import HeaderParseError
from email.header import Header as Encoded
from email.header import decode_header, make_header

from backend import clock, ids
from backend.delivery.vacation.rules import Header
from backend.store.vacations import Vacation

_SUBJECT = 200  # characters of the other one's subject
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def build(vacation: Vacation, address: str, sender: str, header: Header, identity: int, now: float, host: str) -> bytes:
    """The whole message, with CR LF at the end of each line (RFC 3834 §3)."""
    lines = [
        f"Date: {clock.date(now)}",
        f"From: <{address}>",
        f"To: <{sender}>",
        f"Subject: {_encoded(subject(vacation, header))}",
        f"Message-ID: <{ids.text(identity)}@{host}>",
        *_references(header),
        "Auto-Submitted: auto-replied (vacation)",
        "X-Auto-Response-Suppress: All",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
        "",
        "",
    ]
    body = quopri.encodestring("\n".join(vacation.text.splitlines()).encode("utf-8", "replace") + b"\n")
    return "\r\n".join(lines).encode() + body.replace(b"\n", b"\r\n")


def subject(vacation: Vacation, header: Header) -> str:
    """The one that was set, or that of the message that is answered."""
    return vacation.subject or f"Auto: {_decoded(header.fields.get('subject', ''))}".strip()


def _decoded(value: str) -> str:
    try:
        text = str(make_header(decode_header(value[: 4 * _SUBJECT])))
    except (HeaderParseError, LookupError, ValueError):
        text = value
    return _CONTROLS.sub(" ", text).strip()[:_SUBJECT]


def _encoded(text: str) -> str:
    clean = _CONTROLS.sub(" ", text)
    return Encoded(clean, None if clean.isascii() else "utf-8", header_name="Subject").encode(linesep="\r\n")


def _references(header: Header) -> list[str]:
    """In-Reply-To and References (RFC 5322 §3.6.4), of ids that are ones."""
    found = header.fields.get("message-id", "")
    if not _MESSAGE_ID.fullmatch(found):
        return []
    known = _MESSAGE_ID.findall(header.fields.get("references", header.fields.get("in-reply-to", "")))
    thread = "\r\n\t".join([*known[-10:], found])
    return [f"In-Reply-To: {found}", f"References: {thread}"]
