"""A store that is only looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.address import Address
from backend.errors import Temporary
from backend.store import accounts
from backend.store.database import Store, Transaction
from backend.store.looking import Looking


def _eve(transaction: Transaction) -> None:
    accounts.add_account(transaction, Address("eve", "example.org"), None)


async def test_it_reads_and_never_writes(store: Store, folder: Path) -> None:
    looking = Looking.open(folder)
    try:
        assert await looking.query(accounts.own_domains) == {"example.org"}
        with pytest.raises(Temporary):
            looking.write(_eve)
        with pytest.raises(Temporary):
            await looking.commit(_eve)
        looking.record(_eve)
    finally:
        looking.close()
    assert store.read(lambda reader: accounts.account(reader, "eve@example.org")) is None
