"""Work of the role that is looked for now and then."""

from __future__ import annotations

import asyncio
import logging

import pytest

from backend.delivery.rounds import rounds
from backend.errors import Temporary


async def test_what_cannot_be_done_now_is_said_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    done, number = asyncio.Event(), 0

    async def work() -> None:
        nonlocal number
        number += 1
        if number < 3:
            raise Temporary("The store is not available.")
        done.set()

    with caplog.at_level(logging.ERROR, "delivery"):
        running = asyncio.create_task(rounds(work, "letters wait", every=0.0))
        async with asyncio.timeout(60):
            await done.wait()
        running.cancel()
    assert caplog.messages == ["letters wait: The store is not available."] * 2


async def test_what_is_wrong_for_good_ends_it() -> None:
    async def work() -> None:
        raise RuntimeError("a slip of ours")

    async with asyncio.timeout(60):
        with pytest.raises(RuntimeError, match="slip"):
            await rounds(work, "letters wait", every=0.0)
