"""What is answered for who is away, what never is, and that nothing a sender writes gets out of hand."""

from __future__ import annotations

import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend import ids
from backend.delivery.vacation import reply, rules
from backend.store.vacations import Vacation

ALICE = "alice@example.org"
ANN = "ann@client.test"


def verdict(header: str, sender: str = ANN) -> str:
    return rules.refusal(rules.read(header.encode()), sender, lambda key: key in (ALICE, "sales@example.org"))


@pytest.mark.parametrize(
    "header",
    [
        "To: alice@example.org\r\n",
        "To: Alice <ALICE@Example.ORG>\r\n",
        'To: "Doe, John" <john@x.test>,\r\n\t"Alice" <alice@example.org>\r\n',
        "To: undisclosed-recipients:;\r\nCc: friends: bob@x.test, alice@example.org;\r\n",
        "Resent-To: alice@example.org\r\n",
        "To: sales@example.org\r\n",
        "To: alice@example.org\r\nAuto-Submitted: no (truly)\r\nPrecedence: first-class\r\n",
        "To: =?utf-8?q?J=C3=BCrgen?= <alice@example.org>\r\n",
        "to:alice@example.org\n",
    ],
)
def test_a_person_who_wrote_to_her_is_answered(header: str) -> None:
    assert verdict(header) == ""


@pytest.mark.parametrize(
    ("header", "sender"),
    [
        ("", ANN),
        ("To: bob@example.org\r\n", ANN),
        ("X-To: alice@example.org\r\n", ANN),
        ("Subject: To: alice@example.org\r\n", ANN),
        ("To: malice@example.org\r\n", ANN),
        ("To: alice@example.org\r\nList-Id: <x.test>\r\n", ANN),
        ("To: alice@example.org\r\nLIST-UNSUBSCRIBE: <https://x.test>\r\n", ANN),
        ("To: alice@example.org\r\nMailing-List: x\r\n", ANN),
        ("To: alice@example.org\r\nPrecedence: Bulk\r\n", ANN),
        ("To: alice@example.org\r\nPrecedence: junk\r\n", ANN),
        ("To: alice@example.org\r\nAuto-Submitted: auto-generated\r\n", ANN),
        ("To: alice@example.org\r\nAuto-Submitted: auto-replied; x=y\r\n", ANN),
        ("To: alice@example.org\r\nX-Auto-Response-Suppress: DR, OOF\r\n", ANN),
        ("To: alice@example.org\r\nX-Spam-Flag: YES\r\n", ANN),
        ("To: alice@example.org\r\n", ""),
        ("To: alice@example.org\r\n", ALICE),
        ("To: alice@example.org\r\n", "MAILER-DAEMON@client.test"),
        ("To: alice@example.org\r\n", "news-request@client.test"),
        ("To: alice@example.org\r\n", "owner-news@client.test"),
        ("To: alice@example.org\r\n", "news-bounces@client.test"),
        ("To: alice@example.org\r\n", "bounce+alice=example.org@client.test"),
        ("To: alice@example.org\r\n", "no-reply@client.test"),
        ("To: alice@example.org\r\n", "postmaster@client.test"),
    ],
)
def test_lists_machines_and_nobody_are_not(header: str, sender: str) -> None:
    assert verdict(header, sender)


def build(header: bytes, subject: str = "", text: str = "I am away.\n.\nBack in May: Grüße") -> bytes:
    vacation = Vacation(1, True, None, None, subject, text, 7, 0.0)
    return reply.build(vacation, ALICE, ANN, rules.read(header), ids.new(), 1_790_000_000.0, "mail.example.org")


def test_the_answer_is_what_rfc_3834_asks_for() -> None:
    header = b"Subject: =?utf-8?q?Caf=C3=A9?=\r\nMessage-ID: <a@b>\r\nReferences: <0@b>\r\n\t<1@b>\r\n"
    message = email.message_from_bytes(build(header), policy=email.policy.default)
    assert message["Subject"] == "Auto: Café"
    assert (message["From"], message["To"]) == (f"<{ALICE}>", f"<{ANN}>") or message["To"].addresses[0].addr_spec == ANN
    assert message["In-Reply-To"] == "<a@b>"
    assert message["References"].split() == ["<0@b>", "<1@b>", "<a@b>"]
    assert message["Auto-Submitted"].startswith("auto-replied")
    assert message.get_content().replace("\r\n", "\n") == "I am away.\n.\nBack in May: Grüße\n"


@given(st.binary(max_size=3_000))
def test_no_header_breaks_it_or_adds_a_line(junk: bytes) -> None:
    header = b"To: alice@example.org\r\nSubject: " + junk
    verdict(header.decode("latin-1"))
    made = build(header)
    head, _, _ = made.partition(b"\r\n\r\n")
    assert b"\n" not in made.replace(b"\r\n", b"")
    assert made.isascii()
    names = [line.partition(b":")[0] for line in head.split(b"\r\n") if not line.startswith((b" ", b"\t"))]
    assert set(names) <= {
        b"Date", b"From", b"To", b"Subject", b"Message-ID", b"In-Reply-To", b"References", b"Auto-Submitted",
        b"X-Auto-Response-Suppress", b"MIME-Version", b"Content-Type", b"Content-Transfer-Encoding",
    }  # fmt: skip
    assert len(names) == len(set(names))
    assert all(len(line) <= 998 for line in made.split(b"\r\n"))


@given(st.text(max_size=300), st.text(max_size=2_000))
def test_any_words_of_hers_go_out_whole(subject: str, text: str) -> None:
    made = build(b"Subject: x\r\n", subject, text or "away")
    assert made.isascii()
    assert b"\n" not in made.replace(b"\r\n", b"")
    email.message_from_bytes(made, policy=email.policy.default)
