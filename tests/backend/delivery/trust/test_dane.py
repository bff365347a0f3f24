"""TLSA records against certificates (RFC 6698, RFC 7671, RFC 7672)."""

from __future__ import annotations

import hashlib
import time

import dns.rdata
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.delivery.trust import dane
from backend.delivery.trust.dane import Mismatch, Record, check
from tests.harness.authority import Issued, issue

ROOT = issue("root of the tests", authority=True)
MIDDLE = issue("middle", ROOT, authority=True)
HOST = issue("mx.remote.test", MIDDLE)
NAMES = ("mx.remote.test", "remote.test")
OTHER = issue("other root", authority=True)


def record(text: str) -> Record:
    """As the DNS has it."""
    return dane.records([dns.rdata.from_text("IN", "TLSA", text)])[0]


def matches(host: Issued, *texts: str, names: tuple[str, ...] = NAMES, chain: list[bytes] | None = None) -> bool:
    """Whether a host is who its records say."""
    try:
        check(host.chain if chain is None else chain, [record(text) for text in texts], names, time.time())
    except Mismatch:
        return False
    return True


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_every_selector_and_matching_type(selector: int, matching: int) -> None:
    assert matches(HOST, HOST.tlsa(3, selector, matching))
    assert matches(HOST, ROOT.tlsa(2, selector, matching))
    assert matches(HOST, MIDDLE.tlsa(2, selector, matching))
    stranger = issue("mx.remote.test", OTHER)
    assert not matches(stranger, HOST.tlsa(3, selector, matching))
    assert not matches(stranger, ROOT.tlsa(2, selector, matching))


def test_by_usage_3_neither_name_nor_date_nor_issuer_count() -> None:
    old = issue("another.name", days=-2)
    assert matches(old, old.tlsa(3))
    assert matches(old, HOST.tlsa(3), old.tlsa(3))  # one of them is enough


def test_by_usage_2_name_and_dates_and_chain_count() -> None:
    def failure(host: Issued, chain: list[bytes] | None = None, names: tuple[str, ...] = NAMES) -> str:
        with pytest.raises(Mismatch) as raised:
            check(chain or host.chain, [record(ROOT.tlsa(2))], names, time.time())
        return raised.value.result

    assert failure(issue("other.test", MIDDLE)) == "certificate-host-mismatch"
    assert failure(HOST, names=("mx.other.test",)) == "certificate-host-mismatch"
    assert failure(issue("mx.remote.test", MIDDLE, days=-1)) == "certificate-expired"
    forged = issue("mx.remote.test", OTHER)
    assert failure(forged, [forged.chain[0], *MIDDLE.chain]) == "certificate-not-trusted"  # the anchor is only shown
    no_authority = issue("mx.remote.test", issue("not an authority", ROOT))
    assert failure(no_authority) == "certificate-not-trusted"
    expired = issue("mx.remote.test", issue("middle of old", ROOT, authority=True, days=-1))
    assert failure(expired) == "certificate-not-trusted"
    assert failure(issue("mx.remote.test", MIDDLE, names=())) == "certificate-host-mismatch"


def test_the_domain_s_own_name_and_wildcards_will_do() -> None:
    assert matches(issue("remote.test", MIDDLE), ROOT.tlsa(2))
    assert matches(issue("x", MIDDLE, names=("*.remote.test",)), ROOT.tlsa(2))
    assert not matches(issue("x", MIDDLE, names=("*.test",)), ROOT.tlsa(2), names=NAMES[:1])
    assert not matches(issue("x", MIDDLE, names=("mx.*.test",)), ROOT.tlsa(2))


def test_an_authority_without_what_public_ones_must_have() -> None:
    root = issue("small root", authority=True, strict=False)
    host = issue("mx.remote.test", root, strict=False)
    assert matches(host, root.tlsa(2))


def test_an_anchor_that_is_not_shown_is_no_anchor() -> None:
    assert not matches(HOST, ROOT.tlsa(2), chain=HOST.chain[:1])
    alone = issue("mx.remote.test")
    assert not matches(alone, alone.tlsa(2))


def test_a_certificate_that_nobody_can_read() -> None:
    junk = b"no certificate"
    exact = Record(3, 0, 1, hashlib.sha256(junk).digest())
    assert check([junk], [exact], NAMES, time.time()) == exact  # its digest needs no reading
    for record in (Record(3, 1, 1, hashlib.sha256(b"").digest()), Record(2, 0, 1, hashlib.sha256(junk).digest())):
        with pytest.raises(Mismatch):
            check([junk, junk], [record], NAMES, time.time())
    assert matches(HOST, ROOT.tlsa(2), chain=[HOST.chain[0], junk, *HOST.chain[1:]])


def test_what_can_be_used() -> None:
    assert [record(HOST.tlsa(usage)).usable for usage in range(4)] == [False, False, True, True]
    assert not record(f"3 7 1 {'ab' * 32}").usable
    assert not record(f"3 1 9 {'ab' * 32}").usable
    assert not Record(3, 1, 1, b"x" * 31).usable  # such a record does not get through the resolver
    assert not Record(3, 1, 2, b"x" * 32).usable
    assert not Record(3, 1, 0, b"").usable
    assert not record(f"255 1 1 {'ab' * 32}").usable


@given(
    st.lists(st.binary(max_size=200) | st.sampled_from(HOST.chain), max_size=4),
    st.lists(st.builds(Record, *[st.integers(0, 4)] * 3, st.binary(max_size=70)), max_size=4),
    st.lists(st.text(max_size=30), min_size=1, max_size=3),
)
def test_anything_is_a_match_or_none(chain: list[bytes], records: list[Record], names: list[str]) -> None:
    try:
        found = check(chain, records, names, time.time())
    except Mismatch:
        return
    assert found in records
