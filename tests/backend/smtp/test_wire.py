"""Framing: the same bytes give the same lines and the same message, however the network cuts them up."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.smtp.wire import Fault, Line, Wire

LIMIT = 64
# Bytes that matter to framing, more often than others.
BYTES = st.lists(st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"\r\n.\r\n", b"\0", b"a", b"x" * 70])).map(b"".join)
MESSAGE = st.lists(st.sampled_from([b"", b".", b"..", b".a", b"a", b"\0", b"hello"])).map(
    lambda lines: b"".join(line + b"\r\n" for line in lines)
)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """The data cut at these places (each taken modulo its length)."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(places)]


def lines(parts: list[bytes]) -> list[Line]:
    wire, found = Wire(), []
    for part in parts:
        wire.feed(part)
        while (line := wire.line(LIMIT)) is not None:
            found.append(line)
    return found


def message(parts: list[bytes]) -> tuple[bytes, bytes] | None:
    """The first message and what is left behind it; None when it does not end."""
    wire, found, whole = Wire(), b"", False
    for part in parts:
        wire.feed(part)
        while not whole:
            piece, whole = wire.data()
            found += piece
            if not piece:
                break
    return (found, bytes(wire.buffer)) if whole else None


def stuffed(text: bytes) -> bytes:
    """RFC 5321 §4.5.2, done the slow way."""
    rows = text.split(b"\r\n")
    return b"\r\n".join(b"." + row if row.startswith(b".") else row for row in rows) + b".\r\n"


def every_byte(data: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in data]


@given(BYTES, st.lists(st.integers(0, 1_000)))
def test_lines_do_not_depend_on_the_cuts(data: bytes, cuts: list[int]) -> None:
    assert lines(pieces(data, cuts)) == lines([data]) == lines(every_byte(data))


@given(BYTES, st.lists(st.integers(0, 1_000)))
def test_a_message_does_not_depend_on_the_cuts(data: bytes, cuts: list[int]) -> None:
    assert message(pieces(data, cuts)) == message([data]) == message(every_byte(data))


@given(MESSAGE, BYTES, st.lists(st.integers(0, 1_000)))
def test_unstuffing_is_the_inverse_of_stuffing(text: bytes, rest: bytes, cuts: list[int]) -> None:
    assert message(pieces(stuffed(text) + rest, cuts)) == (text, rest)


@given(BYTES, st.lists(st.integers(0, 1_000)))
def test_fault_finds_every_bare_cr_and_lf(data: bytes, cuts: list[int]) -> None:
    fault = Fault()
    for piece in pieces(data, cuts):
        fault.watch(piece)
    fault.end()
    without = data.replace(b"\r\n", b"")
    assert fault.bare == (b"\r" in without or b"\n" in without)
    assert fault.nul == (b"\0" in data)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"NOOP\r\n", [Line(b"NOOP")]),
        (b"\r\n", [Line(b"")]),
        (b"NOOP\n", [Line(b"NOOP", "bare")]),
        (b"NO\rOP\r\n", [Line(b"NO\rOP", "bare")]),
        (b"x" * (LIMIT - 2) + b"\r\n", [Line(b"x" * (LIMIT - 2))]),
        (b"x" * (LIMIT - 1) + b"\r\nNOOP\r\n", [Line(b"", "long"), Line(b"NOOP")]),
        (b"x" * 500 + b"\r\nNOOP\r\n", [Line(b"", "long"), Line(b"NOOP")]),
        (b"NOOP", []),
    ],
)
def test_lines(sent: bytes, expected: list[Line]) -> None:
    assert lines([sent]) == expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b".\r\n", (b"", b"")),
        (b".\r\nQUIT\r\n", (b"", b"QUIT\r\n")),
        (b"..\r\n.\r\n", (b".\r\n", b"")),
        (b"a\r\n.b\r\n.\r\n", (b"a\r\nb\r\n", b"")),
        (b"a\n.\n", None),
        (b"a\n.\r\n", None),
        (b"a\r\n.\n", None),
        (b"a\r.\r\n", None),
        (b"\r\n.\r\n", (b"\r\n", b"")),
    ],
)
def test_messages(sent: bytes, expected: tuple[bytes, bytes] | None) -> None:
    assert message([sent]) == expected


def test_a_piece_never_ends_inside_a_line_end() -> None:
    wire = Wire()
    wire.feed(b"hello\r")
    assert wire.data() == (b"hello", False)
    wire.feed(b"\nworld\r\n.")
    assert wire.data() == (b"\r\nworld", False)
    wire.feed(b"\r\nNOOP\r\n")
    assert wire.data() == (b"\r\n", True)
    assert wire.line(LIMIT) == Line(b"NOOP")


def test_chunks_are_bytes_as_they_are() -> None:
    wire = Wire()
    wire.feed(b"\r\n.\r\nrest")
    assert wire.chunk(5) == b"\r\n.\r\n"
    assert wire.chunk(100) == b"rest"
    assert wire.chunk(100) == b""


def test_clear_forgets_what_came_before_tls() -> None:
    wire = Wire()
    wire.feed(b"RSET\r\nNO")
    wire.clear()
    wire.feed(b"OP\r\n")
    assert wire.line(LIMIT) == Line(b"OP")
