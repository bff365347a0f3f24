"""Fixtures of every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.harness.site import Site

# The same examples each time, however slow the machine is. `--hypothesis-profile=explore` looks for others.
settings.register_profile("same", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None, max_examples=2_000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("same")

_NAMED_WHOLE = 40  # letters or bytes of a value that may stand in the name of a test


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Long values are named by their length. A packed one holds the second in which it was packed, and processes that
    share the tests must find the same names.
    """
    if isinstance(val, str | bytes) and len(val) > _NAMED_WHOLE:
        return f"{argname} of {len(val)}"
    return None


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A new site with nothing started and nobody in it."""
    with Site(tmp_path / "site") as made:
        yield made


@pytest.fixture(scope="session")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running service for tests that change no setting and use addresses of their own."""
    with Site(tmp_path_factory.mktemp("shared") / "site") as made:
        made.configure("[limits]\nmessages_per_ip_per_minute = 0\nconnections_per_ip = 500")
        yield made.start()
