"""Header fields that the server adds, and the few that it looks for."""

from __future__ import annotations

import re

from backend import clock, ids
from backend.smtp.session import Session

_FIELDS = re.compile(rb"(?im)^(message-id|date|received|delivered-to|tls-required)[ \t]*:[ \t]*([^\r\n]*)")
_END = b"\r\n\r\n"
_UNSAFE = re.compile(r"[^!-'*-\[\]-~]")  # not printable ASCII, or ( ) \ which mean something in a comment


def section(start: bytes) -> bytes:
    """The header section of a message that begins with `start`, its last CR LF included."""
    if start.startswith(b"\r\n"):
        return b""
    end = start.find(_END)
    return start if end < 0 else start[: end + 2]


def ended(start: bytes) -> bool:
    """Whether the header section ends within `start`."""
    return start.startswith(b"\r\n") or _END in start


class Fields:
    """The fields of a header section that decide how a message goes on. Values are raw bytes of the first line."""

    __slots__ = ("date", "delivered_to", "message_id", "received", "tls_optional")

    def __init__(self, header: bytes) -> None:
        self.message_id: str | None = None
        self.date = False
        self.received = 0
        self.tls_optional = False  # TLS-Required: No (RFC 8689 §5)
        self.delivered_to: set[str] = set()
        for name, value in _FIELDS.findall(header):
            match name.lower():
                case b"received":
                    self.received += 1
                case b"date":
                    self.date = True
                case b"message-id" if self.message_id is None and value.strip():
                    self.message_id = value.strip()[:500].decode("utf-8", "replace")
                case b"tls-required" if value.strip().lower() == b"no":
                    self.tls_optional = True
                case b"delivered-to":
                    self.delivered_to.add(value.strip().decode("utf-8", "replace").lower())


def received(session: Session, hostname: str, identity: int, now: float, only_recipient: str | None) -> bytes:
    """The trace line (RFC 5321 §4.4), with the client's name where the DNS confirms it.

    `for` is named when there is one recipient only, so that Bcc stays blind.
    """
    peer = str(session.peer)
    address = f"[IPv6:{peer}]" if ":" in peer else f"[{peer}]"
    name = f"{_UNSAFE.sub('?', session.host)[:255]} " if session.host else ""
    helo = _UNSAFE.sub("?", session.helo)[:255] or "unknown"
    tls = f"\r\n\t({session.tls})" if session.tls else ""
    recipient = f"\r\n\tfor <{only_recipient}>" if only_recipient else ""
    return (
        f"Received: from {helo} ({name}{address})\r\n\tby {hostname} (Mailconsole) with {session.protocol}{tls}"
        f" id {ids.text(identity)}{recipient};\r\n\t{clock.date(now)}\r\n"
    ).encode()


def missing(fields: Fields, hostname: str, identity: int, now: float) -> bytes:
    """Date and Message-ID for a submission that has none (RFC 6409 §8.2 and §8.3)."""
    lines = b""
    if not fields.date:
        lines += f"Date: {clock.date(now)}\r\n".encode()
    if fields.message_id is None:
        fields.message_id = f"<{ids.text(identity)}@{hostname}>"
        lines += f"Message-ID: {fields.message_id}\r\n".encode()
    return lines
