"""Authentication-Results: ours are written, and nobody else's in our name are kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.policy.authentication_results import without, write
from backend.policy.finding import Finding, Result

SERVER = "mail.example.org"


def test_written() -> None:
    spf = Result("spf", "pass", (("smtp.mailfrom", "a@b.test"), ("smtp.helo", 'we"ird (x)')), "because (it) is")
    dkim = Finding("none", results=(Result("dkim", "none"),))
    assert write(SERVER, [Finding("pass", results=(spf,)), dkim]) == (
        b"Authentication-Results: mail.example.org;\r\n"
        b'\tspf=pass (because it is) smtp.mailfrom=a@b.test smtp.helo="we\\"ird (x)";\r\n'
        b"\tdkim=none\r\n"
    )
    assert write(SERVER, [Finding("listed")]) == b"Authentication-Results: mail.example.org;\r\n\tnone\r\n"


def test_nothing_of_a_value_ends_the_line() -> None:
    written = write(SERVER, [Finding("x", results=(Result("spf", "fail", (("smtp.helo", "a\r\nX: y"),), "b\r\nc"),))])
    assert written.count(b"\r\n") == 2
    assert b"\r\nX" not in written


@pytest.mark.parametrize(
    "field",
    [
        b"Authentication-Results: mail.example.org; spf=pass\r\n",
        b"AUTHENTICATION-RESULTS:\r\n\t(a (b)) Mail.Example.Org 1;\r\n dkim=pass\r\n",
        b'Authentication-Results : "mail.example.org"; dkim=pass\r\n',
        b"Authentication-Results: (x) mail.example.org; dmarc=pass",
    ],
)
def test_what_claims_to_be_ours_goes(field: bytes) -> None:
    before, behind = b"From: a@b\r\n", b"Subject: x\r\n\tmail.example.org\r\n"
    behind = behind if field.endswith(b"\n") else b""
    assert without(SERVER, before + field + behind) == before + behind


def test_what_others_say_stays() -> None:
    section = b"Authentication-Results: other.test; spf=pass\r\nX: authentication-results: mail.example.org\r\n"
    assert without(SERVER, section) is section


@given(
    st.lists(
        st.sampled_from(
            [b"Authentication-Results:", b" mail.example.org", b"(", b")", b"\r\n", b"\n", b"\r", b"\t", b"x: y"]
        )
    )
)
def test_nothing_else_is_lost(pieces: list[bytes]) -> None:
    section = b"".join(pieces)
    assert without("nobody.test", section) == section
    assert len(without(SERVER, section)) <= len(section)
