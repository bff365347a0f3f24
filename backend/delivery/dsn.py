"""The text of a delivery status notification: multipart/report as RFC 3464 and RFC 6533 want it. Pure: no socket, no
store, no clock.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from backend import clock, ids
from backend.config import Site
from backend.store.notices import Notice

_SHOWN = 300  # recipients told of in words; the machine-readable part has all of them
_WIDTH = 76
_XTEXT = re.compile(r"\+([0-9A-F]{2})")

_SUBJECTS = {
    "failed": "Your message could not be delivered",
    "delayed": "Your message is delayed",
    "delivered": "Your message was delivered",
    "relayed": "Your message was passed on",
}
_WORDS = {
    "failed": "Your message could not be delivered to:",
    "delayed": "Your message has not been delivered yet. We go on trying; you need not send it again. It waits for:",
    "delivered": "As you asked to be told: your message was delivered to:",
    "relayed": "Your message was passed on to a host that sends no confirmations, for:",
}
_ADVICE = {
    "5.1.1": "Check the spelling of the address, or ask the person for the new one.",
    "5.1.2": "Check the spelling of what follows the @: there is no such domain.",
    "5.1.10": "This domain takes no mail at all; write to another address.",
    "5.2.2": "The mailbox is full; try again later, or reach the person in another way.",
    "5.3.4": "The message is too large for the other side; send a link in place of the attachment.",
    "5.7.1": "The other side does not accept it from you; its postmaster can say why.",
    "5.7.30": "You asked for encrypted connections only (REQUIRETLS), and the other side does not keep to that.",
    "5.6.3": "The other side takes plain 7-bit text only; send it without attachments and special characters.",
    "4.4.7": "The other side could not be reached for days; try another way to reach the person.",
    "4.4.1": "Their mail host does not answer.",
}


@dataclass(frozen=True, slots=True)
class Original:
    """The message that is reported on. `text` is all of it, or its header section only when not `full`."""

    sender: str
    text: bytes
    full: bool
    received: float
    message_id: str | None
    envid: str | None
    smtputf8: bool


def build(identity: int, site: Site, now: float, original: Original, notices: Sequence[Notice]) -> bytes:
    """The DSN, with CR LF at the end of each line. `identity` gives its Message-ID and its boundary."""
    hostname = site.hostname
    kind = next(action for action in _SUBJECTS if any(notice.action == action for notice in notices))
    wide = original.smtputf8 or not all(notice.recipient.isascii() for notice in notices)
    boundary = f"report_{ids.text(identity)}"
    while boundary.encode() in original.text:
        boundary += "_"
    head = [
        f"Date: {clock.date(now)}",
        f"From: Mail delivery <postmaster@{site.domain}>",
        f"To: <{original.sender}>",
        f"Subject: {_SUBJECTS[kind]}",
        f"Message-ID: <{ids.text(identity)}@{hostname}>",
        *_in_reply_to(original.message_id),
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status;",
        f'\tboundary="{boundary}"',
        "",
        "This is a report in MIME format.",
        "",
    ]
    status = "message/global-delivery-status" if wide else "message/delivery-status"
    parts = [
        ("text/plain; charset=utf-8", _for_people(hostname, now, notices)),
        (status, _for_machines(hostname, original, notices, wide=wide)),
        (_original_type(original, wide=wide), original.text),
    ]
    out = "\r\n".join(head).encode()
    for content_type, body in parts:
        eight = "" if body.isascii() else "Content-Transfer-Encoding: 8bit\r\n"
        out += f"\r\n--{boundary}\r\nContent-Type: {content_type}\r\n{eight}\r\n".encode() + body
    return out + f"\r\n--{boundary}--\r\n".encode()


def _in_reply_to(message_id: str | None) -> list[str]:
    return [f"In-Reply-To: {message_id}"] if message_id and re.fullmatch(r"<[!-;=?-~]{1,250}>", message_id) else []


def _original_type(original: Original, *, wide: bool) -> str:
    if wide:
        return "message/global" if original.full else "message/global-headers"
    return "message/rfc822" if original.full else "text/rfc822-headers"


def _for_people(hostname: str, now: float, notices: Sequence[Notice]) -> bytes:
    lines = [f"This is the mail host {hostname}."]
    for action, words in _WORDS.items():
        some = [notice for notice in notices if notice.action == action]
        if not some:
            continue
        lines += ["", *_folded(words)]
        for notice in some[:_SHOWN]:
            lines += ["", f"  <{notice.recipient}>"]
            if action in ("failed", "delayed"):
                who = f"{notice.mta.partition('[')[0]} said: " if notice.mta else ""
                lines += [f"    {line}" for line in _folded(f"{who}{notice.reply}")]
                if notice.status in _ADVICE:
                    lines += [f"    {line}" for line in _folded(_ADVICE[notice.status])]
            if notice.until is not None:
                left = clock.in_words(max(0.0, notice.until - now))
                lines.append(f"    We try for {left} more, until {clock.date(notice.until)}.")
        if len(some) > _SHOWN:
            lines += ["", f"  and {len(some) - _SHOWN} more; the part below has them all."]
    lines += ["", "Questions? Write to the postmaster of this host, and send this report along."]
    return ("\r\n".join(lines) + "\r\n").encode("utf-8", "replace")


def _folded(text: str) -> list[str]:
    lines = [""]
    for word in _plain(text).split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > _WIDTH - 4:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _for_machines(hostname: str, original: Original, notices: Sequence[Notice], *, wide: bool) -> bytes:
    fields = [f"Reporting-MTA: dns; {hostname}", f"Arrival-Date: {clock.date(original.received)}"]
    if original.envid:
        fields.insert(0, f"Original-Envelope-Id: {_plain(from_xtext(original.envid))}")
    for notice in notices:
        fields.append("")
        if notice.orcpt:
            kind, _, address = notice.orcpt.partition(";")
            fields.append(f"Original-Recipient: {kind}; {_plain(from_xtext(address))}")
        kind = "utf-8" if wide and not notice.recipient.isascii() else "rfc822"
        fields.append(f"Final-Recipient: {kind}; {notice.recipient}")
        fields.append(f"Action: {notice.action}")
        fields.append(f"Status: {notice.status or '4.0.0'}")
        if notice.mta:
            fields.append(f"Remote-MTA: dns; {notice.mta.partition('[')[0]}")
            if notice.reply:
                fields.append(f"Diagnostic-Code: smtp; {_plain(notice.reply)}")
        fields.append(f"Last-Attempt-Date: {clock.date(notice.time)}")
        if notice.until is not None:
            fields.append(f"Will-Retry-Until: {clock.date(notice.until)}")
    text = "\r\n".join(fields) + "\r\n"
    return text.encode("utf-8", "replace") if wide else text.encode("ascii", "backslashreplace")


def from_xtext(text: str) -> str:
    """What `+3D` and the like stand for (RFC 3461 §4)."""
    return _XTEXT.sub(lambda found: chr(int(found[1], 16)), text)


def _plain(text: str) -> str:
    """On one line of a length that mail allows, nothing but printable characters: it comes from other hosts."""
    return "".join(letter if letter.isprintable() else " " for letter in text)[:900]
