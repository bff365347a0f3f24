"""Hold rules: which mail waits in the queue until somebody has looked at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rich.text import Text

from backend.management.snapshots.rules import RuleList, RuleRow
from screens import figures
from screens.ask import Field
from screens.colours import ink
from screens.deed import Deed
from screens.filtering import Grammar
from screens.link import Link
from screens.listing import Listing
from screens.text import safe
from screens.widgets.table import Column

_NAMES = ("sender", "recipient", "peer", "reason")


class Rules(Listing[RuleRow]):
    """Opened from the queue; a new rule begins with the sender of the entry that was under the cursor there."""

    tab = "queue"
    crumb = "hold rules"
    lists = "rule.list"
    answer = RuleList
    noun = ("rule", "rules")
    empty = "No rule holds mail; n makes one. Mail that fits a rule is taken, and waits in the queue to be looked at."
    grammar = Grammar(
        keys={"from": "sender", "to": "recipient", "peer": "peer", "reason": "reason"},
        example="from:spam.example to:bob@ peer:192.0.2 reason:phishing",
        guess=lambda word: "sender",
    )
    deeds = (
        Deed(
            "rule.add",
            "n",
            "New",
            "held from now on",
            argument="",
            fields=(
                Field("sender", "From", "*@spam.example, or <> for none", required=False),
                Field("recipient", "To", "*@remote.example", required=False),
                Field("peer", "Network", "192.0.2.0/24", required=False),
                Field("reason", "Reason", "for who finds the mail held"),
                Field("lasts", "For how long", "7d; empty: until it is deleted", required=False),
            ),
        ),
        Deed(
            "rule.delete",
            "d",
            "Delete",
            "deleted",
            argument="id",
            many=False,
            advice="What it holds stays held: release it in the queue.",
        ),
    )
    columns: ClassVar[tuple[Column[Any], ...]] = (
        Column("sender", "from", 0, lambda row, now: row.sender or "anybody"),
        Column("recipient", "to", 0, lambda row, now: row.recipient or "anybody"),
        Column("peer", "network", 0, lambda row, now: Text(safe(row.peer or "any"), style=ink.muted), narrow=False),
        Column("hits", "hits", 6, lambda row, now: figures.count(row.hits), right=True),
        Column("until", "ends", 7, lambda row, now: _ends(row, now), right=True),
        Column("reason", "reason", 0, lambda row, now: Text(safe(row.reason), style=ink.muted)),
    )

    def __init__(self, link: Link, sender: str = "") -> None:
        super().__init__(link)
        self._sender = sender

    async def fetch(self, arguments: dict[str, Any]) -> tuple[Sequence[RuleRow], int]:
        """All, and of these the ones that fit."""
        rows = (await self.link.ask(RuleList, self.lists, {})).rows
        wanted = {name: str(arguments[name]) for name in _NAMES if name in arguments}
        fit = [row for row in rows if all(word in (getattr(row, name) or "") for name, word in wanted.items())]
        first = arguments["offset"]
        return fit[first : first + arguments["limit"]], len(fit)

    def key_of(self, row: RuleRow) -> str:
        """`rule 3`: a number says nothing by itself."""
        return f"rule {row.id}"

    def arguments(self, deed: Deed, row: RuleRow) -> dict[str, Any]:
        """A rule has a number."""
        return {deed.argument: row.id}

    def prefill(self, deed: Deed, rows: Sequence[RuleRow]) -> Mapping[str, str]:
        """All from the sender of the entry that was looked at."""
        return {"sender": self._sender} if deed.action == "rule.add" else {}

    def label_of(self, row: RuleRow) -> str:
        """What it holds."""
        network = f" by {row.peer}" if row.peer else ""
        return f"from {row.sender or 'anybody'} to {row.recipient or 'anybody'}{network}"

    def detail(self, row: RuleRow, now: str) -> Text:
        """Whose it is, and why."""
        last = f", the last {figures.since(row.last_hit, now)} ago" if row.last_hit else ""
        words = Text(f"Holds mail {safe(self.label_of(row))}: {row.hits:,} so far{last}\n", style=ink.text)
        return words.append(f"{safe(row.owner)}: {safe(row.reason)}", style=ink.muted)


def _ends(row: RuleRow, now: str) -> str:
    if row.until is None:
        return "never"
    left = figures.until(row.until, now)
    return "over" if left == "now" else left
