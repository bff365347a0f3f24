"""The access lists, as a worker asks them: answers are kept until a rule changes, hits are written in batches."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial

from backend.store import access
from backend.store.access import Rule
from backend.store.access_patterns import Subject
from backend.store.database import Store

_REMEMBERED = 50_000  # addresses and names; past it all are forgotten, so a flood of new ones costs no memory
_FLUSH = 1.0  # seconds in which hits are gathered; a process that is killed loses those of its last second
_HOSTS = ("host=", "host.", "host*")  # shapes of keys of rules about host names

Part = tuple[str, str]


class AccessLists:
    """Look-ups that cost a dictionary's when they were made before, a query in a thread when not."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._generation = 0
        self._shapes: frozenset[str] | None = None
        self._known: dict[Part, tuple[Rule, ...]] = {}
        self._hits: Counter[int] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    async def fitting(self, subject: Subject) -> list[Rule]:
        """The rules that fit and whose time has not passed, the oldest first."""
        shapes = await self._used()
        if not shapes:
            return []
        parts = list(dict.fromkeys(subject.parts()))
        here = {part: self._known[part] for part in parts if part in self._known}  # others may forget it meanwhile
        if missing := [part for part in parts if part not in here]:
            here |= await self._ask(missing, shapes)
        now = time.time()
        found = {rule.id: rule for rules in here.values() for rule in rules if not rule.over(now)}
        return [found[number] for number in sorted(found)]

    async def know_hosts(self) -> bool:
        """Whether any rule is about host names, for which the DNS must be asked."""
        return not (await self._used()).isdisjoint(_HOSTS)

    @property
    def without_hosts(self) -> bool:
        """Whether it is known at once that no rule is about them; when it is not, `know_hosts` finds out."""
        if self._shapes is None or self._generation != self._store.generation.number:
            return False
        return self._shapes.isdisjoint(_HOSTS)

    def hit(self, rule: Rule) -> None:
        """Count that it has decided; written soon, and with nobody waiting."""
        self._hits[rule.id] += 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_FLUSH, self.flush)

    def flush(self) -> None:
        """Hand what was counted to the store."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._hits:
            self._store.record(partial(access.count_hits, hits=dict(self._hits), when=time.time()))
            self._hits.clear()

    async def _used(self) -> frozenset[str]:
        number = self._store.generation.number
        if number != self._generation:
            self._generation, self._shapes = number, None
            self._known.clear()
        if self._shapes is not None:
            return self._shapes
        shapes = await self._store.query(access.shapes)
        if number == self._store.generation.number == self._generation:
            self._shapes = shapes
        return shapes

    async def _ask(self, parts: Sequence[Part], shapes: frozenset[str]) -> dict[Part, tuple[Rule, ...]]:
        number = self._generation
        found = await self._store.query(partial(access.about, parts=parts, known=shapes))
        if number == self._store.generation.number == self._generation:
            if len(self._known) + len(found) > _REMEMBERED:
                self._known.clear()
            self._known.update(found)
        return found
