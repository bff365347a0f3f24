"""Consoles share an answer for a moment; whoever has changed something sees it, and no role sees another's answer."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from backend.management.roles import SYSADMIN
from backend.management.shared import LIFE, Shared
from backend.store import operators
from backend.store.database import Store, Transaction
from tests.backend.management.conftest import Enqueue, Line


@pytest.fixture
def people(store: Store) -> None:
    def add(transaction: Transaction) -> None:
        operators.add(transaction, "root", SYSADMIN, None, must_change=False)

    store.write(add)


def test_many_who_ask_at_once_get_one_answer() -> None:
    shared, worked, all_here = Shared(life=60), [], threading.Barrier(8)

    def work() -> int:
        worked.append(1)
        time.sleep(0.05)
        return len(worked)

    found: list[int] = []

    def ask() -> None:
        all_here.wait()
        found.append(shared.answer("status", work))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert found == [1] * 8


def test_another_question_has_another_answer() -> None:
    shared = Shared(life=60)
    assert shared.answer(("status", "sysadmin"), lambda: "all") == "all"
    assert shared.answer(("status", "helpdesk"), lambda: "less") == "less"


def test_an_answer_lives_for_a_moment_or_until_a_change() -> None:
    numbers = iter(range(10))
    shared = Shared(life=0.05)
    assert shared.answer("a", lambda: next(numbers)) == 0
    time.sleep(0.06)
    assert shared.answer("a", lambda: next(numbers)) == 1
    lasting = Shared(life=60)
    assert lasting.answer("a", lambda: next(numbers)) == 2
    lasting.forget()
    assert lasting.answer("a", lambda: next(numbers)) == 3
    assert lasting.answer("a", lambda: next(numbers)) == 3


def test_a_change_while_the_answer_is_worked_out_is_not_lost() -> None:
    shared = Shared(life=60)

    def work() -> str:
        shared.forget()
        return "old"

    assert shared.answer("a", work) == "old"
    assert shared.answer("a", lambda: "new") == "new"


def test_an_error_is_nobody_elses() -> None:
    shared = Shared(life=60)

    def fail() -> Any:
        raise OSError("the disk")

    with pytest.raises(OSError, match="the disk"):
        shared.answer("a", fail)
    assert shared.answer("a", lambda: 1) == 1


@pytest.mark.usefixtures("people")
def test_two_consoles_and_a_command(path: Path, enqueue: Enqueue) -> None:
    """What comes by mail is seen by a command at once, by a console a moment later, and what a console does at once."""

    def total(line: Line) -> int:
        found: int = line.call("status")["result"]["queue"]["total"]
        return found

    with Line(path) as one, Line(path) as other, Line(path) as command:
        one.bind("root", session="s1")
        other.bind("root", session="s2")
        command.bind("root", kind="command", session="s3")
        assert total(one) == 0
        name = enqueue("a@remote.test")
        assert total(command) == 1
        time.sleep(LIFE)
        assert total(one) == 1
        assert other.call("queue.delete", ids=[name], why="a test")["result"]
        assert total(other) == total(one) == 0
