"""What a message is made of, as sets of tokens: words and pairs of words, fragments of text and header, the form of
header, HTML and links, and who agrees with whom. What the model weighs and what a site learns.

Nothing here looks at which host, list or day a message is from, nor at what those who carried it or kept it have put
on top, so that what is learnt from one collection holds for others. The work is bounded, whatever the message is.
"""

from __future__ import annotations

import html
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.utils import parseaddr, parsedate_tz
from itertools import pairwise

from backend.content.spam import agreement
from backend.content.unpacked import Unpacked

MARK = "***SPAM***"  # ours, of mail that was marked; it says nothing of the mail itself
WORDS = 1500  # of the text that are read
FRAGMENTS = 1500  # characters of the text whose fragments are read
_SUBJECT = 120  # and of the subject
_WRITTEN = 1200  # bytes of the header fields whose fragments are read
_ONE = 160  # characters of one such field
_LINKS = 60
_TAGS = 1500
_VALUE = 300  # characters of a header field

_WORD = re.compile(r"[^\W_]{1,40}(?:['’-][^\W_]{1,40}){0,4}|[$€£%]|!{1,4}|\?{2,4}")
_DIGITS = re.compile(r"\d")
_LINK = re.compile(r"https?://([^\s/'\"<>?#]{1,100})([^\s'\"<>]{0,200})", re.IGNORECASE)
_TARGET = re.compile(rb"(?i)https?://[^\s\"'<>]{1,300}")
_TAG = re.compile(rb"<([a-zA-Z][a-zA-Z0-9]{0,15})")
_ATTRIBUTE = re.compile(
    rb"(?i)\b(bgcolor|color|size|face|width|height|border|align|style|background)\s{0,3}[=:]\s{0,3}[\"']?([#\w+-]{1,12})"
)
_SHAPES = (
    (re.compile(r"[0-9a-f]{8,}"), "H"),
    (re.compile(r"\d+"), "9"),
    (re.compile(r"[A-Z]+"), "A"),
    (re.compile(r"[a-z]+"), "a"),
)
_REPLY = re.compile(r"(?i)\s{0,5}(?:\[[^\]]{0,60}\]\s{0,5})?(?:re|aw|sv|rv|antw)\s{0,2}(?:\[\d+\])?:")
_DEAR = re.compile(
    r"(?i)(?:dear|hello|hi|attention) (?:friend|sir|customer|user|member|valued|madam|client|beneficiary)"
)
_PRESENT = (
    "in-reply-to", "references", "reply-to", "x-priority", "x-msmail-priority", "mime-version", "cc", "message-id",
    "to", "from", "date", "subject", "x-mailer", "user-agent", "importance", "content-type", "organization",
)  # fmt: skip
_ORDER = frozenset(
    ("from", "to", "subject", "date", "message-id", "mime-version", "content-type", "reply-to", "x-mailer")
)
_AUTHORS = frozenset(  # fields that the author's program writes, not those who carry the mail
    ("from", "subject", "reply-to", "mime-version", "content-type", "content-transfer-encoding", "x-mailer",
     "user-agent", "x-mimeole", "x-priority", "x-msmail-priority", "importance", "organization", "content-disposition",
     "x-accept-language", "content-language", "thread-index")
)  # fmt: skip
_HTML = (
    b"<form", b"<script", b"<iframe", b"<!--", b"display:none", b"onmouse", b"<input", b"mailto:", b"<style",
    b"<map", b"cellspacing", b"<html", b"<center", b"visibility", b"font-size:0", b"font-size:1px",
)  # fmt: skip
_BROKEN = re.compile(rb"\w<!--[^>]{0,80}-->\w|\w</?[a-z]{6,20}>\w")


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a message by their kinds, for each of which the model has a table."""

    words: frozenset[str]  # words, and pairs of them, of subject and text
    fragments: frozenset[int]  # four bytes of the subject and of the beginning of the text, as a number
    form: frozenset[str]  # of header, HTML and links
    head: frozenset[int]  # four bytes of what the author's program wrote into the header


def tokens(message: Unpacked, host: str = "") -> Tokens:
    """The tokens of a message. `host`: the name of who brings it, when no Received field says that yet."""
    fields: dict[str, str] = {}
    for name, value in message.header:
        fields.setdefault(name.lower(), value[:_VALUE])
    subject = fields.get("subject", "").removeprefix(MARK)
    text = "\n".join(piece.text for piece in message.pieces if piece.text)
    read = _words(text, WORDS)
    form = {*_header(fields, [name.lower() for name, _ in message.header[:100]]), *_subject_form(subject)}
    form.update(_parts(message))
    form.update(_text_form(text, read))
    linked = set[str]()
    form.update(_links(text, linked))
    for piece in message.pieces:
        if piece.kind == "text/html":
            form.update(_html(piece.data, piece.text))
            form.update(_links(_targets(piece.data), linked))
    received = [value for name, value in message.header[:100] if name.lower() == "received"]
    form.update(agreement.signs(_domain(fields), _right(fields), received, host, linked))
    return Tokens(
        words=frozenset((*_subject(subject), *_text(read))),
        fragments=_windows(f"{_flat(subject, _SUBJECT)}\n{_flat(text, FRAGMENTS)}".encode("utf-8", "replace")),
        form=frozenset(form),
        head=_windows(_written(message.header, subject)),
    )


def _domain(fields: dict[str, str]) -> str:
    return parseaddr(fields.get("from", ""))[1].rpartition("@")[2]


def _right(fields: dict[str, str]) -> str:
    return fields.get("message-id", "").strip(" <>").rpartition("@")[2]


def _flat(text: str, most: int) -> str:
    return " ".join(text[: 2 * most].lower().split())[:most]


def _windows(data: bytes) -> frozenset[int]:
    """Each four bytes that follow one another, as a number."""
    found = set[int]()
    for start in range(4):
        number = (len(data) - start) // 4
        if number > 0:
            found.update(struct.unpack_from(f"<{number}I", data, start))
    return frozenset(found)


def _written(header: Iterable[tuple[str, str]], subject: str) -> bytes:
    """The header fields that the author's program wrote, in their order, digits made equal."""
    lines = []
    for name, value in header:
        name = name.lower()
        if name in _AUTHORS:
            lines.append(f"{name}: {(subject if name == 'subject' else value)[:_ONE]}")
            if len(lines) == 2 * len(_AUTHORS):
                break
    return _DIGITS.sub("0", "\n".join(lines)[:_WRITTEN]).encode("utf-8", "replace")


def _folded(word: str) -> str:
    """A word in lower case, its digits made equal."""
    word = word.lower()[:20]
    return f"#{len(word)}" if word.isdigit() else _DIGITS.sub("#", word)


def _words(text: str, most: int) -> list[str]:
    found = list[str]()
    for match in _WORD.finditer(text):
        found.append(match[0])
        if len(found) == most:
            break
    return found


def _shape(text: str) -> str:
    text = text[:60]
    for pattern, letter in _SHAPES:
        text = pattern.sub(letter, text)
    return text[:24]


def _subject(subject: str) -> Iterator[str]:
    words = [_folded(word) for word in _words(subject, 40)]
    for word in words:
        yield "s:" + word
    for one, two in zip(["^", *words], [*words, "$"], strict=True):
        yield f"s:{one} {two}"


def _subject_form(subject: str) -> Iterator[str]:
    if len(subject) > 8 and subject.upper() == subject:
        yield "h:capitals"
    if _REPLY.match(subject):
        yield "h:reply"
    if re.search(r"\s{4,20}\S{1,40}$", subject[:200]):
        yield "h:tail"
    if not subject.strip():
        yield "h:nosubject"


def _header(fields: dict[str, str], names: list[str]) -> Iterator[str]:
    for name in _PRESENT:
        yield ("h+" if name in fields else "h-") + name
    order = [name for name in names if name in _ORDER]
    for one, two in pairwise(order):
        yield f"ho:{one}>{two}"
    name, address = parseaddr(fields.get("from", ""))
    local, _, domain = address.lower().rpartition("@")
    for word in _words(name, 10):
        yield "f:" + _folded(word)
    yield "f:" + ("named" if name else "bare")
    yield "fl:" + _shape(local)
    if local and local in name.lower():
        yield "f:local"
    _, answer = parseaddr(fields.get("reply-to", ""))
    if answer:
        yield "h:answers" + ("same" if answer.lower() == address.lower() else "elsewhere")
    to_name, to = parseaddr(fields.get("to", ""))
    yield "to:" + ("self" if to and to.lower() == address.lower() else "name" if to_name else "bare" if to else "none")
    yield f"to:{min(fields.get('to', '').count('@'), 5)}"
    if "undisclosed" in fields.get("to", "").lower():
        yield "to:undisclosed"
    yield from _identity(fields.get("message-id", ""), domain)
    yield from _date(fields.get("date", ""))
    for word in _words(fields.get("x-mailer", "") or fields.get("user-agent", ""), 8):
        yield "x:" + _folded(word)
    boundary = re.search(r'boundary="?([^";\s]{1,70})', fields.get("content-type", ""))
    if boundary:
        yield "b:" + _shape(boundary[1])


def _identity(identity: str, domain: str) -> Iterator[str]:
    left, _, right = identity.strip(" <>").rpartition("@")
    if not right:
        yield "m:none"
        return
    yield "m:" + _shape(left)
    yield "m:" + ("nodot" if "." not in right else "dot")
    yield "m:" + ("same" if domain and right.lower().endswith(".".join(domain.split(".")[-2:])) else "other")


def _date(date: str) -> Iterator[str]:
    try:
        parsed = parsedate_tz(date)
    except (ValueError, TypeError, IndexError, OverflowError):
        parsed = None
    yield "d:" + ("bad" if parsed is None else "nozone" if parsed[9] is None else "good")
    if re.search(r"\([A-Z]{2,5}\)\s{0,3}$", date):
        yield "d:zonename"
    if re.search(r"(?:[+-]0000|GMT)\s{0,3}$", date):
        yield "d:zero"


def _parts(message: Unpacked) -> Iterator[str]:
    kinds = {piece.declared for piece in message.pieces}
    for kind in kinds:
        yield "p:" + kind[:40]
    if kinds == {"text/html"}:
        yield "p:html only"
    yield f"p:{min(len(message.pieces), 6)}"
    for piece in message.pieces[:20]:
        if piece.name:
            yield "p:." + piece.name.lower().rpartition(".")[2][:5]


def _text(read: list[str]) -> Iterator[str]:
    words = [_folded(word) for word in read]
    yield from words
    for one, two in pairwise(words):
        yield f"{one} {two}"
    for one, two in zip(words, words[2:], strict=False):
        yield f"{one} _ {two}"
    for word in read:
        if len(word) > 2 and word.isupper():
            yield "U:" + word.lower()[:20]


def _text_form(text: str, read: list[str]) -> Iterator[str]:
    loud = sum(len(word) > 2 and word.isupper() for word in read)
    yield f"v:loud{min(9, 20 * loud // max(1, len(read)))}"
    yield f"v:{len(read).bit_length()}"
    if re.search(r"(?m)^>", text):
        yield "v:quote"
    if re.search(r"(?m)^-- ?\r?$", text):
        yield "v:signature"
    if re.search(r"\$\s?\d", text):
        yield "v:money"
    if _DEAR.match(text[:200].strip()):
        yield "v:dear"


def _targets(data: bytes) -> str:
    """The links of HTML."""
    found = _TARGET.findall(data)[:_LINKS]
    return html.unescape(" ".join(link.decode("latin-1") for link in found))


def _links(text: str, hosts: set[str]) -> Iterator[str]:
    """The form of the links; their hosts are added to `hosts`."""
    count = 0
    for match in _LINK.finditer(text):
        count += 1
        if count > _LINKS:
            break
        host, path = match[1].lower(), match[2].lower()
        host, _, port = host.rpartition("@")[2].partition(":")
        hosts.add(host)
        if "@" in match[1]:
            yield "l:at"
        if port:
            yield "l:port"
        if re.fullmatch(r"[\d.]+", host):
            yield "l:number"
        else:
            labels = host.split(".")
            yield "l:." + labels[-1]
            yield f"l:{len(labels)}"
            if len(labels) > 1:
                yield "l:" + labels[-2]
        for word in re.findall(r"[a-z]{3,20}", path)[:8]:
            yield "lp:" + word
    yield f"l:#{count.bit_length()}"


def _html(data: bytes, text: str) -> Iterator[str]:
    low = data.lower()
    for sign in _HTML:
        if sign in low:
            yield "t:" + sign.decode()
    counts: dict[bytes, int] = {}
    for seen, match in enumerate(_TAG.finditer(low)):
        counts[match[1]] = counts.get(match[1], 0) + 1
        if seen > _TAGS:
            break
    for tag in counts:
        yield f"t:{tag.decode()}"
    for tag in (b"a", b"img", b"font", b"br", b"td"):
        yield f"t:{tag.decode()}{min(counts.get(tag, 0).bit_length(), 6)}"
    for seen, match in enumerate(_ATTRIBUTE.finditer(low)):
        yield "a:" + match[1].decode() + match[2].decode("latin-1")
        if seen > 300:
            break
    if _BROKEN.search(low):
        yield "t:split"
    yield f"t:ratio{10 * len(text.strip()) // max(1, len(data))}"
    if re.search(rb"<img[^>]{1,200}src\s{0,3}=\s{0,3}[\"']?http", low):
        yield "t:far image"
