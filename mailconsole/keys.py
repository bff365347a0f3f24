"""`mailconsole keys`: which key does what on which screen, as the screens themselves have it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from textual.binding import Binding
from textual.dom import DOMNode

from backend.management.registry import actions
from mailconsole.app import TABS, Console
from screens.account import AccountScreen
from screens.alert import AlertScreen
from screens.authentication import Authentication
from screens.deletions import Deletions
from screens.dmarc import Impostors, Reports
from screens.dns import RecordScreen
from screens.dnslist import DnsListScreen
from screens.dnslists import DnsLists
from screens.entry import EntryScreen
from screens.listing import Listing
from screens.live import Live
from screens.page import Page
from screens.quarantine import Quarantine
from screens.quarantined import Quarantined
from screens.rules import Rules
from screens.spam import Spam
from screens.spam_messages import Scored
from screens.story import StoryScreen
from screens.vacation import VacationScreen
from screens.widgets.table import Table

_SHARED: tuple[tuple[str, tuple[type[DOMNode], ...]], ...] = (
    ("everywhere", (Console, Live)),
    ("every list", (Listing, Table)),
)
_BEHIND: dict[str, tuple[tuple[str, type[DOMNode]], ...]] = {  # tab -> what is opened from it
    "queue": (("queue, a message", EntryScreen), ("queue, hold rules", Rules)),
    "trace": (("trace, a story", StoryScreen),),
    "accounts": (("accounts, one of them", AccountScreen), ("accounts, a vacation", VacationScreen)),
    "audit": (("audit, deletions", Deletions),),
    "settings": (("a page of text", Page),),
    "viruses": (
        ("viruses, an alert", AlertScreen),
        ("viruses, quarantine", Quarantine),
        ("viruses, one message of it", Quarantined),
        ("viruses, spam", Spam),
        ("viruses, spam, messages", Scored),
    ),
    "lists": (("lists, DNS lists", DnsLists), ("lists, one of the DNS", DnsListScreen)),
    "dns": (
        ("dns, a record", RecordScreen),
        ("dns, authentication", Authentication),
        ("dns, DMARC reports", Reports),
        ("dns, who sends as us", Impostors),
    ),
}
_DIGITS = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Row:
    """One screen, and its keys with their words."""

    screen: str
    keys: tuple[tuple[str, str], ...]


def rows() -> list[Row]:
    """First what works everywhere and on every list, then each screen's own keys."""
    shared = [Row(name, tuple(_keys(kinds))) for name, kinds in _SHARED]
    numbered = [tab.key for tab in TABS if _DIGITS.match(tab.key)]
    digits = (f"{numbered[0]}–{numbered[-1]}", "the screens")
    everywhere = Row("everywhere", (digits, *(key for key in shared[0].keys if not _DIGITS.match(key[0]))))
    known = {key for row in shared for key in row.keys}
    found = []
    for tab in TABS:
        for name, kind in ((tab.name, tab.kind), *_BEHIND.get(tab.name, ())):
            found.append(Row(name, tuple(key for key in _keys((kind,)) if key not in known)))
    return [everywhere, *shared[1:], *(row for row in found if row.keys)]


def table() -> str:
    """The same in Markdown."""
    lines = (f"| {row.screen} | {', '.join(f'`{key}` {words}' for key, words in row.keys)} |" for row in rows())
    return "\n".join(("| screen | keys |", "| --- | --- |", *lines))


def _keys(kinds: Iterable[type[DOMNode]]) -> Iterator[tuple[str, str]]:
    """The keys that these classes themselves declare; those of an action are the ones that the service gives."""
    known = actions()
    for kind in kinds:
        for binding in kind.__dict__.get("BINDINGS", ()):
            assert isinstance(binding, Binding)
            action = known.get(binding.id or "")
            if not action and not binding.tooltip:
                continue  # the toolkit's own
            key = action.key if action and action.key else _display(binding)
            yield key, binding.description


def _display(binding: Binding) -> str:
    first = binding.key_display or binding.key.partition(",")[0]
    return {"enter": "⏎", "space": "␣"}.get(first, first.replace("ctrl+", "^"))
