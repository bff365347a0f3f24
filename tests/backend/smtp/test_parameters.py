"""MAIL and RCPT: path and ESMTP parameters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.address import Address
from backend.errors import BadInput
from backend.smtp import parameters, reply

ALICE = Address("alice", "example.org")
WORDS = st.lists(
    st.sampled_from(
        ["FROM:", "TO:", "<", ">", "@", "a", "example.org", " ", "SIZE=", "1", "NOTIFY=", "NEVER", ",", '"', "\\", "é"]
    )
).map("".join)


@pytest.mark.parametrize(
    ("text", "sender"),
    [
        ("FROM:<alice@example.org>", ALICE),
        ("from:<alice@EXAMPLE.org>", ALICE),
        ("FROM: <alice@example.org>", ALICE),
        ("FROM:<@relay.test:alice@example.org>", ALICE),
        ("FROM:<>", None),
    ],
)
def test_sender(text: str, sender: Address | None) -> None:
    assert parameters.mail(text).sender == sender


def test_every_parameter_of_mail() -> None:
    mail = parameters.mail("FROM:<a@b.test> SIZE=1000 body=8bitmime SMTPUTF8 RET=hdrs ENVID=QQ+2B1 AUTH=<>")
    assert (mail.size, mail.body, mail.smtputf8, mail.ret, mail.envid) == (1000, "8BITMIME", True, "HDRS", "QQ+2B1")


def test_requiretls() -> None:
    assert parameters.mail("FROM:<a@b.test> requiretls").requiretls
    assert not parameters.mail("FROM:<a@b.test>").requiretls


def test_every_parameter_of_rcpt() -> None:
    rcpt = parameters.rcpt("TO:<a@b.test> NOTIFY=success,DELAY ORCPT=rfc822;a+2Bb@b.test", smtputf8=False)
    assert (rcpt.notify, rcpt.orcpt) == ("SUCCESS,DELAY", "rfc822;a+2Bb@b.test")


@pytest.mark.parametrize(
    ("text", "code", "status"),
    [
        ("", 501, "5.5.4"),
        ("FROM", 501, "5.5.4"),
        ("FROM:", 553, "5.1.3"),
        ("FROM:alice@example.org", 553, "5.1.3"),
        ("FROM:<alice@example.org", 553, "5.1.3"),
        ("FROM:<alice@example.org>SIZE=1", 501, "5.5.4"),
        ("FROM:<a@b.test> SIZE=-1", 501, "5.5.4"),
        ("FROM:<a@b.test> SIZE=", 501, "5.5.4"),
        ("FROM:<a@b.test> SIZE", 501, "5.5.4"),
        ("FROM:<a@b.test> SIZE=1 SIZE=1", 501, "5.5.4"),
        ("FROM:<a@b.test> SIZE=" + "9" * 21, 501, "5.5.4"),
        ("FROM:<a@b.test> BODY=BINARYMIME", 501, "5.5.4"),
        ("FROM:<a@b.test> RET=ALL", 501, "5.5.4"),
        ("FROM:<a@b.test> ENVID=" + "x" * 101, 501, "5.5.4"),
        ("FROM:<a@b.test> ENVID=a+zz", 501, "5.5.4"),
        ("FROM:<a@b.test> SMTPUTF8=1", 501, "5.5.4"),
        ("FROM:<a@b.test> REQUIRETLS=1", 501, "5.5.4"),
        ("FROM:<a@b.test> COLOUR=red", 555, "5.5.4"),
        ("FROM:<a@b.test> =", 501, "5.5.4"),
        ("FROM:<jörg@b.test>", 553, "5.6.7"),
    ],
)
def test_wrong_mail(text: str, code: int, status: str) -> None:
    with pytest.raises(BadInput) as raised:
        parameters.mail(text)
    assert (raised.value.code, raised.value.status) == (code, status)


@pytest.mark.parametrize(
    ("text", "code", "status"),
    [
        ("TO:<>", 553, "5.1.3"),
        ("FROM:<a@b.test>", 501, "5.5.4"),
        ("TO:<jörg@b.test>", 553, "5.6.7"),
        ("TO:<a@b.test> NOTIFY=NEVER,DELAY", 501, "5.5.4"),
        ("TO:<a@b.test> NOTIFY=", 501, "5.5.4"),
        ("TO:<a@b.test> NOTIFY=SOON", 501, "5.5.4"),
        ("TO:<a@b.test> ORCPT=a@b.test", 501, "5.5.4"),
        ("TO:<a@b.test> SIZE=1", 555, "5.5.4"),
    ],
)
def test_wrong_rcpt(text: str, code: int, status: str) -> None:
    with pytest.raises(BadInput) as raised:
        parameters.rcpt(text, smtputf8=False)
    assert (raised.value.code, raised.value.status) == (code, status)


@given(WORDS | st.text(), st.booleans())
def test_anything_is_a_value_or_bad_input(text: str, smtputf8: bool) -> None:
    for read in (parameters.mail, lambda words: parameters.rcpt(words, smtputf8=smtputf8)):
        try:
            read(text)
        except BadInput as error:
            answer = reply.of(error)
        else:
            continue
        assert 500 <= answer.code <= 559
        assert answer.encode().count(b"\r\n") == 1
        assert answer.encode().count(b"\r") == answer.encode().count(b"\n") == 1
