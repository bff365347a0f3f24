"""How many connections are open, over all workers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from backend.policy import connections
from backend.policy.connections import Connections


@pytest.fixture(autouse=True)
def _look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_REFRESH", 0.0)


def test_at_the_limits(tmp_path: Path) -> None:
    one, two = Connections(tmp_path, 0), Connections(tmp_path, 1)
    assert one.enter("192.0.2.1", 5, 2) is None
    assert two.enter("192.0.2.1", 5, 2) is None
    assert one.enter("192.0.2.1", 5, 2) == "address"
    assert [one.enter(f"192.0.2.{number}", 5, 2) for number in (2, 3, 4, 5)] == [None, None, None, "all"]
    two.leave("192.0.2.1")
    assert one.enter("192.0.2.1", 5, 2) is None
    assert (one.open, two.open) == (5, 0)
    one.close()
    assert two.enter("192.0.2.9", 1, 1) is None
    two.close()
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_died_counts_no_more(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from backend.policy.connections import Connections;"
        "Connections(Path(sys.argv[1]), 7).enter('192.0.2.1', 5, 5); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 9
    mine = Connections(tmp_path, 0)
    assert mine.enter("192.0.2.1", 5, 1) is None
    mine.close()
