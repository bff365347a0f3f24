"""One answer for many consoles: what all of them ask for at each tick is worked out once in a while, not for each."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

LIFE = 1.0  # seconds that an answer is handed out: half of a tick, so that nobody sees the figures of the tick before


@dataclass(slots=True)
class _Answer:
    """The last one to a question; `lock` is held by who works it out, and the others wait for that."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    value: Any = None
    until: float = 0.0
    edition: int = -1


class Shared:
    """Answers by question. `key` must hold all that the answer depends on: two roles never share one that differs.
    Safe to use from threads.
    """

    def __init__(self, life: float = LIFE) -> None:
        self._life = life
        self._lock = threading.Lock()
        self._answers: dict[Hashable, _Answer] = {}
        self._edition = 0

    def answer(self, key: Hashable, work: Callable[[], Any]) -> Any:
        """What `work` gives, or gave to somebody a moment ago. An error is nobody else's."""
        with self._lock:
            answer = self._answers.setdefault(key, _Answer())
        with answer.lock:
            edition = self._edition
            if answer.edition != edition or answer.until < time.monotonic():
                answer.value = work()
                answer.until, answer.edition = time.monotonic() + self._life, edition
            return answer.value

    def forget(self) -> None:
        """Something was changed here: who has done it shall see it."""
        with self._lock:
            self._edition += 1
