"""What the `:` palette offers: the keys of the screen in front, by name."""

from __future__ import annotations

from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from screens.text import safe


class Commands(Provider):
    """Every key with a description, and nothing else."""

    def _all(self) -> list[tuple[str, str]]:
        found: dict[str, str] = {}
        for _, binding, enabled, _tip in self.screen.active_bindings.values():
            if binding.description and enabled and not binding.system:
                found.setdefault(binding.description, binding.action)
        return list(found.items())

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for words, action in self._all():
            yield DiscoveryHit(safe(words), partial(self._run, action))

    async def search(self, query: str) -> Hits:
        """Those that fit what is typed."""
        matcher = self.matcher(query)
        for words, action in self._all():
            score = matcher.match(words)
            if score > 0:
                yield Hit(score, matcher.highlight(words), partial(self._run, action))

    async def _run(self, action: str) -> None:
        focused = self.screen.focused or self.screen
        await self.app.run_action(
            action, focused if "." not in action and not _of(self.screen, action) else self.screen
        )


def _of(owner: object, action: str) -> bool:
    return hasattr(owner, f"action_{action.partition('(')[0]}")
