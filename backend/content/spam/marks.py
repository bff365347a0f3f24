"""What a message that comes back says of its mark: its ids in our Received fields, and our X-Spam-Status."""

from __future__ import annotations

import re

from backend import ids
from backend.smtp.header import Fields
from backend.store.spam_scores import Scored

_HEADER = 64 * 1024  # bytes: our fields are on top
_FOLD = re.compile(rb"\r?\n[ \t]+")
_RECEIVED = re.compile(  # as `smtp.header.received` writes it; the lengths keep the work small, whatever others write
    rb"(?im)^received[ \t]*:[^\r\n]{0,800}?\sby ([!-~]{1,255}) \(Mailconsole\) with "
    rb"[^\r\n;]{0,300}?\sid ([0-9A-Z]{13})[ ;]"
)
_STATUS = re.compile(
    rb"(?im)^x-spam-status[ \t]*:[ \t]*(yes|no), score=(-?\d{1,6}\.\d+) [^\r\n]*? version=Mailconsole [!-~]+[ \t]*\r?$"
)
_SENDER = re.compile(rb"(?im)^(?:return-path|from)[ \t]*:[^\r\n]*?@([a-z0-9.-]{1,255})")
_MOST = 5  # ids: a message that passed here more often is in a loop


def read(data: bytes, hostname: str) -> tuple[list[int], str, Scored | None]:
    """The ids that this host gave the message, the newest first; its Message-ID; and the mark in its header, for when
    the score itself is forgotten. All of it is what the message says: somebody may have written it himself.
    """
    head = re.split(rb"\r?\n\r?\n", data[:_HEADER], maxsplit=1)[0] + b"\r\n"
    lines = _FOLD.sub(b" ", head)
    ours = hostname.encode().lower()
    found = (ids.parse(identity.decode()) for host, identity in _RECEIVED.findall(lines) if host.lower() == ours)
    known = [identity for identity in found if identity is not None][:_MOST]
    status, sender = _STATUS.search(lines), _SENDER.search(lines)
    domain = sender[1].decode().lower() if sender else ""
    told = Scored(0, 0.0, float(status[2]), status[1].lower() == b"yes", (), domain) if status else None
    return known, Fields(head).message_id or "", told
