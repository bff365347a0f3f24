"""The score: the shipped model, the rules, hostile messages, and what a site learns."""

from __future__ import annotations

import base64
import math
import time
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.content.scorer import Context, Score
from backend.content.spam import learnt, model, parts, rules, scoring
from backend.content.spam.learnt import Learnt
from backend.content.spam.tokens import WORDS, tokens
from backend.errors import Permanent
from backend.store.spam_lessons import PLACES

GOOD = b"""\
From: Ann Lee <ann@client.test>
To: Bob <bob@example.org>
Subject: Re: minutes of the meeting
Date: Tue, 24 Nov 2026 12:00:00 +0000
Message-ID: <20261124120000.GA1234@client.test>
In-Reply-To: <20261123120000.GB99@example.org>

> could you look at section two?

Yes. I think the dates of the second run are wrong; the patch is in the repository, please try it and tell me
whether the test still fails on your machine.

Ann
"""
SPAM = b"""\
From: "Best Offers" <win7731@offers.test>
To: undisclosed-recipients:;
Subject: YOU HAVE WON!!! Claim your FREE $$$ now
MIME-Version: 1.0
Content-Type: text/html

<html><body bgcolor="#ffff00"><center><font size="5" color="red"><b>CONGRATULATIONS!!!</b></font><br>
Dear friend, make money fast from home, 100% FREE, no risk! Lose weight, buy viagra, lowest mortgage rates,
click here now to order: <a href="http://192.0.2.7/order.html">CLICK HERE</a>. This is a limited time offer, guaranteed
income. To be removed from our mailing list click here to unsubscribe.</center></body></html>
"""


def gtube(encoding: str, text: bytes, *, kind: str = "text/plain", above: str = "") -> bytes:
    """A message with a large part above the one in question."""
    filler = "a line that fills the message, and says nothing at all\r\n" * 8_000
    head = f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n{above}\r\n".encode()
    return (
        b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n"
        + filler.encode()
        + b"\r\n--b\r\n"
        + head
        + text
        + b"\r\n--b--\r\n"
    )


@pytest.mark.parametrize(
    "data",
    [
        b"Subject: x\r\n\r\n" + b"a line that says nothing at all\r\n" * 20_000 + rules.GTUBE.encode() + b"\r\n",
        b"Subject: " + rules.GTUBE.encode() + b"\r\n\r\nhello\r\n",
        gtube("7bit", rules.GTUBE.encode()),
        gtube("base64", base64.encodebytes(f"hello\n{rules.GTUBE}\n".encode())),
        gtube("quoted-printable", rules.GTUBE.encode().replace(b"GTUBE-", b"GTUBE=\r\n=2D")),
        gtube("base64", base64.encodebytes(rules.GTUBE.encode("utf-16")), kind="text/plain; charset=utf-16"),
        gtube("7bit", f"<html><b>{rules.GTUBE[:9]}</b>{rules.GTUBE[9:]}</html>".encode(), kind="text/html"),
        gtube(
            "base64",
            base64.encodebytes(rules.GTUBE.encode()),
            kind="application/octet-stream",
            above='Content-Disposition: attachment; filename="test.txt"\r\n',
        ),
        gtube("7bit", b"Subject: inner\r\n\r\n" + rules.GTUBE.encode(), kind="message/rfc822"),
    ],
    ids=["far down", "subject", "last part", "base64", "quoted-printable", "utf-16", "html", "attachment", "message"],
)
def test_gtube_is_found_wherever_it_is(data: bytes) -> None:
    assert score(data).points > 900


def test_gtube_in_two_halves_is_none() -> None:
    assert score(gtube("7bit", f"{rules.GTUBE[:30]}\r\n{rules.GTUBE[30:]}".encode())).points < 900


FIRST = b"From: ann@client.test\r\nSubject: our offer\r\n\r\nDear Bob, see http://www.client.test/offer\r\n"


def score(data: bytes, context: Context | None = None, lessons: Learnt = learnt.NOTHING) -> Score:
    """Of a message whole."""
    return scoring.score(parts.unpack(data, len(data)), context or Context(), model.shipped(), lessons)


def names(found: Score) -> set[str]:
    return {reason.name for reason in found.reasons}


def test_good_and_bad() -> None:
    assert score(GOOD).points < 0
    assert score(SPAM).points > 5
    assert score(SPAM) == score(SPAM)
    assert {"NUMERIC_LINK", "NO_DATE", "NO_MESSAGE_ID"} <= names(score(SPAM))


def test_the_host_that_brings_it_counts() -> None:
    unpacked = parts.unpack(SPAM, len(SPAM))
    own, other = (model.shipped().weigh(tokens(unpacked, host)) for host in ("mx.offers.test", "pool.dialup.test"))
    assert own < other
    known = score(FIRST, Context(host="mx.client.test")).points
    assert known < score(FIRST, Context(host="pool.dialup.test")).points


def test_what_fails_of_a_forwarded_message_marks_nothing_alone() -> None:
    failed = (("spf", "fail"), ("dkim", "fail"), ("dmarc", "fail"))
    assert sum(rules.FINDINGS[one][1] for one in failed) < 5.0


def test_findings_of_the_checks_count() -> None:
    failed = score(GOOD, Context(findings={"spf": "fail", "dmarc": "fail", "dns black lists": "listed", "x": "y"}))
    assert failed.points == pytest.approx(score(GOOD).points + 7.5)
    assert {"SPF_FAIL", "DMARC_FAIL", "BLACK_LISTED"} <= names(failed)


@pytest.mark.parametrize(
    ("rule", "data"),
    [
        ("GTUBE", b"Subject: " + rules.GTUBE.encode() + b"\r\n\r\nx"),
        ("GTUBE", b"Content-Type: text/html\r\n\r\n<p>" + rules.GTUBE.encode() + b"</p>"),
        ("NAME_IS_OTHER_ADDRESS", b'From: "boss@bank.test" <x@evil.test>\r\n\r\nx'),
        ("DOUBLE_EXTENSION", b'Content-Type: application/x; name="a.pdf   .exe"\r\n\r\nx'),
        ("LINK_WITH_NAME", b"\r\nsee http://bank.test@evil.test/x"),
        ("MIXED_ALPHABETS", "Subject: Payp\u0430l\r\n\r\nx".encode()),
        ("UNSEEN_IN_SUBJECT", "Subject: ca\u200bsh\r\n\r\nx".encode()),
        ("NO_FROM", b"From: \r\n\r\nx"),
    ],
)
def test_rule(rule: str, data: bytes) -> None:
    assert rule in names(score(data))
    assert rule not in names(score(GOOD))


@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    assert isinstance(score(data).points, float)


_LINES = st.sampled_from([
    b"Content-Type: multipart/mixed; boundary=b", b"Content-Type: text/html; charset=rot13", b"--b", b"--b--", b"",
    b"Subject: =?utf-8?B?////?=", b"Content-Transfer-Encoding: base64", b"From: <<@>,", b"Date: x (", b"=?x?q?=",
    b"To: " + b"<" * 50, b"<a href='http://[::1'>", b"Content-Type: message/rfc822", b"Message-ID: @", b"\xff\x00",
    b"Date: Tue, 99 Foo 99999 99:99:99 +99999999", b"Content-Type: text/plain; charset=unicode-escape",
])  # fmt: skip


@given(st.lists(_LINES, max_size=40))
@settings(max_examples=200)
def test_broken_messages(lines: list[bytes]) -> None:
    assert isinstance(score(b"\r\n".join(lines)).points, float)


HOSTILE = {
    "subject": b"Subject: " + b"a b! " * 200_000 + b"\r\n\r\nx",
    "parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 5_000 + b"--b--\r\n",
    "nested": b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(2_000)),
    "fields": b"".join(b"X-%d: y\r\n" % n for n in range(50_000)) + b"\r\nx",
    "tags": b"Content-Type: text/html\r\n\r\n" + b"<a " * 40_000,
    "open tags": b"Content-Type: text/html\r\n\r\n" + b"<!--" * 30_000,
    "links": b"\r\n" + b"http://a@b.c/d " * 10_000,
    "blanks": b"Subject: x" + b" " * 100_000 + b"y\r\n\r\n" + b" " * 100_000,
    "one word": b"\r\n" + b"a-" * 60_000,
    "mixed": b"\r\n" + "aа".encode() * 40_000,
    "hidden": b"Content-Type: text/html\r\n\r\n" + b"display:none" * 10_000,
    "images": b"Content-Type: text/html\r\n\r\n" + b"<img src" * 15_000,
    "steps": b"".join(b"Received: from " + b"a." * 5_000 + b" (" * 5_000 + b"\r\n" for _ in range(20)) + b"\r\nx",
    "at": b"From: " + b'"@' * 3_000 + b"\r\n\r\nx",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_the_work_is_bounded(kind: str) -> None:
    data = HOSTILE[kind]
    found = tokens(parts.unpack(data, len(data)))
    assert len(found.words) <= 5 * WORDS
    start = time.process_time()
    score(data)
    assert time.process_time() - start < 2.0  # of CPU: some 20 ms here; what grows with the square takes minutes


def test_the_shipped_model_is_whole() -> None:
    data = model.FILE.read_bytes()
    assert len(data) < 2_000_000
    shipped = model.read(data)
    assert model.write(shipped.tables, shipped.bias, shipped.source) == data
    assert [table.kind for table in shipped.tables] == ["words", "fragments", "form", "head"]


@pytest.mark.parametrize("place", [0, 20, 400, 5_000, -1])
def test_a_damaged_model_is_refused(place: int) -> None:
    data = bytearray(model.FILE.read_bytes())
    data[place] ^= 1
    with pytest.raises(Permanent):
        model.read(bytes(data))
    with pytest.raises(Permanent):
        model.read(bytes(data)[:-1])


def taught(data: bytes, step: float) -> Learnt:
    """What is known after one lesson of so many points."""
    weights = array("f", bytes(4 * PLACES))
    where = learnt.places(tokens(parts.unpack(data, len(data))))
    for place in where:
        weights[place] = step / math.sqrt(len(where))
    return Learnt(weights)


@pytest.mark.parametrize(("data", "other", "step"), [(GOOD, SPAM, 6.0), (SPAM, GOOD, -6.0)])
def test_a_lesson_moves_what_is_like_it_and_little_else(data: bytes, other: bytes, step: float) -> None:
    lessons = taught(data, step)
    assert score(data, lessons=lessons).points == pytest.approx(score(data).points + step, abs=0.1)
    near = data.replace(b"the second run", b"another run").replace(b"no risk", b"no danger")
    assert abs(score(near, lessons=lessons).points - score(near).points) > 3.0
    assert abs(score(other, lessons=lessons).points - score(other).points) < 0.5


def test_lessons_end_somewhere() -> None:
    assert score(GOOD, lessons=taught(GOOD, 1_000.0)).points <= 27.0
