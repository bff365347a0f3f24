"""The threshold that a worker asks for with each message."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from backend.config import Settings, Spam
from backend.content.spam.threshold import Threshold
from backend.store import overrides
from backend.store.database import Store


async def test_a_change_counts_at_once_in_another_process(tmp_path: Path) -> None:
    Store.create(tmp_path)
    worker, management = Store.open(tmp_path), Store.open(tmp_path)
    threshold = Threshold(worker)

    async def now(of_file: float) -> float:
        settings = Settings(spam=Spam(threshold=of_file))
        found = await threshold.over(settings)
        assert await threshold.over(settings) is found
        assert replace(found.spam, threshold=of_file) == settings.spam
        return found.spam.threshold

    def put(value: str | None) -> None:
        management.write(lambda transaction: overrides.put(transaction, overrides.SPAM_THRESHOLD, value, "olga"))

    try:
        assert await now(5.0) == 5.0
        put("6.5")
        assert await now(5.0) == 6.5
        assert await now(4.0) == 6.5
        put(None)
        assert await now(4.0) == 4.0
    finally:
        worker.close()
        management.close()
