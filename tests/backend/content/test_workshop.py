"""The workshop: children are killed, replaced and limited, and what they were asked is answered all the same."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backend.content.workshop import Killed, Workshop
from backend.limits import MIB, Limits
from backend.site import shipped
from backend.store.bodies import Body

LIMITS = Limits(workshop_children=2, unpack_seconds=10)
VIRUSES = {"yara": [str(shipped("yara"))], "refused_types": [], "hidden": False}
JOB: dict[str, Any] = {"viruses": VIRUSES, "spam": None, "spam_seconds": 5.0}
LETTER = b"Subject: x\r\n\r\nhello\r\n"


def body(data: bytes) -> Body:
    return Body(size=len(data), data=data)


def children() -> set[int]:
    found = set()
    for path in Path(f"/proc/{os.getpid()}/task").iterdir():
        for pid in (path / "children").read_text().split():
            if b"backend.content.workbench" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.add(int(pid))
    return found


async def test_many_messages_share_a_few_children_that_are_replaced_in_time() -> None:
    shop = Workshop(replace(LIMITS, workshop_jobs=3))
    seen: set[int] = set()

    async def one() -> None:
        answer = await shop.run(JOB, body(LETTER))
        assert answer["pieces"] == 1
        seen.update(children())

    for _ in range(4):
        await asyncio.gather(*(one() for _ in range(3)))
    shop.close()
    assert len(seen) >= 4
    for _ in range(100):
        if not children():
            break
        await asyncio.sleep(0.05)
    assert children() == set()


async def test_a_child_that_is_killed_over_a_message_is_said_and_another_takes_its_place() -> None:
    shop = Workshop(LIMITS)
    await shop.run(JOB, body(LETTER))
    (pid,) = children()
    os.kill(pid, signal.SIGSTOP)
    asking = asyncio.ensure_future(shop.run(JOB, body(LETTER + b"x " * 3 * MIB)))  # another lane: it goes on
    assert (await asking)["pieces"] == 1
    stuck = asyncio.ensure_future(shop.run(JOB, body(LETTER)))
    await asyncio.sleep(0.2)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(Killed):
        await stuck
    assert (await shop.run(JOB, body(LETTER)))["pieces"] == 1
    shop.close()


async def test_a_hung_child_is_killed_at_the_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.content.workshop._SPARE", 0)
    shop = Workshop(replace(LIMITS, unpack_seconds=1, workshop_children=1))
    await shop.run(JOB, body(LETTER))
    (pid,) = children()
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(Killed, match="more than 1 seconds"):
        await shop.run(JOB, body(LETTER))
    assert (await shop.run(JOB, body(LETTER)))["pieces"] == 1
    assert pid not in children()
    shop.close()


async def test_memory_has_a_limit_and_the_answer_says_so(tmp_path: Path) -> None:
    shop = Workshop(replace(LIMITS, workshop_memory_bytes=96 * MIB))
    large = tmp_path / "large"
    large.write_bytes(LETTER + b"hello \r\n" * 12 * MIB)
    answer = await shop.run(JOB, Body(size=large.stat().st_size, path=large))
    assert [kind for kind, *_ in answer["troubles"]] == ["too large"]
    assert (await shop.run(JOB, body(LETTER)))["pieces"] == 1
    shop.close()


async def test_a_parent_with_much_memory_does_not_wear_its_children_out() -> None:
    much = bytearray(400 * MIB)
    much[::4_096] = b"x" * len(range(0, len(much), 4_096))
    shop = Workshop(LIMITS)
    await shop.run(JOB, body(LETTER))
    (first,) = children()
    await shop.run(JOB, body(LETTER))
    assert children() == {first}
    shop.close()
