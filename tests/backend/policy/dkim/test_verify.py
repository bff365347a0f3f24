"""What a signature is worth: every way in which it can be wrong, old, weak, or less than it seems."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from backend.management.sentences.checks import CHECKS, checks
from backend.policy.dkim import sign
from backend.policy.dkim.canonical import Canonical, Form, Tally
from backend.policy.dkim.check import finding, signers
from backend.policy.dkim.letter import Demand, Letter, letter
from backend.policy.dkim.sign import SigningKey
from backend.policy.dkim.verify import Outcome, Rules, verify
from backend.store.bodies import Body
from tests.harness.keys import BROKEN, Records, ed25519, pair, published, record, rsa

DOMAIN = "client.test"
SECTION = (
    b"From: ann@client.test\r\nTo: bob@example.org\r\nSubject: hello\r\nDate: today\r\nMessage-ID: <1@client.test>\r\n"
)
BODY = b"Dear Bob,\r\n\r\nhow are you?\r\n"
NOW = 1_800_000_000.0


def message(*keys: SigningKey, section: bytes = SECTION, body: bytes = BODY) -> bytes:
    """Signed with these keys, or with an RSA key and an Ed25519 key."""
    return sign.sign(section, body, keys or pair(DOMAIN), NOW) + section + b"\r\n" + body


def outcomes(text: bytes, records: Records | None = None, **rules: Any) -> list[Outcome]:
    asks = Records(published(DOMAIN)) if records is None else records
    return asyncio.run(verify(letter(text), asks, Rules(**{"now": NOW, **rules})))


def values(text: bytes, records: Records | None = None, **rules: Any) -> list[tuple[str, str]]:
    return [(one.value, one.reason) for one in outcomes(text, records, **rules)]


def handmade(tags: dict[str, str], section: bytes = SECTION, body: bytes = BODY, form: Form = "relaxed") -> bytes:
    """A message with one signature by RSA that is right in its arithmetic, with tags as they are given."""
    length = int(tags["l"]) if "l" in tags else None
    tally = Tally(length)
    canonical = Canonical(form, [tally])
    canonical.update(body)
    canonical.finish()
    usual = {"v": "1", "a": "rsa-sha256", "c": f"relaxed/{form}", "d": DOMAIN, "s": "rsa", "h": "from:to:subject"}
    usual["bh"] = base64.b64encode(tally.digest()).decode()
    given = {name: value for name, value in {**usual, **tags}.items() if value}
    covered = Letter(section, None).covered(given.get("h", "").lower().split(":"), "relaxed")  # type: ignore[arg-type]
    field = sign.write("DKIM-Signature", [*given.items()], covered, pair(DOMAIN)[0])
    return field + section + b"\r\n" + body


def test_both_pass_and_their_keys_are_asked_for_once() -> None:
    records = Records(published(DOMAIN))
    assert values(message(), records) == [("pass", ""), ("pass", "")]
    assert sorted(records.asked) == ["ed._domainkey.client.test", "rsa._domainkey.client.test"]


def test_handmade_is_right() -> None:
    assert values(handmade({})) == [("pass", "")]
    assert values(handmade({}, form="simple")) == [("pass", "")]


@pytest.mark.parametrize(
    ("tags", "value", "reason"),
    [
        ({"v": "2"}, "permerror", "its version is not 1"),
        ({"v": ""}, "permerror", "v= is missing"),
        ({"d": ""}, "permerror", "d= is missing"),
        ({"d": "not a domain!"}, "permerror", "d= or s= is not a domain name"),
        ({"s": "a..b"}, "permerror", "d= or s= is not a domain name"),
        ({"h": "to:subject"}, "permerror", "it does not sign From"),
        ({"h": ":".join(["from"] * 501)}, "permerror", "it signs more than 500 fields"),
        ({"a": "rsa-sha1"}, "permerror", "SHA-1 proves nothing any more"),
        ({"a": "rsa-md5"}, "permerror", "its algorithm is not known"),
        ({"c": "nowsp/nowsp"}, "permerror", "its canonicalization is not known"),
        ({"q": "dns/other"}, "permerror", "its key is not in the DNS"),
        ({"i": "@elsewhere.test"}, "permerror", "i= is not of the domain that signs"),
        ({"i": "@notclient.test"}, "permerror", "i= is not of the domain that signs"),
        ({"i": "ann"}, "permerror", "i= is not of the domain that signs"),
        ({"t": "yesterday"}, "permerror", "t= is not a number"),
        ({"t": "1" * 13}, "permerror", "t= is not a number"),
        ({"t": "10", "x": "10"}, "permerror", "it expires before it was made"),
        ({"l": "1000"}, "permerror", "it covers more than the body has"),
        ({"l": "-1"}, "permerror", "l= is not a number"),
        ({"x": str(int(NOW) - 301)}, "fail", "it has expired"),
        ({"t": str(int(NOW) + 301)}, "policy", "it was made in the future"),
        ({"t": str(int(NOW) - 14 * 86_400 - 1)}, "policy", "it was made more than 14 days ago"),
        ({"s": "nobody"}, "permerror", "there is no key in the DNS"),
        ({"a": "ed25519-sha256"}, "permerror", "the key in the DNS is of another kind"),
        ({"i": "ann@mail.client.test"}, "pass", ""),
        ({"x": str(int(NOW) - 299)}, "pass", ""),
        ({"t": str(int(NOW) - 14 * 86_400)}, "pass", ""),
        ({"c": "relaxed"}, "fail", "the body was changed"),  # the body is simple then; it was hashed relaxed
        ({"l": str(len(BODY))}, "pass", ""),
        ({"z": "From:nobody"}, "pass", ""),
    ],
)
def test_tags(tags: dict[str, str], value: str, reason: str) -> None:
    body = b"Dear  Bob,\r\n" if tags.get("c") == "relaxed" else BODY
    text = (
        handmade(tags, body=body)
        if "l" not in tags or tags["l"].isdecimal()
        else message().replace(b"v=1;", b"v=1; l=-1;")
    )
    assert values(text)[0] == (value, reason)


def test_any_age_where_the_site_says_so() -> None:
    assert values(handmade({"t": "1000000000"}), oldest_days=0) == [("pass", "")]


@pytest.mark.parametrize(
    ("text", "value", "reason"),
    [
        ("v=DKIM1; k=rsa; p=", "permerror", "the key was revoked"),
        ("v=DKIM2; k=rsa; p=AAAA", "permerror", "the key in the DNS is not one"),
        ("k=rsa; v=DKIM1; p=AAAA", "permerror", "the key in the DNS is not one"),
        ("v=spf1 -all", "permerror", "the key in the DNS is not one"),
        ("", "permerror", "the key in the DNS is not one"),
        ("p=AAAA", "permerror", "the key in the DNS is damaged"),
        ("p=!!!!", "permerror", "the key in the DNS is damaged"),
        ("k=dsa; p=AAAA", "permerror", "the key in the DNS is of a kind that is not known"),
        ("k=ed25519; p=AAAA", "permerror", "the key in the DNS is damaged"),
        (BROKEN, "temperror", "the DNS does not say the key now"),
        (record(rsa(), "v=DKIM1; s=tlsrpt;"), "permerror", "the key is not for mail"),
        (record(rsa(), "v=DKIM1; h=sha1;"), "permerror", "the key does not allow SHA-256"),
        (record(rsa(), "v=DKIM1; h=sha1:sha256; s=email:other; t=y:s; n=a note;"), "pass", ""),
        (record(rsa(), ""), "pass", ""),
        (record(rsa()).replace("p=", "p= \t").replace("A", "A ", 1), "pass", ""),
    ],
)
def test_key_records(text: str, value: str, reason: str) -> None:
    records = Records({"rsa._domainkey.client.test": text})
    assert values(handmade({}), records) == [(value, reason)]


def test_flags_of_the_key() -> None:
    exact = Records({"rsa._domainkey.client.test": record(rsa(), "v=DKIM1; t=s;")})
    below = handmade({"i": "@mail.client.test"})
    assert values(below) == [("pass", "")]
    assert values(below, exact) == [("permerror", "the key is not for parts of its domain")]
    testing = Records({"rsa._domainkey.client.test": record(rsa(), "v=DKIM1; t=y;")})
    [(value, reason)] = values(handmade({}).replace(b"how are", b"who are"), testing)
    assert (value, reason) == ("neutral", "the body was changed; the domain is only testing")


@pytest.mark.parametrize(
    ("bits", "value", "reason"),
    [
        (1023, "policy", "the key has only 1023 bits"),
        (1024, "pass", "weak key of 1024 bits"),
        (2048, "pass", ""),
        (4096, "pass", ""),
        (4104, "policy", "the key has more than 4096 bits"),
    ],
)
def test_sizes_of_keys(bits: int, value: str, reason: str) -> None:
    key = rsa(bits) if bits >= 1024 else None
    if key is None:  # no library makes keys that are so small; the record is enough to see it
        small = _small_record(bits)
        assert values(handmade({}), Records({"rsa._domainkey.client.test": small})) == [(value, reason)]
        return
    text = message(SigningKey(DOMAIN, "rsa", "rsa-sha256", key))
    assert values(text, Records({"rsa._domainkey.client.test": record(key)})) == [(value, reason)]


def _small_record(bits: int) -> str:
    """A modulus of so many bits, as a bare RSAPublicKey in DER."""
    modulus = ((1 << bits) - 1).to_bytes(bits // 8 + 1, "big")
    number = b"\x02\x81" + bytes([len(modulus)]) + modulus
    inner = number + b"\x02\x03\x01\x00\x01"
    return "p=" + base64.b64encode(b"\x30\x81" + bytes([len(inner)]) + inner).decode()


def test_a_key_without_its_frame() -> None:
    """RSAPublicKey alone, as RFC 4871 was understood by some."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    data = rsa().public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    text = f"v=DKIM1; p={base64.b64encode(data).decode()}"
    assert values(handmade({}), Records({"rsa._domainkey.client.test": text})) == [("pass", "")]


def test_somebody_elses_key_fails() -> None:
    other = Records({"rsa._domainkey.client.test": record(generate_private_key(65_537, 2048))})
    assert values(handmade({}), other) == [("fail", "the header was changed or the signature is forged")]


def test_what_is_not_covered_by_a_length_is_an_attack() -> None:
    body = BODY + b"<a href=x>win</a>\r\n"
    signed = handmade({"l": str(len(BODY))})
    assert values(signed) == [("pass", "")]
    assert values(signed + b"<a href=x>win</a>\r\n") == [
        ("policy", f"{len(body) - len(BODY)} bytes of the body are not signed (l=)")
    ]
    assert values(handmade({"l": "0"})) == [("policy", f"{len(BODY)} bytes of the body are not signed (l=)")]


def test_a_second_subject_is_an_attack() -> None:
    """Fields are taken from the bottom up (RFC 6376 §5.4.2), and shown from the top down."""
    signed = handmade({})
    head, _, rest = signed.partition(b"From:")
    evil = head + b"Subject: you have won\r\nFrom:" + rest
    assert values(evil) == [("policy", "a second Subject is not signed")]
    assert values(
        handmade({"h": "from:to:subject:subject"}).replace(b"From:", b"Subject: you have won\r\nFrom:", 1)
    ) == [("fail", "the header was changed or the signature is forged")]
    twice = SECTION + b"Subject: signed too\r\n"
    assert values(handmade({"h": "from:to:subject:subject"}, section=twice)) == [("pass", "")]


@pytest.mark.parametrize("name", ["From", "from ", "FROM\t"])
def test_a_second_from_voids_all(name: str) -> None:
    assert (
        values(f"{name}: ceo@client.test\r\n".encode() + message())
        == [("permerror", "the message has not one From field")] * 2
    )
    assert {value for value, _ in values(message().replace(b"\r\nFrom: ann@client.test", b""))} == {"permerror"}


@pytest.mark.parametrize("name", ["From", "To", "Cc", "Subject", "Date", "Message-ID", "Reply-To", "Content-Type",
                                  "MIME-Version", "Content-Transfer-Encoding"])  # fmt: skip
def test_nothing_can_be_added_to_what_we_sign(name: str) -> None:
    assert {one.value for one in outcomes(f"{name}: another\r\n".encode() + message())} <= {"fail", "permerror"}


def test_a_list_may_add_its_own_fields() -> None:
    assert [one.value for one in outcomes(b"List-Id: <a.list.test>\r\nSender: list@list.test\r\n" + message())] == [
        "pass"
    ] * 2


def test_only_so_many_are_looked_at() -> None:
    junk = b"".join(b"DKIM-Signature: v=1; d=junk%d.test\r\n" % number for number in range(20))
    found = outcomes(junk + message())
    assert [one.value for one in found] == ["permerror"] * 10
    signed = message().replace(b"From:", junk + b"From:", 1)
    assert [one.value for one in outcomes(signed, most=3)] == ["pass", "pass", "permerror"]
    assert len(outcomes(junk + message(), most=22)) == 22


def test_a_dead_name_server_is_no_verdict() -> None:
    records = Records({**published(DOMAIN), "rsa._domainkey.client.test": BROKEN})
    assert [one.value for one in outcomes(message(), records)] == ["temperror", "pass"]


def test_of_many_the_best_one_speaks() -> None:
    good = Outcome("pass", "", "good.test", properties=(("header.d", "good.test"),))
    bad, lost = replace(good, value="fail", reason="the body was changed"), replace(good, value="temperror")
    assert finding([]).value == "none"
    assert finding([bad, good]).value == "pass"
    assert finding([bad, lost]).value == "temperror"
    assert finding([bad, bad], 3).words == "the body was changed; 3 more signatures were not looked at"
    assert signers(finding([bad, good])) == ["good.test"]
    assert signers(finding([bad])) == signers(None) == []


def test_there_is_a_sentence_for_all_that_can_be_found() -> None:
    for value in ("none", "pass", "fail", "policy", "neutral", "permerror", "temperror"):
        assert ("dkim", value) in CHECKS
    for value in ("none", "pass", "fail", "temperror"):
        assert ("arc", value) in CHECKS
    assert checks({"dkim": "pass"}) == (CHECKS["dkim", "pass"],)


def test_large_and_small_bodies_hash_alike(tmp_path: Path) -> None:
    body = (b"line of  text \r\n" * 500 + b"\r\n" * 20) * 40 + b"\r\n" * 9
    text = message(section=SECTION, body=body)
    path = tmp_path / "body"
    path.write_bytes(text)
    section = text[: text.index(b"\r\n\r\n") + 2]
    large = Letter(section, Body(len(text), path=path))
    found = asyncio.run(verify(large, Records(published(DOMAIN)), Rules(NOW)))
    assert [one.value for one in found] == ["pass", "pass"]


def test_a_huge_body_takes_no_memory(tmp_path: Path) -> None:
    """50 MB, of which a few pieces are in memory at a time."""
    path = tmp_path / "body"
    path.write_bytes(SECTION + b"\r\n")
    with path.open("r+b") as file:
        file.truncate(50_000_000)
    large = Letter(SECTION, Body(50_000_000, path=path))
    tracemalloc.start()
    found = large.hashes([Demand("relaxed"), Demand("simple"), Demand("simple", 1_000_000)])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4_000_000
    assert {digest.size for digest in found.values()} == {50_000_000 - len(SECTION)}
    assert found[Demand("simple", 1_000_000)].value == hashlib.sha256(bytes(1_000_000)).digest()


def test_time_has_a_default_that_is_now() -> None:
    signed = sign.sign(SECTION, BODY, pair(DOMAIN), time.time(), 14)
    assert b" x=" in signed
    assert [one.value for one in outcomes(signed + SECTION + b"\r\n" + BODY, now=time.time())] == ["pass", "pass"]
    assert [one.value for one in outcomes(signed + SECTION + b"\r\n" + BODY, now=time.time() + 14 * 86_400 + 400)] == [
        "fail",
        "fail",
    ]


def test_ed25519_alone() -> None:
    assert values(message(SigningKey(DOMAIN, "ed", "ed25519-sha256", ed25519()))) == [("pass", "")]
