"""Every answer of the command line about a store full of hostile text is clean: nothing for a terminal to obey."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from backend.management.registry import Action, actions
from tests.hostile.corpus import CORPUS, dirt
from tests.hostile.poison import poison
from tests.hostile.site import ARGUMENTS, Site, populated

_INTO_MAIL = ("queue.headers", "queue.read", "quarantine.show")
LOOKS = [one for one in actions().values() if not one.changes or one.name in _INTO_MAIL]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    found = populated(tmp_path_factory.mktemp("hostile") / "site")
    assert poison(found.data, "".join(CORPUS.values())[:20_000]) > 40
    return found


@pytest.mark.parametrize("one", LOOKS, ids=lambda one: one.name)
def test_what_is_shown_is_clean(site: Site, one: Action) -> None:
    assert one.name in ARGUMENTS, "say with which arguments this action shows something"
    for words in (ARGUMENTS[one.name], [*ARGUMENTS[one.name], "--json"]):
        done = _run(site.config, *one.name.split("."), *(word.format(**site.names) for word in words))
        assert done.returncode in (0, 1), done.stderr
        assert done.stdout or done.returncode
        assert not dirt(done.stdout)
        assert not dirt(done.stderr)
        assert max(map(len, done.stdout.splitlines()), default=0) < 200_000
        if words[-1:] == ["--json"]:
            json.loads(done.stdout)


@pytest.mark.parametrize("text", CORPUS.values(), ids=CORPUS)
def test_what_is_said_of_wrong_words_is_clean(site: Site, text: str) -> None:
    text = text.replace("\0", "")[:100_000]
    for words in (
        ["queue", "show", text],
        ["user", "add", text],
        ["trace", text],
        [text],
        ["queue", "list", "--state", text],
    ):
        done = _run(site.config, *words)
        assert done.returncode in (0, 1, 2), done.stderr
        assert not dirt(done.stdout)
        assert not dirt(done.stderr)


def _run(config: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mailconsole", "--config", str(config), *words],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=300,
        errors="surrogateescape",
    )
