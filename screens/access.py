"""White and black lists: who is let in past the black lists, who is kept out, and who decides for a sender."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType

from backend.errors import MailError
from backend.management.snapshots.access import KINDS, VERDICTS, AccessDecision, AccessPage, AccessRow
from screens import figures
from screens.ask import Ask, Field
from screens.colours import ink
from screens.decision import Decision
from screens.deed import Deed
from screens.filtering import Grammar
from screens.link import Link
from screens.listing import Listing
from screens.text import safe
from screens.widgets.table import Column

_DNS_LISTS = "screens.dnslists"  # the other view of this tab


def _guess(word: str) -> str:
    return "verdict" if word in VERDICTS else "kind" if word in KINDS else "text"


def _yes(word: str) -> bool:
    if word not in ("yes", "no"):
        raise ValueError("yes or no")
    return word == "yes"


_WHOM = (
    Field("ip", "Client's address", "192.0.2.7", required=False),
    Field("name", "Its host name", "mail.x.test, as reverse and forward DNS agree on", required=False),
    Field("helo", "HELO", "what it calls itself", required=False),
    Field("sender", "From", "ann@x.test, or <> for none", required=False),
    Field("recipient", "To", "bob@example.org", required=False),
)


class Access(Listing[AccessRow]):
    """The rules of our own; `v` goes on to the lists of the DNS."""

    tab = "lists"
    lists = "access.list"
    answer = AccessPage
    noun = ("rule", "rules")
    empty = (
        "There is no rule: nobody is let in or kept out by a list of our own. n makes one;"
        " `mailconsole access import FILE` on the command line takes whole lists."
    )
    grammar = Grammar(
        keys={"verdict": "verdict", "kind": "kind", "text": "text", "owner": "owner", "expired": "expired"},
        example="deny kind:network owner:olga expired:yes text:x.test   or a part of a rule",
        guess=_guess,
        choices={"verdict": VERDICTS, "kind": KINDS},
        values={"expired": _yes},
    )
    sorts: ClassVar[Mapping[str, str]] = {
        "-age": "newest first",
        "age": "oldest first, as they are asked",
        "-hits": "most hits first",
        "hits": "fewest hits first",
        "-last": "last hit first",
        "last": "longest without a hit first",
    }
    deeds = (
        Deed(
            "access.add",
            "n",
            "New",
            "is in the lists from now on",
            argument="",
            undo="access.delete",
            fields=(
                Field("what", "What", "192.0.2.0/24, .x.test, ann@x.test, *@x.test"),
                Field("verdict", "Verdict", "allow or deny", choices=VERDICTS),
                Field("kind", "Kind", "host, helo, recipient ...; a name is a sender's domain", False, False, KINDS),
                Field("lasts", "For how long", "30d; empty: until it is deleted", required=False),
                Field("wide", "Although it takes in very much", "yes", required=False, make=_yes),
            ),
        ),
        Deed(
            "access.change",
            "e",
            "Change",
            "changed",
            fields=(
                Field("reason", "Reason", required=False),
                Field("lasts", "For how long from now", "30d; empty: as it is", required=False),
                Field("forever", "Without an end", "yes", required=False, make=_yes),
            ),
        ),
        Deed("access.delete", "d", "Delete", "deleted", advice="What was refused meanwhile stays refused."),
    )
    columns: ClassVar[tuple[Column[Any], ...]] = (
        Column("verdict", "verdict", 7, lambda row, now: Text(safe(row.verdict), style=_colour(row))),
        Column("kind", "kind", 9, lambda row, now: Text(safe(row.kind), style=ink.muted)),
        Column(
            "what", "what", 0, lambda row, now: Text(safe(row.what, 320), style=ink.faint if row.over else ink.text)
        ),
        Column("hits", "hits", 6, lambda row, now: _count(row.hits), right=True, sort="hits"),
        Column("last", "last hit", 8, lambda row, now: _since(row, now), right=True, sort="last"),
        Column("ends", "ends", 7, lambda row, now: _ends(row, now), narrow=False, right=True),
        Column("owner", "owner", 10, lambda row, now: Text(safe(row.owner), style=ink.muted), narrow=False),
        Column("reason", "reason", 0, lambda row, now: Text(safe(row.reason), style=ink.muted)),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "decide", "Who decides?", tooltip="which rule decides for a sender, and which ones fit behind it"),
        Binding(
            "v,z", "dns_lists", "DNS lists", key_display="v", tooltip="the lists of the DNS, their health and hits"
        ),
        Binding("i", "import", "Import", show=False, tooltip="how whole lists come in"),
    ]

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self._whom: Mapping[str, str] = {}  # who was asked about the last time

    def label_of(self, row: AccessRow) -> str:
        """What it says."""
        return f"{row.verdict} {row.kind} {row.what}"

    def copied(self, row: AccessRow) -> str:
        """What it is about."""
        return row.what

    def detail(self, row: AccessRow, now: str) -> Text:
        """What it says, whose it is, and why."""
        words = Text(f"rule {row.id}  ", style=_colour(row)).append(safe(self.label_of(row), 200), style=ink.text)
        last = f", the last {figures.since(row.last_hit, now)} ago" if row.last_hit else ""
        words.append(f"  {row.hits:,} hits{last}", style=ink.muted)
        end = f"  over since {row.until[:10]}" if row.over and row.until else ""
        words.append(end or (f"  ends {row.until[:10]}" if row.until else ""), style=ink.warn if end else ink.muted)
        return words.append(f"\n{safe(row.owner, 64)}, {row.created[:10]}: {safe(row.reason, 300)}", style=ink.muted)

    def prefill(self, deed: Deed, rows: Sequence[AccessRow]) -> Mapping[str, str]:
        """The reason of one rule is there to be mended."""
        if deed.action == "access.change" and len(rows) == 1:
            return {"reason": safe(rows[0].reason)}
        return {}

    def answered(self, deed: Deed, answer: Any) -> None:
        """What the owner of a new rule should know of it."""
        if answer.get("note"):
            self.notify(safe(answer["note"]), severity="warning", markup=False, timeout=10)

    # -- who decides

    def action_decide(self) -> None:
        """Ask about a sender."""
        self.run_worker(self._ask_whom(self._whom), exclusive=True, group="decide")

    def open(self, row: AccessRow) -> None:
        """Who decides for somebody whom this rule is about."""
        self.run_worker(self._decide(_somebody(row)), exclusive=True, group="decide")

    async def _ask_whom(self, typed: Mapping[str, str], trouble: str = "") -> None:
        while (
            again := await self.app.push_screen_wait(Ask("Who decides for this sender?", _WHOM, typed, trouble))
        ) is not None:
            self._whom = typed = again
            whom = {name: text.strip() for name, text in typed.items() if text.strip()}
            trouble = await self._decide(whom) if whom else "Fill in one of them, or several."
            if not trouble:
                return

    async def _decide(self, whom: Mapping[str, str]) -> str:
        """Show the decision; what is wrong with the question, empty when nothing is."""
        try:
            found = await self.link.ask(AccessDecision, "access.check", dict(whom))
        except MailError as error:
            self.notify(safe(error), severity="error", markup=False)
            return str(error)
        await self.app.push_screen_wait(Decision(found, ", ".join(whom.values())))
        return ""

    # -- beside it

    def action_dns_lists(self) -> None:
        """The other view."""
        if importlib.util.find_spec(_DNS_LISTS) is None:
            self.notify("The lists of the DNS are not part of this release.", severity="warning", markup=False)
        else:
            self.app.push_screen(importlib.import_module(_DNS_LISTS).DnsLists(self.link))

    def action_import(self) -> None:
        """Files are where the person is, and not where the console runs."""
        self.notify(
            "Whole lists come in on the command line: mailconsole --host USER@HOST access import FILE csv"
            " (or postfix, rspamd); with --dry-run first.",
            markup=False,
            timeout=10,
        )


def _somebody(row: AccessRow) -> dict[str, str]:
    """A subject that the rule fits."""
    what = row.what.replace("*", "x").replace("@.", "@").removeprefix(".")
    match row.kind:
        case "address" | "network":
            return {"ip": what.partition("/")[0]}
        case "host":
            return {"name": what}
        case "domain":
            return {"sender": f"x@{what}"}
    return {row.kind: what}


def _colour(row: AccessRow) -> str:
    return ink.faint if row.over else ink.good if row.verdict == "allow" else ink.bad


def _count(number: int) -> Text:
    return Text(figures.count(number), style=ink.text if number else ink.faint)


def _since(row: AccessRow, now: str) -> Text:
    ago = figures.span(figures.seconds(now) - figures.seconds(row.last_hit), 1) if row.last_hit else "never"
    return Text(ago, style=ink.muted if row.last_hit else ink.faint)


def _ends(row: AccessRow, now: str) -> Text:
    if row.over:
        return Text("over", style=ink.warn)
    return Text(figures.until(row.until, now) if row.until else "never", style=ink.muted if row.until else ink.faint)
