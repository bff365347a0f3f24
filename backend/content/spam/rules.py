"""Rules with points: what a message's form, and what the checks found about who brought it, say for or against it.

A rule is a name for the header, points, and a sentence for people. The model learns words; these are for what no
collection of old mail can teach: today's checks, and tricks that nobody uses by accident.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parseaddr

from backend.content.scorer import Context, Reason
from backend.content.unpacked import Unpacked

GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
_ALWAYS = 1000.0
_TRIED = 64 * 1024  # characters of text that rules look at
_MANY_MIXED = 3  # words; one or two may be a name

# (the check, what it found) -> name, points, why. A pass says who sent it and not what it is: spammers have domains.
# All that can fail of a forwarded message stays below the usual threshold, so it takes words or form to mark it.
FINDINGS = {
    ("spf", "pass"): ("SPF_PASS", -0.1, "SPF: the host may send for the sender's domain"),
    ("spf", "fail"): ("SPF_FAIL", 2.0, "SPF: the sender's domain forbids this host to send for it"),
    ("spf", "softfail"): ("SPF_SOFTFAIL", 0.8, "SPF: the sender's domain would rather not have this host send"),
    ("spf", "permerror"): ("SPF_FAULTY", 0.3, "SPF: the record of the sender's domain is faulty"),
    ("dkim", "pass"): ("DKIM_PASS", -0.2, "DKIM: a signature is good"),
    ("dkim", "fail"): ("DKIM_FAIL", 0.3, "DKIM: no signature is good"),
    ("dmarc", "pass"): ("DMARC_PASS", -0.5, "DMARC: the author's domain vouches for it"),
    ("dmarc", "fail"): ("DMARC_FAIL", 2.0, "DMARC: the author's domain does not vouch for it"),
    ("dns black lists", "listed"): ("BLACK_LISTED", 3.5, "a black list of the DNS has the host"),
    ("dns white lists", "listed"): ("WHITE_LISTED", -3.0, "a white list of the DNS has the host"),
    ("reverse dns", "permerror"): ("NO_REVERSE_DNS", 1.5, "the host has no name in the reverse DNS"),
    ("reverse dns", "fail"): ("FALSE_REVERSE_DNS", 1.0, "the host's name in the reverse DNS does not lead back"),
}

_DOUBLE = re.compile(
    r"(?i)\.(?:pdf|docx?|xlsx?|jpe?g|png|txt|html?)\s{0,40}\.(?:exe|scr|pif|com|bat|cmd|vbs|js|jar|lnk)$"
)
_NUMBER_LINK = re.compile(r"(?i)https?://(?:\d{1,3}\.){3}\d{1,3}[:/]")
_AT_LINK = re.compile(r"(?i)https?://[^\s/@\"'<>]{1,80}@[^\s/]")
_UNSEEN = re.compile("[\u200b-\u200f\u2060\u00ad\u202a-\u202e]")
_MIXED = re.compile(r"[A-Za-z]{2}[\u0400-\u04ff\u0370-\u03ff][A-Za-z]|[\u0400-\u04ff]{2}[A-Za-z][\u0400-\u04ff]")
_ADDRESS = re.compile(r"[\w.+-]{1,64}@([\w-]{1,63}(?:\.[\w-]{1,63}){1,5})")


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the rules look at: `fields` by their names in lower case, `linked`: text and HTML, where links are."""

    message: Unpacked
    fields: dict[str, str]
    text: str
    linked: str

    @property
    def subject(self) -> str:
        return self.fields.get("subject", "")


def _other_address(seen: _Seen) -> bool:
    name, address = parseaddr(seen.fields.get("from", "")[:300])
    shown = _ADDRESS.search(name)
    return shown is not None and not address.lower().endswith(shown[1].lower())


def _double_extension(seen: _Seen) -> bool:
    return any(_DOUBLE.search(piece.name[-120:]) for piece in seen.message.pieces)


def _mixed_alphabets(seen: _Seen) -> bool:
    return bool(_MIXED.search(seen.subject)) or len(_MIXED.findall(seen.text)) > _MANY_MIXED


def _unseen_in_subject(seen: _Seen) -> bool:
    return bool(_UNSEEN.search(seen.subject))


# name, points, why, whether it fits
RULES: tuple[tuple[str, float, str, Callable[[_Seen], bool]], ...] = (
    ("NO_DATE", 0.8, "it has no Date", lambda seen: "date" not in seen.fields),
    ("NO_MESSAGE_ID", 0.5, "it has no Message-ID", lambda seen: "message-id" not in seen.fields),
    ("NO_FROM", 1.5, "it has no author", lambda seen: not seen.fields.get("from", "").strip()),
    ("NAME_IS_OTHER_ADDRESS", 1.5, "the author's name is an address of another domain", _other_address),
    ("DOUBLE_EXTENSION", 2.5, "an attachment hides that it is a program", _double_extension),
    ("NUMERIC_LINK", 0.8, "a link leads to a bare address", lambda seen: bool(_NUMBER_LINK.search(seen.linked))),
    ("LINK_WITH_NAME", 0.8, "a link hides its host behind @", lambda seen: bool(_AT_LINK.search(seen.linked))),
    ("UNSEEN_IN_SUBJECT", 1.2, "its subject has letters that nobody sees", _unseen_in_subject),
    ("MIXED_ALPHABETS", 1.5, "words mix letters of two alphabets that look the same", _mixed_alphabets),
)  # fmt: skip


def reasons(message: Unpacked, context: Context) -> Iterator[Reason]:
    """The rules that fit."""
    fields: dict[str, str] = {}
    for name, value in message.header:
        fields.setdefault(name.lower(), value)
    text = "\n".join(piece.text for piece in message.pieces if piece.text)
    if GTUBE in text or GTUBE in fields.get("subject", ""):
        yield Reason("GTUBE", _ALWAYS, "it is the message that tests spam filters")
    text = text[:_TRIED]
    markup = [piece.data.decode("latin-1") for piece in message.pieces if piece.kind == "text/html"]
    seen = _Seen(message, fields, text, "\n".join((text, *markup))[: 2 * _TRIED])
    for name, points, words, fits in RULES:
        if fits(seen):
            yield Reason(name, points, words)
    for finding in context.findings.items():
        if finding in FINDINGS:
            yield Reason(*FINDINGS[finding])
