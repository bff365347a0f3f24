"""The threshold that a worker asks for with each message."""

from __future__ import annotations

from pathlib import Path

from backend.content.spam.threshold import Threshold
from backend.store import overrides
from backend.store.database import Store


async def test_a_change_counts_at_once_in_another_process(tmp_path: Path) -> None:
    Store.create(tmp_path)
    worker, management = Store.open(tmp_path), Store.open(tmp_path)
    threshold = Threshold(worker)

    def put(value: str | None) -> None:
        management.write(lambda transaction: overrides.put(transaction, overrides.SPAM_THRESHOLD, value, "olga"))

    try:
        assert await threshold.now(5.0) == 5.0
        put("6.5")
        assert await threshold.now(5.0) == 6.5
        assert await threshold.now(4.0) == 6.5
        put(None)
        assert await threshold.now(4.0) == 4.0
    finally:
        worker.close()
        management.close()
