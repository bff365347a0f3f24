"""One-time and app passwords, and why somebody cannot log in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backend import clock
from backend.accounts import history, passwords
from backend.accounts.login import Logins
from backend.address import parse
from backend.errors import BadInput, Denied, Temporary
from backend.limits import Limits
from backend.store import accounts, app_passwords, lockouts, logins
from backend.store.database import Store, Transaction

ALICE, PEER, PASSWORD = "alice@example.org", "192.0.2.1", "correct horse"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    Store.create(tmp_path)
    opened = Store.open(tmp_path)
    await opened.commit(lambda t: accounts.found_site(t, "example.org"))
    await opened.commit(lambda t: accounts.add_account(t, parse(ALICE), passwords.hash_password(PASSWORD)))
    yield opened
    opened.close()


@pytest.fixture
async def doors(store: Store) -> AsyncIterator[Logins]:
    made = Logins(store, Limits(lockout_failures=3, lockout_seconds=60))
    yield made
    made.close()


async def verdict(store: Store) -> str:
    await store.commit(lambda _: None)  # what was recorded without waiting is there now

    def look(reader: Transaction) -> str:
        account = accounts.account(reader, ALICE)
        assert account
        lockout = lockouts.lockout(reader, f"a:{ALICE}")
        return history.verdict(account, lockout, logins.latest(reader, ALICE), clock.now())

    return store.read(look)  # type: ignore[arg-type]


async def outcomes(store: Store) -> list[tuple[str, str, int]]:
    await store.commit(lambda _: None)
    rows = store.read(lambda reader: logins.latest(reader, ALICE))
    return sorted((row.outcome, row.way, row.number) for row in rows)


async def one_time(store: Store, word: str, until: float) -> None:
    secret = passwords.hash_password(word)
    await store.commit(lambda t: accounts.set_password(t, ALICE, secret, one_time_until=until))


async def test_a_one_time_password_only_chooses_another(store: Store, doors: Logins) -> None:
    word = passwords.readable()
    await one_time(store, word, clock.now() + 60)
    with pytest.raises(Denied, match="choose another one") as raised:
        await doors.check(ALICE, word, PEER)
    assert (raised.value.code, raised.value.status) == (535, "5.7.8")
    assert "not changed yet" in await verdict(store)
    assert (await doors.open(ALICE, word, PEER)).must_change
    with pytest.raises(BadInput):
        await doors.change(ALICE, word, "short", PEER)
    with pytest.raises(BadInput, match="password of now"):
        await doors.change(ALICE, word, word, PEER)
    await doors.change(ALICE, word, "a word of her own", PEER)
    assert (await doors.check(ALICE, "a word of her own", PEER)).address == ALICE
    with pytest.raises(Denied):
        await doors.check(ALICE, word, PEER)


async def test_a_one_time_password_that_is_too_old_opens_nothing(store: Store, doors: Logins) -> None:
    word = passwords.readable()
    await one_time(store, word, clock.now() - 1)
    for way in (doors.check, doors.open):
        with pytest.raises(Denied):
            await way(ALICE, word, PEER)
    assert "expired" in await verdict(store)


async def test_app_passwords(store: Store, doors: Logins) -> None:
    word = passwords.readable()
    account = store.read(lambda reader: accounts.account(reader, ALICE))
    assert account
    await store.commit(lambda t: app_passwords.add(t, account.id, "phone", word, 2))
    await doors.check(ALICE, word, PEER)
    assert await outcomes(store) == [("ok", "app phone", 1)]
    with pytest.raises(Denied):
        await doors.open(ALICE, word, PEER)  # no program chooses a password
    with pytest.raises(BadInput, match="already"):
        await store.commit(lambda t: app_passwords.add(t, account.id, "phone", "x", 2))
    await store.commit(lambda t: app_passwords.add(t, account.id, "desk", "x", 2))
    with pytest.raises(BadInput, match="at most 2"):
        await store.commit(lambda t: app_passwords.add(t, account.id, "third", "y", 2))
    await store.commit(lambda t: accounts.set_state(t, ALICE, "suspended"))
    with pytest.raises(Denied):
        await doors.check(ALICE, word, PEER)
    assert "suspended" in await verdict(store)
    await store.commit(lambda t: accounts.set_state(t, ALICE, "active"))
    await store.commit(lambda t: app_passwords.delete(t, account.id, "phone"))
    with pytest.raises(Denied):
        await doors.check(ALICE, word, PEER)


async def test_why_she_cannot_log_in(store: Store, doors: Logins) -> None:
    assert "Nobody has tried" in await verdict(store)
    await doors.check(ALICE, PASSWORD, PEER)
    assert "Log-ins work" in await verdict(store)
    for _ in range(2):
        with pytest.raises(Denied):
            await doors.check(ALICE, "wrong", PEER)
    assert "wrong 2 times" in await verdict(store)
    with pytest.raises(Denied):
        await doors.check(ALICE, "wrong", PEER)
    with pytest.raises(Temporary):
        await doors.check(ALICE, PASSWORD, PEER)
    sentence = await verdict(store)
    assert sentence.startswith("Locked out until")
    assert f"3 wrong passwords from {PEER}" in sentence


async def test_a_busy_client_is_one_row(store: Store, doors: Logins) -> None:
    await asyncio.gather(*(doors.check(ALICE, PASSWORD, PEER) for _ in range(5)))
    assert await outcomes(store) == [("ok", "password", 5)]
    account = store.read(lambda reader: accounts.account(reader, ALICE))
    assert account
    assert account.seen
    assert store.write(lambda t: logins.forget(t, clock.now() + 1)) == 1
