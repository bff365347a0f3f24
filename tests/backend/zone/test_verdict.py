"""How well what stands in the DNS fits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.zone import verdict

HOST, OWN = "mail.example.org", ("192.0.2.25", "2001:db8::25")


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("v=spf1 mx -all", "right"),
        ("v=spf1 a:mail.example.org -all", "right"),
        ("V=SPF1 MX -ALL", "right"),
        ("v=spf1 ip4:192.0.2.0/24 -all", "right"),
        ("v=spf1 ip6:2001:db8::/64 -all", "right"),
        ("v=spf1 include:_spf.example.net -all", "right"),
        ("v=spf1 redirect=_spf.example.net", "right"),
        ("v=spf1 mx ~all", "weak"),
        ("v=spf1 mx ?all", "weak"),
        ("v=spf1 mx", "weak"),
        ("v=spf1 mx +all", "wrong"),
        ("v=spf1 all", "wrong"),
        ("v=spf1 -all", "wrong"),
        ("v=spf1 ip4:198.51.100.0/24 -all", "wrong"),
        ("v=spf1 ip4:nonsense ip4: -all", "wrong"),
        ("v=spf1 a:elsewhere.test -all", "wrong"),
        ("v=spf1 mx " + " ".join(f"include:{n}.test" for n in range(10)) + " -all", "wrong"),
        ("v=spf10 mx -all", "missing"),
        ("something else", "missing"),
    ],
)
def test_spf(text: str, state: str) -> None:
    assert verdict.spf([text, "unrelated=1"], "example.org", HOST, OWN).state == state


def test_two_records_are_as_good_as_none() -> None:
    two = ["v=spf1 mx -all", "v=spf1 -all"]
    assert verdict.spf(two, "example.org", HOST, OWN).state == "wrong"
    assert verdict.dmarc_record(["v=DMARC1; p=reject", "v=DMARC1; p=none"]).state == "wrong"
    assert verdict.tagged(["v=STSv1; id=1", "v=STSv1; id=2"], "STSv1", "id").state == "wrong"


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("v=DMARC1; p=reject; rua=mailto:a@example.org", "right"),
        ("v=DMARC1; p=quarantine; rua=mailto:a@example.org", "right"),
        ("v=DMARC1; p=reject", "weak"),
        ("v=DMARC1; p=none; rua=mailto:a@example.org", "weak"),
        ("v=DMARC1; p=reject; pct=50; rua=mailto:a@example.org", "weak"),
        ("v=DMARC1; p=what", "wrong"),
        ("hello", "missing"),
    ],
)
def test_dmarc(text: str, state: str) -> None:
    assert verdict.dmarc_record([text]).state == state


def test_the_rest() -> None:
    assert verdict.mail_exchanger([f"10 {HOST}"], HOST).state == "right"
    assert verdict.mail_exchanger([f"10 {HOST}", "20 other.test"], HOST).state == "right"
    assert verdict.mail_exchanger(["10 other.test"], HOST).state == "wrong"
    assert verdict.addresses(["192.0.2.1"], "192.0.2.25").state == "wrong"
    assert verdict.addresses(["192.0.2.1"], "").state == "right"
    assert verdict.pointer([HOST], HOST).state == "right"
    assert verdict.pointer([HOST, "x.test"], HOST).state == "weak"
    assert verdict.pointer(["host-25.provider.test"], HOST).state == "wrong"
    assert verdict.tagged(["v=TLSRPTv1; rua=mailto:a@b.c"], "TLSRPTv1", "rua").state == "right"
    assert verdict.tagged(["v=TLSRPTv1;"], "TLSRPTv1", "rua").state == "wrong"
    assert verdict.tagged(["hello"], "TLSRPTv1", "rua").state == "optional"
    assert verdict.issuers(['0 issue "letsencrypt.org"']).state == "right"
    assert verdict.issuers(['0 iodef "mailto:a@b.c"']).state == "weak"
    assert verdict.service([f"0 1 465 {HOST}"], HOST, 465).state == "right"
    assert verdict.service(["0 1 993 elsewhere.test"], HOST, 465).state == "wrong"


@given(st.lists(st.text(max_size=60), min_size=1, max_size=4))
def test_no_text_breaks_it(found: list[str]) -> None:
    verdict.spf([f"v=spf1 {text}" for text in found], "example.org", HOST, OWN)
    verdict.dmarc_record([f"v=DMARC1; {text}" for text in found])
    verdict.tagged(found, "STSv1", "id")
    verdict.same(found, "x")
