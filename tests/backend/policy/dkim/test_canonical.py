"""The two forms, in pieces of any size; against dkimpy's, which takes a body whole."""

from __future__ import annotations

import hashlib
import tracemalloc

import pytest
from dkim.canonicalization import Relaxed, Simple
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.policy.dkim import canonical
from backend.policy.dkim.canonical import Canonical, Form, Tally

PIECES = st.sampled_from([b"\r\n", b"\r", b"\n", b" ", b"\t", b"  ", b"a", b"bc", b".", b"\x00", b"\xff", b"\r\n\r\n"])
LINES = st.lists(st.sampled_from([b"", b" ", b"\t ", b"word", b"two  words ", b".", b"\xc3\xa9 \t x"])).map(
    lambda lines: b"".join(line + b"\r\n" for line in lines)
)
PEER = {"simple": Simple, "relaxed": Relaxed}


def passed(form: Form, *pieces: bytes, length: int | None = None) -> tuple[bytes, int]:
    tally = Tally(length)
    way = Canonical(form, [tally])
    for piece in pieces:
        way.update(piece)
    way.finish()
    return tally.digest(), way.size


def expected(text: bytes) -> tuple[bytes, int]:
    return hashlib.sha256(text).digest(), len(text)


@pytest.mark.parametrize(
    ("body", "simple", "relaxed"),
    [
        (b"", b"\r\n", b""),
        (b"\r\n", b"\r\n", b""),
        (b"\r\n\r\n\r\n", b"\r\n", b""),
        (b" \t\r\n \r\n", b" \t\r\n \r\n", b""),
        (b" C \r\nD \t E\r\n\r\n\r\n", b" C \r\nD \t E\r\n", b" C\r\nD E\r\n"),  # RFC 6376 §3.4.5
        (b"a", b"a\r\n", b"a\r\n"),
        (b"a \t", b"a \t\r\n", b"a\r\n"),
        (b"\r\na", b"\r\na\r\n", b"\r\na\r\n"),
        (b"a\r\n\r\nb\r\n", b"a\r\n\r\nb\r\n", b"a\r\n\r\nb\r\n"),
        (b"a\n\r\n", b"a\n\r\n", b"a\n\r\n"),
        (b"a\r\r\n\r\n", b"a\r\r\n", b"a\r\r\n"),
    ],
)
def test_examples(body: bytes, simple: bytes, relaxed: bytes) -> None:
    assert passed("simple", body) == expected(simple)
    assert passed("relaxed", body) == expected(relaxed)


@settings(deadline=None)
@given(LINES, st.sampled_from(canonical.FORMS))
def test_as_dkimpy_has_it(body: bytes, form: Form) -> None:
    assert passed(form, body) == expected(PEER[form].canonicalize_body(body))


@settings(deadline=None)
@given(st.lists(PIECES), st.sampled_from(canonical.FORMS))
def test_pieces_make_no_difference(pieces: list[bytes], form: Form) -> None:
    assert passed(form, *pieces) == passed(form, b"".join(pieces))


@settings(deadline=None)
@given(st.lists(PIECES), st.integers(0, 20), st.sampled_from(canonical.FORMS))
def test_a_length_cuts_what_is_hashed_and_not_what_is_counted(pieces: list[bytes], length: int, form: Form) -> None:
    seen: list[bytes] = []

    class Kept(Tally):
        def update(self, data: bytes) -> None:
            seen.append(data)

    way = Canonical(form, [Kept()])
    for piece in pieces:
        way.update(piece)
    way.finish()
    whole = b"".join(seen)
    assert passed(form, *pieces, length=length) == (hashlib.sha256(whole[:length]).digest(), len(whole))


@settings(deadline=None)
@given(
    st.from_regex(rb"\A[A-Za-z-]{1,10}[ \t]{0,2}\Z"),
    st.lists(st.sampled_from([b" ", b"\t", b"\r\n ", b"\r\n\t", b"word", b"\xff", b":"])),
)
def test_fields_as_dkimpy_has_them(name: bytes, parts: list[bytes]) -> None:
    value = b"".join(parts)
    [(peer_name, peer_value)] = Relaxed.canonicalize_headers([(name, value + b"\r\n")])
    assert canonical.field(name + b":" + value + b"\r\n", "relaxed") == peer_name + b":" + peer_value
    assert canonical.field(name + b":" + value + b"\r\n", "simple") == name + b":" + value + b"\r\n"


@pytest.mark.parametrize("form", canonical.FORMS)
@pytest.mark.parametrize("piece", [b"\r\n", b" \r\n", b" ", b"\r"])
def test_a_body_of_nothing_takes_no_memory(piece: bytes, form: Form) -> None:
    """10 MB of what may only count when something follows it."""
    tracemalloc.start()
    tally = Tally()
    way = Canonical(form, [tally])
    chunk = piece * (262_144 // len(piece))
    for _ in range(40):
        way.update(chunk)
    way.update(b"x")
    way.finish()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6_000_000
