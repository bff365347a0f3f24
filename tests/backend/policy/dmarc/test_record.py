"""Policy records, right, wrong and hostile (RFC 7489 §6.3, §6.4, §6.6.3)."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backend.policy.dmarc.record import ParseError, Record, ReportTo, parse, report_addresses

A = ReportTo("a@example.org")


@pytest.mark.parametrize(
    ("text", "record"),
    [
        ("v=DMARC1; p=none", Record()),
        ("v=DMARC1;p=reject;", Record("reject", "reject", "reject")),
        ("v=DMARC1; p=reject; sp=none", Record("reject", "none", "none")),
        ("v=DMARC1; p=none; np=reject", Record("none", "none", "reject", True)),
        ("v=DMARC1; p=Quarantine; pct=5", Record("quarantine", "quarantine", "quarantine", pct=5)),
        (
            "v=DMARC1; p=reject; adkim=s; aspf=S",
            Record("reject", "reject", "reject", strict_dkim=True, strict_spf=True),
        ),
        ("v=DMARC1 ; p = reject ; x=y; broken ; p=none", Record("reject", "reject", "reject")),
        ("v=DMARC1; p=none; pct=101; ri=x", Record()),
        ("v=DMARC1; p=none; ri=3600; fo=1:d:s", Record(interval=3600, fo="1:d:s")),
        ("v=DMARC1; p=none; rua=mailto:a@example.org", Record(rua=(A,))),
        ("v=DMARC1; rua=mailto:a@example.org", Record(rua=(A,))),  # no policy, but reports are wanted
        ("v=DMARC1; p=reject; sp=what; rua=mailto:a@example.org", Record(rua=(A,))),
    ],
)
def test_records(text: str, record: Record) -> None:
    assert parse(text) == record


@pytest.mark.parametrize(
    "text",
    ["", "v=spf1 -all", "v=dmarc1; p=none", "v=DMARC12; p=none", "p=none; v=DMARC1", "v=DMARC1", "v=DMARC1; p=what",
     "v=DMARC1; p=reject; sp=what", "v=DMARC1; rua=https://example.org", "v=DMARC1; p=none;" + " " * 9_000],
)  # fmt: skip
def test_what_is_no_record(text: str) -> None:
    with pytest.raises(ParseError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("mailto:a@example.org", (A,)),
        ("mailto:a@example.org!10m", (ReportTo("a@example.org", 10 * 1024 * 1024),)),
        ("mailto:a@example.org!512", (ReportTo("a@example.org", 512),)),
        ("mailto:a@example.org!1K , MAILTO:b@example.net!2g",
         (ReportTo("a@example.org", 1024), ReportTo("b@example.net", 2 << 30))),
        ("mailto:a%2Bdmarc@example.org", (ReportTo("a+dmarc@example.org"),)),
        ("mailto:a@example.org,mailto:A@EXAMPLE.ORG", (A,)),
        ("https://example.org/in, mailto:, mailto:a, mailto:a@[192.0.2.1], mailto:a@b@c, mailto:a@example.org!10x", ()),
        (",".join(f"mailto:{n}@b.test" for n in range(40)), tuple(ReportTo(f"{n}@b.test") for n in range(10))),
    ],
)  # fmt: skip
def test_where_reports_go(text: str, found: tuple[ReportTo, ...]) -> None:
    assert report_addresses(text) == found


@given(st.text(max_size=300).map(lambda text: f"v=DMARC1;{text}"))
@example("v=DMARC1;p=reject;rua=mailto:%00@x.y")
@example("v=DMARC1;p=reject;rua=mailto:%0d%0aBcc:x@x.y")
def test_no_text_breaks_it(text: str) -> None:
    try:
        record = parse(text)
    except ParseError:
        return
    assert record.p in ("none", "quarantine", "reject")
    assert 0 <= record.pct <= 100
    assert all(to.address.isascii() and to.address.isprintable() for to in record.rua)
