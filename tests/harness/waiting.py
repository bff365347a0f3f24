"""Waiting for something to become true, with an end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


LONG = 60.0  # seconds: what takes a moment, on a machine that does ten other things. Only a failure takes it


def until(what: Callable[[], T], *, within: float = LONG, every: float = 0.05, why: str = "") -> T:
    """The first truthy answer of `what()`, asked every `every` seconds; TimeoutError after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        answer = what()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise TimeoutError(f"not within {within} s: {why or what!r}; last answer {answer!r}")
        time.sleep(every)
