"""Scores over the wire: figures and trials agree with what was marked; a threshold counts in every worker at once."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backend.content.spam.rules import GTUBE
from tests.harness.site import Site
from tests.harness.waiting import until
from tests.service.test_spam import GOOD, arrives, letter, scorers

SETTINGS = """
[relay]
networks = ["127.0.0.1/32"]

[workers]
smtp = 2

[spam]
enabled = true
seconds = 20.0
"""
OFFER = (
    "Dear friend, make money fast from home, 100% free, no risk! Lowest mortgage rates, guaranteed income.\r\n"
    "Click here to order now: http://192.0.2.7/order.html\r\nTo be removed from our mailing list click here.\r\n"
)
SUBJECT = "Subject: YOU HAVE WON!!! Claim your FREE $$$ now\r\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with two SMTP workers that mark."""
    with Site(tmp_path_factory.mktemp("threshold") / "site") as site:
        site.configure(SETTINGS)
        site.add_user("bob@example.org")
        yield site.start()


def marks(site: Site, name: str, number: int = 4) -> list[bool]:
    """Whether messages of one kind are marked, each on a connection of its own, so that both workers have some."""
    found = [arrives(site, f"{name}{n}", letter(f"{name}{n}", OFFER, SUBJECT)) for n in range(number)]
    return [message["X-Spam-Flag"] == "YES" for message in found]


def figures(site: Site) -> dict[str, int]:
    """What was counted in the last hour."""
    answer = site.cli_json("spam", "figures", "--hours", "1", "--parts", "1")
    return {name: answer[name][0] for name in ("marked", "clean", "unscored")}


def test_figures_and_trials_agree_with_what_was_marked(site: Site) -> None:
    came = [
        arrives(site, "good", letter("good", GOOD)),
        arrives(site, "gtube", letter("gtube", f"{GTUBE}\r\n")),
        arrives(site, "offer", letter("offer", OFFER, SUBJECT)),
    ]
    arrives(site, "own", letter("own", f"{GTUBE}\r\n"), source="127.0.0.1")  # of our own: not scored
    scores = [float(message["X-Spam-Score"]) for message in came]
    flags = [message["X-Spam-Flag"] == "YES" for message in came]
    assert flags == [False, True, True], scores
    assert figures(site) == {"marked": 2, "clean": 1, "unscored": 0}

    rows = site.cli_json("spam", "list", "--sort", "time")["rows"]
    assert [row["marked"] for row in rows] == flags
    assert [row["points"] for row in rows] == pytest.approx(scores, abs=0.06)
    assert {row["domain"] for row in rows} == {"client.test"}
    assert rows[1]["reasons"][0].startswith("GTUBE ")
    assert rows[1]["id"] in came[1]["Received"]
    for threshold in ("5", "0.1", "100"):
        tried = site.cli_json("spam", "try", threshold)
        assert (tried["number"], tried["marked"], tried["came_marked"]) == (3, 2, 2)
        assert tried["would"] == sum(points >= float(threshold) for points in scores)
    assert sum(site.cli_json("spam", "scores")["bins"]) == 3


def test_a_threshold_counts_in_every_worker_at_once(site: Site) -> None:
    points = float(arrives(site, "before", letter("before", OFFER, SUBJECT))["X-Spam-Score"])
    assert marks(site, "first") == [True] * 4
    higher = f"{points + 1:.1f}"
    answer = site.cli_json("spam", "threshold", higher, "--yes")
    assert marks(site, "second") == [False] * 4
    assert f"required={higher}" in arrives(site, "third", letter("third", GOOD))["X-Spam-Status"]
    [row] = site.cli_json("settings", "list", "spam.threshold")["rows"]
    assert (row["value"], row["file"]) == (f"{float(higher):g}", "5.0")
    assert row["author"]
    site.reload()  # the file does not come back with it
    assert marks(site, "fourth", 2) == [False] * 2
    site.cli("undo", answer["undo"])
    assert marks(site, "fifth") == [True] * 4
    site.cli("spam", "threshold", higher, "--yes")
    site.cli("spam", "threshold", "default", "--yes")
    assert marks(site, "sixth") == [True] * 4


def test_it_is_kept_over_a_restart(site: Site) -> None:
    site.cli("spam", "threshold", "100", "--yes")
    site.restart()
    assert marks(site, "seventh", 2) == [False] * 2
    site.cli("spam", "threshold", "default", "--yes")


def test_what_people_say_of_the_mark(site: Site, tmp_path: Path) -> None:
    marked = arrives(site, "wrong", letter("wrong", OFFER, SUBJECT))
    assert marked["X-Spam-Flag"] == "YES"
    (tmp_path / "wrong.eml").write_bytes(marked.as_bytes())
    site.cli("spam", "learn", "--as", "ham", str(tmp_path / "wrong.eml"))

    def reports() -> dict[str, Any]:
        answer: dict[str, Any] = site.cli_json("spam", "reports")
        return answer

    assert (reports()["false_positives"], reports()["false_negatives"]) == (1, 0)
    [row] = reports()["rows"]
    assert (row["kind"], row["marked"], row["domain"]) == ("ham", True, "client.test")
    assert row["points"] == pytest.approx(float(marked["X-Spam-Score"]), abs=0.06)
    assert row["id"] in marked["Received"]
    assert "Accepted from ann@client.test" in site.cli("trace", "show", row["id"]).stdout.decode()
    tried = site.cli_json("spam", "try", "99")
    assert (tried["ham"], tried["ham_right"], tried["ham_would"]) == (1, 0, 1)
    site.cli("spam", "forget", str(tmp_path / "wrong.eml"))
    assert reports()["rows"] == []


def test_what_cannot_be_scored_is_counted(site: Site) -> None:
    numbers = itertools.count()

    def both() -> bool:
        name = f"awake{next(numbers)}"
        arrives(site, name, letter(name, GOOD))
        return len(scorers(site)) == 2

    until(both, within=60, why="both workers have scored something")
    site.configure("[spam]\nseconds = 1.0\n")
    site.reload()
    time.sleep(1)
    before, asleep = figures(site), scorers(site)
    for pid in asleep:
        os.kill(pid, signal.SIGSTOP)
    found = arrives(site, "late", letter("late", GOOD))
    assert found["X-Spam-Status"] is None
    assert figures(site) == {**before, "unscored": before["unscored"] + 1}
    for pid in asleep:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
