"""A store with one domain and one account."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.store.accounts import found_site
from backend.store.database import Store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store on disk, not opened."""
    Store.create(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    """The same, open, with postmaster@example.org in it."""
    opened = Store.open(folder)
    opened.write(lambda transaction: found_site(transaction, "example.org"))
    yield opened
    opened.close()
