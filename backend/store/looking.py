"""A store that is only looked at: for what shows what would be, and changes nothing."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

from backend.errors import Temporary
from backend.store.database import Operation, Store

T = TypeVar("T")


class Looking(Store):
    """Reads as `Store` does. What is only noted is dropped; who must write is told that nothing is written."""

    def commit(self, operation: Operation[T]) -> asyncio.Future[T]:
        """Temporary."""
        raise _nothing()

    def write(self, operation: Operation[T]) -> T:
        """Temporary."""
        raise _nothing()

    def record(self, operation: Operation[Any]) -> None:
        """Nothing."""


def _nothing() -> Temporary:
    return Temporary("This only looks: nothing is written.")
