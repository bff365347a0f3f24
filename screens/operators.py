"""Operators: who runs the service, in which role, with which keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rich.text import Text

from backend.management.snapshots.operators import OperatorList, OperatorRow
from screens import figures
from screens.ask import Field
from screens.colours import ink
from screens.deed import Deed
from screens.filtering import Grammar
from screens.listing import Listing
from screens.note import Note
from screens.text import safe
from screens.widgets.table import Column

_ROLES = ("sysadmin", "postmaster", "helpdesk", "auditor")
_ROLE = Field("role", "Role", choices=_ROLES)
_KEY = Field("key", "Public key", "the line of a .pub file: ssh-ed25519 AAAA... name")


def _deed(action: str, key: str, label: str, done: str, **options: Any) -> Deed:
    return Deed(action, key, label, done, argument="name", many=False, alone=True, **options)


class Operators(Listing[OperatorRow]):
    """There are never many, so the service answers them all, and the filter is applied here."""

    tab = "operators"
    lists = "operator.list"
    answer = OperatorList
    noun = ("operator", "operators")
    empty = "There are no operators; n makes one. `mailconsole init` made the first."
    grammar = Grammar(
        keys={"name": "name", "role": "role", "state": "state"},
        example="a part of the name   role:helpdesk state:suspended",
        guess=lambda word: "role" if word in _ROLES else "name",
    )
    deeds = (
        Deed(
            "operator.add",
            "n",
            "New",
            "added",
            argument="",
            fields=(
                Field("name", "Name", "small letters, digits, dots, dashes"),
                _ROLE,
                Field("key", "Public key", "empty: a one-time password is made", required=False),
            ),
        ),
        _deed("operator.password", "P", "Password", "reset"),
        _deed("operator.key-add", "a", "Add key", "changed", fields=(_KEY,)),
        _deed("operator.role", "c", "Role", "changed", fields=(_ROLE,)),
        _deed("operator.totp", "t", "Ask for codes", "changed", quiet=True),
        _deed("operator.totp-off", "o", "Ask for no codes", "changed", quiet=True),
        _deed(
            "operator.key-delete",
            "K",
            "Take a key away",
            "changed",
            quiet=True,
            fields=(Field("fingerprint", "Fingerprint", "SHA256:..."),),
        ),
        _deed("operator.disable", "x", "Disable", "disabled", undo="operator.enable"),
        _deed("operator.enable", "e", "Enable", "enabled", undo="operator.disable", quiet=True),
        _deed(
            "operator.delete", "d", "Delete", "deleted", advice="Disable keeps the keys, and can be undone.", quiet=True
        ),
    )
    columns: ClassVar[tuple[Column[Any], ...]] = (
        Column("name", "operator", 0, lambda row, now: row.name),
        Column("role", "role", 11, lambda row, now: row.role),
        Column("state", "state", 10, lambda row, now: Text(safe(row.state), style=ink.of(row.state))),
        Column("ways", "logs in by", 0, lambda row, now: Text(_ways(row), style=ink.muted)),
        Column("seen", "log-in", 8, lambda row, now: figures.since(row.seen, now) if row.seen else "never", right=True),
    )

    async def fetch(self, arguments: dict[str, Any]) -> tuple[Sequence[OperatorRow], int]:
        """All, and of these the ones that fit."""
        rows = (await self.link.ask(OperatorList, self.lists, {})).rows
        wanted = {name: str(arguments[name]) for name in ("name", "role", "state") if name in arguments}
        fit = [row for row in rows if all(word in getattr(row, name) for name, word in wanted.items())]
        first = arguments["offset"]
        return fit[first : first + arguments["limit"]], len(fit)

    def key_of(self, row: OperatorRow) -> str:
        """Its name."""
        return row.name

    def label_of(self, row: OperatorRow) -> str:
        """Name and role."""
        return f"{row.name} ({row.role})"

    def detail(self, row: OperatorRow, now: str) -> Text:
        """The keys."""
        words = Text(f"{safe(row.name)}  {safe(row.role)}, {_ways(row)}\n", style=ink.text)
        keys = ", ".join(f"{key.fingerprint} {key.comment}" for key in row.keys)
        return words.append(safe(keys or "no key; a adds one"), style=ink.muted)

    def prefill(self, deed: Deed, rows: Sequence[OperatorRow]) -> Mapping[str, str]:
        """What is so far."""
        if not rows:
            return {}
        if deed.action == "operator.key-delete" and rows[0].keys:
            return {"fingerprint": rows[0].keys[-1].fingerprint}
        return {"role": rows[0].role} if deed.action == "operator.role" else {}

    def answered(self, deed: Deed, answer: Any) -> None:
        """A password or a secret is shown this once."""
        if answer.get("password"):
            words = "It is shown this once: at the first log-in another one is chosen."
            self.app.push_screen(Note(f"One-time password for {answer['operator']['name']}", answer["password"], words))
        elif answer.get("secret"):
            words = f"For an authenticator application, shown this once. As an address: {answer['url']}"
            self.app.push_screen(Note(f"Secret of {answer['name']}", answer["secret"], words))


def _ways(row: OperatorRow) -> str:
    ways = [f"{len(row.keys)} key{'' if len(row.keys) == 1 else 's'}"] if row.keys else []
    ways += ["one-time password" if row.must_change else "password"] if row.password else []
    ways += ["code"] if row.totp else []
    return ", ".join(ways) or "nothing yet"
