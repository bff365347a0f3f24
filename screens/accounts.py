"""Accounts: find somebody, see why she cannot log in, give her a new password."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rich.text import Text

from backend.management.snapshots.accounts import AccountPage, AccountRow
from screens import figures
from screens.account import DEEDS, AccountScreen, password_note, state_of
from screens.ask import Field
from screens.colours import ink
from screens.deed import Deed
from screens.filtering import Grammar
from screens.listing import Listing
from screens.text import safe
from screens.widgets.table import Column

_STATES = ("active", "suspended", "locked", "one-time")
_ADD = Deed("user.add", "n", "New", "added", argument="", fields=(Field("address", "Address", "alice@example.org"),))


class Accounts(Listing[AccountRow]):
    """The list of accounts."""

    tab = "accounts"
    lists = "user.list"
    answer = AccountPage
    noun = ("account", "accounts")
    empty = "There are no accounts yet; n makes one."
    find_as_typed = True
    grammar = Grammar(
        keys={"part": "part", "state": "state"},
        example="a part of the address   state:locked state:suspended state:one-time",
        guess=lambda word: "state" if word in _STATES else "part",
        choices={"state": _STATES},
    )
    deeds = (_ADD, *DEEDS)
    sorts: ClassVar[Mapping[str, str]] = {
        "address": "address A–Z",
        "-address": "address Z–A",
        "-seen": "last log-in first",
        "seen": "longest without a log-in",
        "-created": "newest first",
        "created": "oldest first",
    }
    columns: ClassVar[tuple[Column[Any], ...]] = (
        Column("address", "address", 0, lambda row, now: row.address, sort="address"),
        Column("state", "state", 11, lambda row, now: _state(row)),
        Column("seen", "log-in", 8, lambda row, now: _muted(_since(row.seen, now)), right=True, sort="seen"),
        Column("messages", "messages", 8, lambda row, now: f"{row.messages:,}", right=True),
        Column("bytes", "size", 7, lambda row, now: _muted(figures.size(row.bytes)), right=True),
        Column("quota", "quota", 7, lambda row, now: _muted(_quota(row)), narrow=False, right=True),
        Column(
            "created", "age", 8, lambda row, now: _since(row.created, now), narrow=False, right=True, sort="created"
        ),
    )

    def key_of(self, row: AccountRow) -> str:
        """Its address."""
        return row.address

    def label_of(self, row: AccountRow) -> str:
        """Address and size: what would be lost."""
        return f"{row.address}  {row.messages:,} messages, {figures.size(row.bytes)}"

    def detail(self, row: AccountRow, now: str) -> Text:
        """What the table has no room for."""
        words = Text(safe(row.address), style=ink.text).append(f"  {state_of(row)}\n", style=ink.of(state_of(row)))
        if row.locked_until:
            words.append(f"locked until {figures.clock(row.locked_until)} UTC; l unlocks it", style=ink.warn)
        elif row.one_time:
            words.append(f"has a one-time password until {figures.moment(row.expires or now, now)}", style=ink.muted)
        else:
            words.append("Enter: log-ins, app passwords, aliases, vacation", style=ink.faint)
        return words

    def open(self, row: AccountRow) -> None:
        """All about it."""
        self.app.push_screen(AccountScreen(self.link, row))

    def prefill(self, deed: Deed, rows: Sequence[AccountRow]) -> Mapping[str, str]:
        """What is so far."""
        return {"size": str(rows[0].quota)} if deed.action == "user.quota" and rows else {}

    def answered(self, deed: Deed, answer: Any) -> None:
        """A password is shown this once."""
        if note := password_note(deed, answer):
            self.app.push_screen(note)


def _state(row: AccountRow) -> Text:
    state = state_of(row)
    return Text(state, style=ink.of(state))


def _muted(words: str) -> Text:
    return Text(safe(words), style=ink.muted)


def _since(time: str | None, now: str) -> str:
    return figures.since(time, now) if time else "never"


def _quota(row: AccountRow) -> str:
    return figures.size(row.quota) if row.quota else ""
