"""The mark in Subject and the X-Spam fields: every form of Subject, and sections that are no sections."""

from __future__ import annotations

from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.content.scorer import Reason, Score
from backend.content.spam import marking
from backend.content.spam.tokens import MARK

SCORE = Score(7.5, (Reason("GTUBE", 7.0, "a test"), Reason("NO_DATE", 0.5, "it has no Date")))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"Subject: hello\r\n", b"Subject: ***SPAM*** hello\r\n"),
        (b"SUBJECT:hello\r\n", b"SUBJECT: ***SPAM*** hello\r\n"),
        (b"subject :\thello\r\n", b"subject :\t***SPAM*** hello\r\n"),
        (b"Subject:\r\n", b"Subject: ***SPAM***\r\n"),
        (b"Subject: \r\n", b"Subject: ***SPAM***\r\n"),
        (b"Subject:\r\n folded\r\n", b"Subject: ***SPAM*** folded\r\n"),
        (b"Subject: a\r\n\tb\r\n c\r\n", b"Subject: ***SPAM*** a\r\n\tb\r\n c\r\n"),
        (b"Subject: =?utf-8?B?w6Q=?=\r\n =?utf-8?B?w7Y=?=\r\n",
         b"Subject: ***SPAM*** =?utf-8?B?w6Q=?=\r\n =?utf-8?B?w7Y=?=\r\n"),
        ("Subject: Grüße\r\n".encode(), "Subject: ***SPAM*** Grüße\r\n".encode()),
        (b"Subject: Re: ***SPAM*** hello\r\n", b"Subject: ***SPAM*** Re: ***SPAM*** hello\r\n"),
        (b"From: a@b\r\n", b"From: a@b\r\nSubject: ***SPAM***\r\n"),
        (b"From: a@b", b"From: a@b\r\nSubject: ***SPAM***\r\n"),
        (b"", b"Subject: ***SPAM***\r\n"),
        (b"Subjects: x\r\nX-Subject: y\r\n", b"Subjects: x\r\nX-Subject: y\r\nSubject: ***SPAM***\r\n"),
        (b"X: a\r\n Subject: folded\r\n", b"X: a\r\n Subject: folded\r\nSubject: ***SPAM***\r\n"),
        (b"Subject: a\r\nSubject: b\r\n", b"Subject: ***SPAM*** a\r\nSubject: ***SPAM*** b\r\n"),
    ],
)  # fmt: skip
def test_subject(before: bytes, after: bytes) -> None:
    assert marking.marked(before) == after
    assert marking.marked(after) == after


def test_a_subject_of_a_megabyte() -> None:
    section = b"Subject: " + b"x" * 1_000_000 + b"\r\n"
    assert marking.marked(section) == b"Subject: ***SPAM*** " + b"x" * 1_000_000 + b"\r\n"
    folded = b"Subject:" + b"\r\n x" * 250_000 + b"\r\n"
    assert marking.marked(folded).startswith(b"Subject: ***SPAM*** x\r\n x\r\n")


def test_forged_fields_go_and_the_rest_stays() -> None:
    section = b"From: a@b\r\nX-Spam-Flag: NO\r\nx-SPAM-status : No,\r\n\tscore=-9\r\nX-Spamtrap: 1\r\nTo: c@d\r\n"
    assert marking.without(section) == b"From: a@b\r\nX-Spamtrap: 1\r\nTo: c@d\r\n"
    assert marking.without(same := b"From: a@b\r\n") is same


def test_fields() -> None:
    written = marking.fields(SCORE, 5.0, "1.0", spam=True)
    found = message_from_bytes(written + b"\r\n", policy=policy.SMTP)
    assert found["X-Spam-Flag"] == "YES"
    assert found["X-Spam-Level"] == "*******"
    assert found["X-Spam-Score"] == "7.5"
    assert found["X-Spam-Status"].split() == [
        "Yes,", "score=7.5", "required=5.0", "tests=GTUBE=7.0,", "NO_DATE=0.5", "version=Mailconsole", "1.0",
    ]  # fmt: skip
    clean = marking.fields(Score(-2.0, ()), 5.0, "1.0", spam=False)
    assert b"X-Spam-Flag" not in clean
    assert b"No, score=-2.0" in clean


@given(st.binary(max_size=300) | st.text("Subject: x-spam\r\n\t", max_size=200).map(str.encode))
def test_any_bytes(section: bytes) -> None:
    assert marking.marked(once := marking.marked(section)) == once
    assert MARK.encode() in once
    kept = marking.without(section)
    assert marking.without(kept) == kept
    assert all(line in section for line in kept.split(b"\r\n"))
