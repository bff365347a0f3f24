"""Sessions: the operators who are logged in, and the end of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.text import Text

from backend.management.snapshots.sessions import SessionList, SessionRow
from screens import figures
from screens.colours import ink
from screens.deed import Deed
from screens.filtering import Grammar
from screens.listing import Listing
from screens.text import safe
from screens.widgets.table import Column


class Sessions(Listing[SessionRow]):
    """There are never many, so the service answers them all, and the filter is applied here."""

    tab = "sessions"
    lists = "session.list"
    answer = SessionList
    noun = ("session", "sessions")
    empty = "Nobody is logged in over SSH. On this host root and the service's own user need no session."
    grammar = Grammar(
        keys={"operator": "operator", "from": "origin", "kind": "kind"},
        example="operator:olga from:192.0.2.7 kind:console",
        guess=lambda word: "operator",
    )
    deeds = (
        Deed(
            "session.end",
            "d",
            "End",
            "ended",
            argument="id",
            many=False,
            advice="The operator may log in again; to keep one out, disable the operator.",
        ),
    )
    columns: ClassVar[tuple[Column[Any], ...]] = (
        Column("operator", "operator", 16, lambda row, now: row.operator),
        Column("role", "role", 10, lambda row, now: Text(safe(row.role), style=ink.muted)),
        Column("kind", "kind", 8, lambda row, now: Text(safe(row.kind), style=ink.muted)),
        Column("idle", "idle", 7, lambda row, now: figures.span(row.idle_seconds), right=True),
        Column("age", "since", 7, lambda row, now: figures.since(row.started, now), right=True),
        Column("origin", "from", 0, lambda row, now: row.origin),
        Column("key", "key", 0, lambda row, now: Text(safe(row.key or "password"), style=ink.muted), narrow=False),
    )

    async def fetch(self, arguments: dict[str, Any]) -> tuple[Sequence[SessionRow], int]:
        """All, and of these the ones that fit."""
        rows = (await self.link.ask(SessionList, self.lists, {})).rows
        wanted = {name: str(arguments[name]) for name in ("operator", "origin", "kind") if name in arguments}
        fit = [row for row in rows if all(word in getattr(row, name) for name, word in wanted.items())]
        first = arguments["offset"]
        return fit[first : first + arguments["limit"]], len(fit)

    def label_of(self, row: SessionRow) -> str:
        """Who, from where."""
        return f"{row.operator} ({row.role}), {row.kind} from {row.origin}"

    def detail(self, row: SessionRow, now: str) -> Text:
        """With which key."""
        words = Text(safe(self.label_of(row)), style=ink.text)
        return words.append(f"\n{safe(row.key or 'by password')}   session {safe(row.id)}", style=ink.muted)
