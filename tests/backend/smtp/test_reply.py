"""Replies on the wire."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import BadInput, Denied, Permanent, Temporary
from backend.smtp import reply
from backend.smtp.reply import Reply

NAMED = {name: value for name, value in vars(reply).items() if isinstance(value, Reply)}


@pytest.mark.parametrize("name", NAMED)
def test_every_reply_has_its_enhanced_status_code(name: str) -> None:
    answer = NAMED[name]
    if answer.code == 354:  # RFC 2034 §4: none in an intermediate reply
        assert answer.status == ""
    else:
        assert re.fullmatch(rf"{str(answer.code)[0]}\.\d{{1,3}}\.\d{{1,3}}", answer.status)
    assert len(answer.encode()) <= 512  # RFC 5321 §4.5.3.1.5


def test_one_line_and_many() -> None:
    assert reply.OK.encode() == b"250 2.0.0 OK\r\n"
    assert reply.OK.saying("one\ntwo").encode() == b"250-2.0.0 one\r\n250 2.0.0 two\r\n"
    assert Reply(220, "", "mail.example.org").encode() == b"220 mail.example.org\r\n"


@pytest.mark.parametrize("kind", [BadInput, Denied, Temporary, Permanent])
def test_an_error_is_a_reply(kind: type[BadInput]) -> None:
    answer = reply.of(kind("No."))
    assert answer.encode().endswith(b" No.\r\n")
    assert answer.status[0] == str(answer.code)[0]
    assert answer.refuses


@given(st.text())
def test_every_line_has_the_code_and_an_end(text: str) -> None:
    lines = reply.OK.saying(text).encode().split(b"\r\n")
    assert lines.pop() == b""
    assert [line[3:4] for line in lines] == [b"-"] * (len(lines) - 1) + [b" "]
    assert all(line.startswith(b"250") for line in lines)
