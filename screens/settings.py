"""Settings: what is in force, from which line of the file, and what a reload would change."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any, ClassVar

from rich.text import Text

from backend.management.snapshots.settings import SettingRow, SettingsPage
from screens.colours import ink
from screens.deed import Deed
from screens.filtering import Grammar
from screens.link import Link
from screens.listing import Listing
from screens.text import safe
from screens.widgets.banner import Banner
from screens.widgets.table import Column

_ONLY = ("set", "pending")


class Settings(Listing[SettingRow]):
    """Every key there is, with its value."""

    tab = "settings"
    lists = "settings.list"
    answer = SettingsPage
    noun = ("setting", "settings")
    empty = "There are no settings."
    find_as_typed = True
    grammar = Grammar(
        keys={"part": "part", "only": "only"},
        example="a part of the name or help   only:set   only:pending",
        guess=lambda word: "part",
        choices={"only": _ONLY},
    )
    deeds = (
        Deed(
            "settings.reload",
            "R",
            "Reload",
            "reloaded",
            argument="",
            style="primary",
            advice="What is marked with ▸ changes at once; what needs a restart waits for one.",
        ),
    )
    columns: ClassVar[tuple[Column[Any], ...]] = (
        Column("key", "setting", 44, lambda row, now: _key(row)),
        Column("value", "in force", 0, lambda row, now: row.value or "–"),
        Column("from", "from", 9, lambda row, now: Text(_source(row), style=ink.muted)),
        Column("pending", "would be", 0, lambda row, now: _pending(row), narrow=False),
        Column("default", "default", 0, lambda row, now: Text(safe(row.default, 300), style=ink.muted), narrow=False),
    )

    CSS = """
    Settings Detail { height: 4; }
    """

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self._trouble = ""  # why the file cannot be loaded

    async def fetch(self, arguments: dict[str, Any]) -> tuple[Sequence[SettingRow], int]:
        """A page, and what is wrong with the file."""
        page = await self.link.ask(SettingsPage, self.lists, arguments)
        self._trouble = page.trouble
        return page.rows, page.total

    def show(self, snapshot: Any) -> None:
        """Change the table; a file that is wrong is said above it."""
        super().show(snapshot)
        if self._trouble:
            self.query_one(Banner).words = f"A reload would be refused. {self._trouble}"

    def key_of(self, row: SettingRow) -> str:
        """Its name."""
        return row.key

    def detail(self, row: SettingRow, now: str) -> Text:
        """What it means."""
        words = Text(f"{safe(row.key)} = {safe(row.value, 200) or '–'}", style=ink.text)
        if row.pending is not None:
            words.append("  ▸ ", style=ink.accent).append_text(_pending(row))
        elif row.author is not None:
            by = f"set here by {safe(row.author, 64)}, {safe((row.since or '')[:16].replace('T', ' '))} UTC"
            words.append(f"  not the file's {safe(row.file or '', 60)}: {by}", style=ink.warn)
        elif row.restart:
            words.append("  needs a restart to change", style=ink.warn)
        meaning = safe(row.help or "the shipped file says no more", 500)
        lines = textwrap.wrap(meaning, max(20, self.size.width - 2))
        return words.append("\n" + "\n".join(lines[:3]), style=ink.muted)

    def copied(self, row: SettingRow) -> str:
        """As it would stand in the file."""
        return f"{row.key} = {row.value}"


def _key(row: SettingRow) -> Text:
    mark = "▸ " if row.pending is not None else ""
    ours = row.line is not None or row.author is not None
    return Text(f"{mark}{safe(row.key)}", style=ink.text if ours else ink.muted)


def _source(row: SettingRow) -> str:
    if row.author is not None:
        return "set here"
    return "default" if row.line is None else f"line {row.line}"


def _pending(row: SettingRow) -> Text:
    if row.pending is None:
        return Text("")
    return Text(f"{safe(row.pending, 200) or '–'}{' after a restart' if row.restart else ''}", style=ink.accent)
