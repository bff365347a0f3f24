"""Access lists from files and into files, in pieces: a whole file is larger than a request may be."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Annotated, Any

from backend import clock
from backend.errors import BadInput, MailError
from backend.management import access_files
from backend.management.access_files import ABOUT, FORMATS, Entry, Reading, Wrong
from backend.management.actions import access as lists
from backend.management.registry import Call, Change, action
from backend.management.roles import AUDITOR, POSTMASTER
from backend.management.snapshots.access import AccessExported, AccessImported, ImportNote
from backend.store import access
from backend.store.database import Reader, Transaction

_NOTES = 100  # of one piece in an answer
_PIECE = 1_000  # rules in one piece of an export: at their longest, within the size of an answer
_TEXT = 256 * 1024  # characters of a piece of an import
_MARK = 6  # bytes of a rule's mark: a duplicate is overlooked once in millions of files


class _Rehearsed(MailError):
    """Undoes what was done for a dry run, and carries what came of it."""

    def __init__(self, result: AccessImported) -> None:
        super().__init__("This was a dry run.")
        self.result = result


@action("access.import", roles=(POSTMASTER,), changes=True)
def access_import(
    call: Call,
    format: Annotated[str, "csv, postfix (an access map) or rspamd (a map)"],  # noqa: A002  its name in the contract
    text: Annotated[str, "lines of the file", "bulk"],
    about: Annotated[str | None, f"what a map of Postfix or rspamd is about: {', '.join(ABOUT)}"] = None,
    verdict: Annotated[str | None, "allow or deny, for files that do not say it"] = None,
    lasts: Annotated[int | None, "for how long, as in 30d, where the file does not say", "span"] = None,
    wide: Annotated[bool, "also rules that take in very much, as 10.0.0.0/8"] = False,
    dry_run: Annotated[bool, "change nothing, and say what would be"] = False,
    header: Annotated[str, "the `header` of the answer before", "inner"] = "",
    first: Annotated[int, "the number of the first line", "inner"] = 1,
) -> AccessImported:
    """Add the rules of a file; what is wrong, wide or there already is passed over and said."""
    how = _reading(format, about, verdict, header, first)
    lists.reason_of(call.why)
    if len(text) > _TEXT:
        raise BadInput(f"A piece of a file has at most {_TEXT:,} characters; send it in several.")
    entries, header = access_files.read(text, how)
    work = _Import(call, entries, wide, lasts)
    lines = text.count("\n") + (not text.endswith("\n"))

    def add(transaction: Transaction) -> Change:
        result = work.run(transaction, lines, header, dry_run)
        if dry_run:
            raise _Rehearsed(result)
        return Change(result, after={name: getattr(result, name) for name in ("added", "duplicates", "wide", "wrong")})

    try:
        imported: AccessImported = call.change(add)
    except _Rehearsed as rehearsed:
        return rehearsed.result
    return imported


def _reading(kind: str, about: str | None, verdict: str | None, header: str = "", first: int = 1) -> Reading:
    if kind not in FORMATS:
        raise BadInput(f"There is no format {kind[:40]!r}; there are {', '.join(FORMATS)}.")
    if about is not None and about not in ABOUT:
        raise BadInput(f"A map is about {', '.join(ABOUT)}; not {about[:40]!r}.")
    if verdict is not None:
        lists.verdict_of(verdict)
    elif kind == "rspamd":
        raise BadInput("A map of rspamd does not say whether it allows or denies; say verdict (--verdict).")
    return Reading(kind, verdict, about, header, first)


class _Import:
    """What becomes of one piece."""

    def __init__(self, call: Call, entries: list[Entry | Wrong], wide: bool, lasts: int | None) -> None:
        self._call, self._entries, self._wide, self._lasts = call, entries, wide, lasts
        self._counts: Counter[str] = Counter()
        self._notes: list[ImportNote] = []
        self._marks: list[int] = []

    def run(self, transaction: Transaction, lines: int, header: str, dry_run: bool) -> AccessImported:
        """Add what can be added."""
        self._counts.clear()
        self._notes.clear()
        self._marks.clear()
        until = lists.end_of(self._lasts, transaction.now)
        room = self._call.settings.access.rules - access.total(transaction)
        for entry in self._entries:
            if isinstance(entry, Wrong):
                self._note(entry, "wrong", entry.why)
            elif entry.pattern.wide and not self._wide:
                self._note(entry, "wide", f"{entry.pattern.wide}; --wide takes it")
            elif self._counts["added"] >= room:
                self._note(entry, "wrong", "there are as many rules as there may be ([access] rules)")
            else:
                self._add(transaction, entry, until)
        counts = self._counts
        return AccessImported(
            counts["added"],
            counts["duplicate"],
            counts["wide"],
            counts["wrong"],
            counts["contradicts"],
            tuple(self._notes),
            lines,
            header,
            tuple(self._marks) if dry_run else (),
        )

    def _add(self, transaction: Transaction, entry: Entry, until: float | None) -> None:
        try:
            number = access.add(
                transaction,
                entry.verdict,
                entry.pattern,
                owner=entry.owner or self._call.caller.user,
                reason=entry.reason or self._call.why.strip() or "from a file",
                until=entry.until if entry.until is not None else until,
                created=entry.created,
                hits=entry.hits,
                last_hit=entry.last_hit,
            )
        except BadInput as error:  # too many of its like
            self._note(entry, "wrong", str(error))
            return
        if number is None:
            there = access.same(transaction, entry.verdict, entry.pattern)
            self._note(entry, "duplicate", f"rule {there.id} says that already" if there else "it is there already")
            return
        self._counts["added"] += 1
        self._marks.append(_mark(entry))
        if words := lists.contradiction(transaction, entry.verdict, entry.pattern):
            self._note(entry, "contradicts", words)

    def _note(self, entry: Entry | Wrong, about: str, words: str) -> None:
        self._counts[about] += 1
        if len(self._notes) < _NOTES:
            self._notes.append(ImportNote(entry.line, about, entry.text, words.rstrip(".")))


def _mark(entry: Entry) -> int:
    name = f"{entry.verdict} {entry.pattern.kind} {entry.pattern.what}"
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=_MARK).digest(), "big")


@action("access.export", roles=(POSTMASTER, AUDITOR), takes=lists.FILTER)
def access_export(
    call: Call,
    format: Annotated[str, "csv, postfix or rspamd", "place"] = "csv",  # noqa: A002  its name in the contract
    about: Annotated[str | None, f"for postfix and rspamd, which map: {', '.join(ABOUT)}"] = None,
    after: Annotated[int, "go on behind this rule: the `next` of the answer before", "inner"] = 0,
    **where: Any,
) -> AccessExported:
    """Write rules as a file; those whose time has passed only to CSV."""
    if format != "csv" and about is None:
        raise BadInput(f"Which map shall it be? Say about (--about): {', '.join(ABOUT)}.")
    _reading(format, about, where.get("verdict"))
    wanted = lists.filter_of(where)

    def piece(reader: Reader) -> AccessExported:
        rules = access.following(reader, wanted, after, _PIECE)
        now = clock.now()
        written = [
            rule for rule in rules if format == "csv" or (rule.kind in ABOUT[about or ""] and not rule.over(now))
        ]
        text = access_files.head(format, about, where.get("verdict")) if not after else ""
        more = rules[-1].id if len(rules) == _PIECE else None
        return AccessExported(text + access_files.write(written, format), len(written), more)

    return call.store.read(piece)
