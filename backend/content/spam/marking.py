"""The mark of spam in a header section: `***SPAM***` in front of Subject, and the X-Spam fields.

A section is bytes with CR LF, of outside people, however broken; what is not about the mark stays as it came, byte
for byte.
"""

from __future__ import annotations

import re

from backend.content.scorer import Score
from backend.content.spam.tokens import MARK

_FIELD = re.compile(rb"[^\n]*(?:\n[ \t][^\n]*)*(?:\n|\Z)")
_OURS = re.compile(rb"x-spam-[!-9;-~]*[ \t]*:", re.IGNORECASE)
_SUBJECT = re.compile(rb"(subject[ \t]*:)((?:[ \t]|\r?\n[ \t])*)", re.IGNORECASE)
_STARS = 50  # in X-Spam-Level
_TESTS = 20  # reasons that are named


def fields(score: Score, threshold: float, version: str, *, spam: bool) -> bytes:
    """X-Spam-Flag, -Level, -Score and -Status with their line ends. Nothing of the message itself is in them."""
    names = ",\r\n\t\t".join(f"{reason.name}={reason.points:.1f}" for reason in score.reasons[:_TESTS]) or "none"
    stars = "*" * max(0, min(_STARS, int(score.points)))
    flag = "X-Spam-Flag: YES\r\n" if spam else ""
    level = f"X-Spam-Level: {stars}\r\n" if stars else ""
    return (
        f"{flag}{level}X-Spam-Score: {score.points:.1f}\r\n"
        f"X-Spam-Status: {'Yes' if spam else 'No'}, score={score.points:.1f} required={threshold:.1f}\r\n"
        f"\ttests={names}\r\n\tversion=Mailconsole {version}\r\n"
    ).encode("ascii", "replace")


def without(section: bytes) -> bytes:
    """The section without X-Spam fields, which only the sender can have written; the same object if there are none."""
    if b"x-spam-" not in section.lower():
        return section
    kept = [field for field in _split(section) if not _OURS.match(field)]
    return b"".join(kept)


def marked(section: bytes, mark: str = MARK) -> bytes:
    """The section with the mark in front of each Subject, or with a Subject where there is none; marked once only."""
    sign = mark.encode("ascii", "replace")
    found, changed = list[bytes](), False
    for field in _split(section):
        head = _SUBJECT.match(field)
        if head is None:
            found.append(field)
            continue
        changed = True
        rest = field[head.end() :]
        if rest.startswith(sign):
            found.append(field)
        else:  # a folded start is unfolded: a line of blanks only may not be left behind
            blank = b" " if b"\n" in head[2] or not head[2] else head[2]
            found.append(head[1] + blank + sign + (b" " + rest if rest.strip() else rest))
    if not changed:
        end = b"" if not found or found[-1].endswith(b"\n") else b"\r\n"
        found.append(end + b"Subject: " + sign + b"\r\n")
    return b"".join(found)


def _split(section: bytes) -> list[bytes]:
    """The fields, each with its folded lines and its line end."""
    return [field for field in _FIELD.findall(section) if field]
