"""The keys of a screen with their words, and the `:` palette that offers them by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.dom import DOMNode
from textual.screen import Screen

from screens.link import Link
from screens.text import safe


@dataclass(frozen=True, slots=True)
class Key:
    """One key of ours: those of the toolkit have no tooltip, and are not shown."""

    display: str
    name: str
    words: str
    action: str
    owner: DOMNode
    enabled: bool
    reason: str  # why it is not for the caller


def keys(screen: Screen[Any], link: Link) -> Iterator[Key]:
    """What can be done on a screen, the screen's own first; of actions, in the words of the service."""
    found: dict[str, Key] = {}
    for owner, binding, enabled, tooltip in screen.active_bindings.values():
        action = link.action(binding.id) if binding.id else None
        words = action.help if action else tooltip
        if words and not binding.system and binding.action not in found:
            display = binding.key_display or screen.app.get_key_display(binding)
            reason = action.refusal if action and not action.allowed else ""
            found[binding.action] = Key(
                display, binding.description, safe(words), binding.action, owner, enabled, safe(reason)
            )
    yield from sorted(found.values(), key=lambda key: (key.owner is screen.app, key.owner is not screen))


class Commands(Provider):
    """Every key that works, and nothing else."""

    def _all(self) -> list[Key]:
        return [key for key in keys(self.screen, self.app.link) if key.enabled]  # type: ignore[attr-defined]

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for key in self._all():
            yield DiscoveryHit(key.name, partial(self._run, key), help=_words(key))

    async def search(self, query: str) -> Hits:
        """Those that fit what is typed."""
        matcher = self.matcher(query)
        for key in self._all():
            score = matcher.match(key.name)
            if score > 0:
                yield Hit(score, matcher.highlight(key.name), partial(self._run, key), help=_words(key))

    async def _run(self, key: Key) -> None:
        await self.app.run_action(key.action, key.owner)


def _words(key: Key) -> str:
    return f"{key.display}   {key.words}"
