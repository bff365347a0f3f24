"""How operators prove who they are."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest

from backend.accounts.door import Door, Proof
from backend.accounts.operators import parse_key
from backend.accounts.passwords import hash_password, readable
from backend.errors import BadInput, Temporary
from backend.limits import Limits
from backend.store import lockouts, operators
from backend.store.database import Store, Transaction

LINE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHg6BWXCzv+fXw9+PqlrTjRFS2UfD1pAXgPl9SNSrYFN olga@desk"
PASSWORD, SECRET = "a long enough word", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
PEER = "192.0.2.7"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    Store.create(tmp_path)
    opened = Store.open(tmp_path)

    def add(transaction: Transaction) -> None:
        operators.add(transaction, "olga", "sysadmin", hash_password(PASSWORD), must_change=False)

    opened.write(add)
    yield opened
    opened.close()


@pytest.fixture
def door(store: Store) -> Door:
    return Door(store, Limits(lockout_failures=3, lockout_seconds=60))


def give_key(store: Store) -> None:
    key = parse_key(LINE)
    store.write(
        lambda transaction: operators.add_key(
            transaction, "olga", key.fingerprint, key.algorithm, key.blob, key.comment
        )
    )


def test_a_key_is_known_by_what_it_is(store: Store, door: Door) -> None:
    key = parse_key(LINE)
    assert not door.key("olga", key.algorithm, key.blob).right
    give_key(store)
    assert door.key("olga", key.algorithm, key.blob).right
    assert not door.key("olga", "ssh-rsa", key.blob).right
    assert not door.key("nobody", key.algorithm, key.blob).right
    store.write(lambda transaction: operators.add(transaction, "root", "sysadmin", None, must_change=False))
    store.write(lambda transaction: operators.set_state(transaction, "olga", "suspended"))
    assert not door.key("olga", key.algorithm, key.blob).right


def test_who_has_a_key_needs_it_unless_the_site_says_otherwise(store: Store, door: Door) -> None:
    assert door.password("olga", PASSWORD, PEER, with_key_too=False).right
    give_key(store)
    assert not door.password("olga", PASSWORD, PEER, with_key_too=False).right
    assert door.password("olga", PASSWORD, PEER, with_key_too=True).right


def test_who_fails_often_waits_whoever_it_is(door: Door) -> None:
    for name in ("olga", "nobody"):
        for _ in range(3):
            assert not door.password(name, "wrong", f"192.0.2.{len(name)}", with_key_too=True).right
        with pytest.raises(Temporary, match="try again in"):
            door.password(name, PASSWORD, "198.51.100.1", with_key_too=True)


def test_a_code_is_good_once(store: Store, door: Door) -> None:
    store.write(lambda transaction: operators.set_totp(transaction, "olga", SECRET))
    assert door.password("olga", PASSWORD, PEER, with_key_too=True).more == ("totp",)
    code = pyotp.TOTP(SECRET).now()
    assert door.code("olga", code, PEER).right
    assert not door.code("olga", code, PEER).right
    assert not door.code("olga", pyotp.TOTP(SECRET).at(time.time() - 300), PEER).right


def test_codes_cannot_be_guessed_for_long(store: Store, door: Door) -> None:
    store.write(lambda transaction: operators.set_totp(transaction, "olga", SECRET))
    for code in ("", "000000", "ä" * 6):
        assert not door.code("olga", code, PEER).right
    with pytest.raises(Temporary):
        door.code("olga", pyotp.TOTP(SECRET).now(), PEER)


def test_who_guesses_passwords_keeps_nobody_out_who_has_key_and_code(store: Store, door: Door) -> None:
    give_key(store)
    store.write(lambda transaction: operators.set_totp(transaction, "olga", SECRET))
    for n in range(4):
        with contextlib.suppress(Temporary):
            door.password("olga", "wrong", f"198.51.100.{n}", with_key_too=True)
    with pytest.raises(Temporary):
        door.password("olga", PASSWORD, PEER, with_key_too=True)
    key = parse_key(LINE)
    assert door.key("olga", key.algorithm, key.blob).more == ("totp",)
    assert door.code("olga", pyotp.TOTP(SECRET).now(), PEER).right
    assert door.password("olga", PASSWORD, PEER, with_key_too=True).right  # the code has ended that lockout too


def test_an_address_that_tries_many_names_waits_too(store: Store, door: Door) -> None:
    for name in ("a", "b", "c"):
        assert not door.password(name, "wrong", PEER, with_key_too=True).right
    with pytest.raises(Temporary):
        door.password("olga", PASSWORD, PEER, with_key_too=True)
    assert door.password("olga", PASSWORD, "198.51.100.1", with_key_too=True).right


def test_a_right_password_of_a_suspended_operator_is_a_wrong_one(store: Store, door: Door) -> None:
    store.write(lambda transaction: operators.add(transaction, "root", "sysadmin", None, must_change=False))
    store.write(lambda transaction: operators.set_state(transaction, "olga", "suspended"))
    store.write(lambda transaction: operators.set_totp(transaction, "olga", SECRET))
    assert door.password("olga", PASSWORD, PEER, with_key_too=True) == Proof(False)
    assert door.code("olga", pyotp.TOTP(SECRET).now(), PEER) == Proof(False)


def test_names_that_nobody_has_take_as_long_as_others(door: Door) -> None:
    """Both are the hash; what is around it is small beside that."""
    door.limits = Limits(lockout_failures=1_000)
    spent: dict[str, list[float]] = {"olga": [], "nobody": []}
    for _ in range(7):
        for name, times in spent.items():
            before = time.perf_counter()
            assert door.password(name, "wrong", PEER, with_key_too=True) == Proof(False)
            times.append(time.perf_counter() - before)
    known, unknown = (min(times) for times in spent.values())
    assert 0.5 < known / unknown < 2


def test_old_failures_are_forgotten(store: Store, door: Door) -> None:
    door.password("nobody", "wrong", PEER, with_key_too=True)
    assert store.write(lambda transaction: lockouts.forget(transaction, transaction.now - 86_400)) == 0
    assert store.write(lambda transaction: lockouts.forget(transaction, transaction.now + 1)) == 2


@pytest.mark.parametrize(
    "line",
    ["", "ssh-ed25519", "ssh-dss AAAA", LINE[:40], "ssh-rsa " + LINE.split()[1], "x" * 20_000, LINE.replace("A", "ä")],
)
def test_what_is_no_key_gets_a_sentence(line: str) -> None:
    with pytest.raises(BadInput):
        parse_key(line)


def test_fingerprints_are_those_of_openssh() -> None:
    import subprocess

    shown = subprocess.run(["ssh-keygen", "-lf", "-"], input=LINE, capture_output=True, text=True, check=True).stdout
    assert parse_key(LINE).fingerprint in shown


def test_one_time_passwords_can_be_read_out() -> None:
    words = {readable() for _ in range(100)}
    assert len(words) == 100
    assert all(len(word) == 19 and not set(word) & set("il1o0O") for word in words)
