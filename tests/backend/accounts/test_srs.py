"""Senders of forwarded mail: what is written is read back, what is forged or old is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.accounts import srs
from backend.accounts.srs import Srs
from backend.address import PATH_LENGTH, Address, parse
from backend.errors import Temporary

DAY = 86_400
NOW = 1_795_521_600.0
ANN = Address("ann", "client.test")


@pytest.fixture
def ours() -> Srs:
    return Srs(b"k" * 32, "example.org", 21)


def local(address: str | None) -> str:
    assert address is not None
    return parse(address).local


def test_there_and_back(ours: Srs) -> None:
    sent = ours.forward(ANN, NOW)
    assert sent is not None
    assert sent.startswith("SRS0=")
    assert sent.endswith("=client.test=ann@example.org")
    assert ours.back(local(sent), NOW) == ANN
    assert ours.back(local(sent).lower(), NOW) == ANN
    assert ours.back(local(sent).upper(), NOW) == Address("ANN", "client.test")


@pytest.mark.parametrize(("days", "back"), [(-2, False), (-1, True), (0, True), (21, True), (22, False), (500, False)])
def test_its_days(ours: Srs, days: int, back: bool) -> None:
    sent = local(ours.forward(ANN, NOW))
    assert (ours.back(sent, NOW + days * DAY) == ANN) is back


def test_what_others_rewrote_goes_back_to_the_first_of_them(ours: Srs) -> None:
    first = local(ours.forward(Address("SRS0=abcd=ZZ=origin.test=bob", "first.test"), NOW))
    assert first.startswith("SRS1=")
    assert ours.back(first, NOW) == Address("SRS0=abcd=ZZ=origin.test=bob", "first.test")
    second = local(ours.forward(Address("SRS1=wxyz=first.test==abcd=ZZ=origin.test=bob", "second.test"), NOW))
    assert ours.back(second, NOW) == Address("SRS0=abcd=ZZ=origin.test=bob", "first.test")
    other = local(ours.forward(Address("srs0+abcd+ZZ+origin.test+bob", "first.test"), NOW))
    assert ours.back(other, NOW) == Address("SRS0+abcd+ZZ+origin.test+bob", "first.test")


def test_another_site_s_key_opens_nothing(ours: Srs) -> None:
    other = Srs(b"x" * 32, "example.org", 21)
    for sender in (ANN, Address("SRS0=abcd=ZZ=origin.test=bob", "first.test")):
        assert ours.back(local(other.forward(sender, NOW)), NOW) is None


def test_every_part_counts(ours: Srs) -> None:
    _, given_hash, stamp, domain, user = local(ours.forward(ANN, NOW)).split("=")
    assert ours.back(f"SRS0={given_hash}={stamp}={domain}={user}", NOW) == ANN
    for forged in (
        f"SRS0={given_hash}={stamp}=victim.test={user}",
        f"SRS0={given_hash}={stamp}={domain}=victim",
        f"SRS0={given_hash}=AA={domain}={user}",
        f"SRS0={given_hash[:-1]}={stamp}={domain}={user}",
        f"SRS0=={stamp}={domain}={user}",
        f"SRS0={given_hash}={stamp}={domain}",
        f"SRS0={given_hash}={stamp}={domain}=",
        f"SRS1={given_hash}={stamp}={domain}={user}",
        f"SRS1={given_hash}={domain}=={user}",
        "SRS0=", "SRS1=", "SRS0====", "SRS1====", "SRS0", "",
    ):  # fmt: skip
        assert ours.back(forged, NOW) is None, forged


@given(st.text(max_size=300))
def test_anything_may_come(text: str) -> None:
    ours = Srs(b"k" * 32, "example.org", 21)
    for begin in ("SRS0=", "SRS1=", ""):
        assert ours.back(begin + text, NOW) is None


@given(st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=60))
def test_any_local_part_comes_back(user: str) -> None:
    ours = Srs(b"k" * 32, "example.org", 21)
    sender = Address(user, "client.test")
    sent = ours.forward(sender, NOW)
    if sent is not None and len(user.encode()) <= 64:
        assert ours.back(local(sent), NOW) == sender


def test_what_would_be_too_long_stays_as_it_is(ours: Srs) -> None:
    room = PATH_LENGTH - len(str(ours.forward(Address("a", "client.test"), NOW))) + 1
    fits = ours.forward(Address("a" * room, "client.test"), NOW)
    assert fits is not None
    assert len(fits) == PATH_LENGTH
    assert ours.forward(Address("a" * (room + 1), "client.test"), NOW) is None


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    first = srs.key(tmp_path)
    assert len(first) == 32
    assert srs.key(tmp_path) == first
    assert (tmp_path / "srs.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["srs.key"]
    with pytest.raises(Temporary):
        srs.key(tmp_path / "nowhere")
