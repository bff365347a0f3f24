"""Delivery as the role runs it, in the test's own event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest
import uvloop

from tests.backend.delivery.post import Post
from tests.harness.sink import Sink


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The event loop of the roles."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A mail host that takes everything, until a test gives it a script."""
    with Sink() as running:
        yield running


@pytest.fixture
async def post(tmp_path: Path, sink: Sink) -> AsyncIterator[Post]:
    """A delivery whose smart host is `sink`, with alice@example.org at home."""
    async with Post(tmp_path, smarthost=sink.address) as made:
        yield made
