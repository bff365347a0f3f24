"""Passwords and log-ins."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.accounts import passwords
from backend.accounts.login import Logins
from backend.address import parse
from backend.errors import BadInput, Denied, Temporary
from backend.limits import Limits
from backend.store import accounts, lockouts
from backend.store.database import Store, Transaction

ALICE = "alice@example.org"
PASSWORD = "correct horse"


@pytest.fixture
async def logins(tmp_path: Path) -> Iterator[Logins]:  # type: ignore[misc]
    Store.create(tmp_path)
    store = Store.open(tmp_path)
    await store.commit(lambda t: accounts.found_site(t, "example.org"))
    await store.commit(lambda t: accounts.add_account(t, parse(ALICE), passwords.hash_password(PASSWORD)))
    made = Logins(store, Limits(lockout_failures=3, lockout_seconds=60, lockout_max_seconds=100, password_queue=4))
    yield made
    made.close()
    store.close()


def test_passwords() -> None:
    stored = passwords.hash_password("pässword")
    assert stored.startswith("$argon2id$")
    assert passwords.verify(stored, "pässword")
    assert not passwords.verify(stored, "password")
    assert not passwords.verify(None, "password")
    assert not passwords.verify("no hash", "password")
    for wrong in ("1234567", "x" * 1_025):
        with pytest.raises(BadInput, match="8 to 1024"):
            passwords.hash_password(wrong)


@pytest.mark.parametrize("name", [ALICE, "Alice@EXAMPLE.org", " alice@example.org "])
async def test_right(logins: Logins, name: str) -> None:
    assert (await logins.check(name, PASSWORD, "192.0.2.1")).address == ALICE


@pytest.mark.parametrize("name", ["", "alice", "@", "bob@example.org", "postmaster@example.org", "alice@", "a\0@b"])
async def test_nobody(logins: Logins, name: str) -> None:
    with pytest.raises(Denied) as raised:
        await logins.check(name, PASSWORD, "192.0.2.1")
    assert (raised.value.code, raised.value.status) == (535, "5.7.8")
    assert PASSWORD not in str(raised.value)


async def fail(logins: Logins, name: str, peer: str) -> type[Exception] | None:
    try:
        await logins.check(name, "wrong password", peer)
    except (Denied, Temporary) as error:
        return type(error)
    return None


async def test_lockout_of_an_account_from_anywhere(logins: Logins) -> None:
    assert [await fail(logins, ALICE, f"192.0.2.{number}") for number in range(4)] == [Denied] * 3 + [Temporary]
    with pytest.raises(Temporary, match=r"try again in [56][0-9] seconds"):
        await logins.check(ALICE, PASSWORD, "192.0.2.77")


async def test_lockout_of_an_address_for_any_account(logins: Logins) -> None:
    assert [await fail(logins, f"u{number}@example.org", "192.0.2.1") for number in range(4)] == [Denied] * 3 + [
        Temporary
    ]
    with pytest.raises(Temporary):
        await logins.check(ALICE, PASSWORD, "192.0.2.1")
    assert (await logins.check(ALICE, PASSWORD, "192.0.2.2")).address == ALICE


async def test_success_forgets_failures(logins: Logins) -> None:
    for _ in range(3):
        assert await fail(logins, ALICE, "192.0.2.1") is Denied
        assert await fail(logins, ALICE, "192.0.2.1") is Denied
        await logins.check(ALICE, PASSWORD, "192.0.2.1")


async def test_more_than_may_wait(logins: Logins) -> None:
    tries = [fail(logins, f"u{number}@example.org", f"192.0.2.{number}") for number in range(8)]
    answers = await asyncio.gather(*tries)
    assert answers.count(Denied) >= 4
    assert answers.count(Temporary) >= 1


def test_a_lockout_doubles_up_to_its_longest(tmp_path: Path) -> None:
    Store.create(tmp_path)
    store = Store.open(tmp_path)

    def one(transaction: Transaction) -> float:
        locked = lockouts.fail(transaction, "i:x", 2, 10, 35)
        return round(locked.until - transaction.now) if locked.failures == 0 else 0

    assert [store.write(one) for _ in range(8)] == [0, 10, 0, 20, 0, 35, 0, 35]
    store.close()
