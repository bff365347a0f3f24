"""The screens that have a key of their own: the table of them is in the front door, the title bar draws it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from screens.link import Link
from screens.live import Live


@dataclass(frozen=True, slots=True)
class Tab:
    """One of them. It is loaded and made when it is first opened: log-in shall not wait for all."""

    key: str
    name: str
    words: str  # for the key sheet
    place: str  # `module:class` of the screen, which is made with the link
    action: str  # without the right to this one the tab is dim

    @property
    def kind(self) -> type[Live]:
        """The class of the screen."""
        module, _, name = self.place.partition(":")
        found: type[Live] = getattr(importlib.import_module(module), name)
        return found

    @property
    def title(self) -> str:
        """As people write it."""
        return self.name.upper() if self.name == "dns" else self.name.title()

    def make(self, link: Link) -> Live:
        """The screen."""
        return self.kind(link)
