"""Where mail for an address goes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.accounts.directory import Directory
from backend.address import Address, parse
from backend.config import Settings, Site
from backend.errors import BadInput, Denied
from backend.store import accounts
from backend.store.accounts import Resolution
from backend.store.database import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    Store.create(tmp_path)
    made = Store.open(tmp_path)

    def people(transaction: object) -> None:
        accounts.found_site(transaction, "example.org")  # type: ignore[arg-type]
        accounts.add_domain(transaction, "other.test")  # type: ignore[arg-type]
        for address in ("alice@example.org", "bob@other.test"):
            accounts.add_account(transaction, parse(address), None)  # type: ignore[arg-type]

    made.write(people)
    yield made
    made.close()


def alias(store: Store, address: str, target: str) -> None:
    store.write(lambda transaction: accounts.add_alias(transaction, parse(address), parse(target)))


def goes(store: Store, address: str, separator: str = "+") -> set[str] | None:
    found = store.read(lambda reader: accounts.resolve(reader, parse(address), separator, "example.org"))
    return None if found is None else {name for _, name in found.local} | set(found.remote)


@pytest.mark.parametrize(
    ("address", "to"),
    [
        ("alice@example.org", {"alice@example.org"}),
        ("ALICE@Example.ORG", {"alice@example.org"}),
        ("alice+news@example.org", {"alice@example.org"}),
        ("alice@other.test", None),
        ("nobody@example.org", None),
        ("+alice@example.org", None),
        ("postmaster@example.org", {"postmaster@example.org"}),
        ("abuse@example.org", {"postmaster@example.org"}),
        ("Postmaster@other.test", {"postmaster@example.org"}),
        ("abuse+x@other.test", {"postmaster@example.org"}),
        ("x@elsewhere.test", {"x@elsewhere.test"}),
    ],
)
def test_accounts(store: Store, address: str, to: set[str] | None) -> None:
    assert goes(store, address) == to


def test_without_tags(store: Store) -> None:
    assert goes(store, "alice+news@example.org", separator="") is None


def test_aliases_to_many_across_domains(store: Store) -> None:
    for target in ("alice@example.org", "team@other.test", "ext@elsewhere.test"):
        alias(store, "all@example.org", target)
    alias(store, "team@other.test", "bob@other.test")
    alias(store, "team@other.test", "alice@example.org")
    assert goes(store, "all+x@example.org") == {"alice@example.org", "bob@other.test", "ext@elsewhere.test"}


def test_an_account_may_keep_a_copy(store: Store) -> None:
    alias(store, "alice@example.org", "ext@elsewhere.test")
    assert goes(store, "alice@example.org") == {"ext@elsewhere.test"}
    alias(store, "alice@example.org", "alice@example.org")
    assert goes(store, "alice@example.org") == {"alice@example.org", "ext@elsewhere.test"}


def test_circles_are_refused(store: Store) -> None:
    alias(store, "a@example.org", "b@example.org")
    alias(store, "b@example.org", "c@other.test")
    for address, target in (
        ("c@other.test", "a@example.org"),
        ("b@example.org", "A@example.org"),
        ("x@example.org", "x@example.org"),
    ):
        with pytest.raises(BadInput):
            alias(store, address, target)
    with pytest.raises(BadInput, match="not one of our domains"):
        alias(store, "a@elsewhere.test", "alice@example.org")
    with pytest.raises(BadInput, match="already"):
        alias(store, "a@example.org", "b@example.org")


def test_what_must_stay(store: Store) -> None:
    with pytest.raises(Denied, match="postmaster"):
        store.write(lambda t: accounts.delete_account(t, "postmaster@example.org", "example.org"))
    with pytest.raises(Denied, match="still has 1 accounts"):
        store.write(lambda t: accounts.delete_domain(t, "other.test"))
    with pytest.raises(BadInput, match="exists already"):
        store.write(lambda t: accounts.add_account(t, parse("ALICE@example.org"), None))


async def test_a_worker_hears_of_changes(tmp_path: Path, store: Store) -> None:
    mine = Store.open(tmp_path)
    directory = Directory(mine, Settings(site=Site(domain="example.org")))
    assert await directory.resolve("carol@example.org") is None
    assert await directory.resolve("carol@example.org") is None  # remembered
    store.write(lambda t: accounts.add_account(t, parse("carol@example.org"), None))
    found = await directory.resolve("carol@example.org")
    assert isinstance(found, Resolution)
    assert [name for _, name in found.local] == ["carol@example.org"]
    assert await directory.is_own("other.test")
    assert not await directory.is_own("third.test")
    store.write(lambda t: accounts.add_domain(t, "third.test"))
    assert await directory.is_own("third.test")
    postmaster = await directory.resolve(Address("postmaster", ""))
    assert postmaster is not None
    assert [name for _, name in postmaster.local] == ["postmaster@example.org"]
    mine.close()
