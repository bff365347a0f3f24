"""The access lists: look, add, change, delete."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Any

from backend import clock
from backend.errors import BadInput
from backend.management import undoing
from backend.management.registry import Call, Change, Parameter, action
from backend.management.roles import EVERYBODY, POSTMASTER
from backend.management.snapshots.access import AccessAdded, AccessAffected, AccessPage, AccessRow
from backend.store import access, access_patterns
from backend.store.access import ALLOW, DENY, VERDICTS, Filter, Rule
from backend.store.access_patterns import KINDS, Pattern
from backend.store.database import Reader, Transaction

LONGEST_REASON = 300  # characters
_PIECE = 2_000  # rules deleted in one transaction: others must get their turn
_NAMED = 100  # ids in an answer
_LONGEST_TIME = 100 * 365 * 86_400  # seconds that a rule with an end may last
_FORGED = ("domain", "sender", "helo")  # kinds that whoever sends can make up

FILTER = (
    Parameter("verdict", str, "only rules that allow, or that deny"),
    Parameter("kind", str, f"only rules about one of {', '.join(KINDS)}"),
    Parameter("text", str, "only rules with this in what they are about, or in their reason"),
    Parameter("owner", str, "only rules of this operator"),
    Parameter("expired", bool, "only rules whose time has passed"),
)


def filter_of(where: dict[str, Any]) -> Filter:
    """The store's filter of an action's arguments; BadInput for a value that cannot match."""
    return Filter(
        None if where.get("verdict") is None else verdict_of(where["verdict"]),
        None if where.get("kind") is None else kind_of(where["kind"]),
        where.get("text"),
        where.get("owner"),
        where.get("expired"),
        clock.now(),
    )


def verdict_of(written: str) -> str:
    """BadInput when it is none."""
    if written not in VERDICTS:
        raise BadInput(f"There is no verdict {written[:40]!r}; it is allow or deny.")
    return written


def kind_of(written: str) -> str:
    """BadInput when it is none."""
    if written not in KINDS:
        raise BadInput(f"There is no kind {written[:40]!r}; the kinds are {', '.join(KINDS)}.")
    return written


def row_of(rule: Rule, now: float | None = None) -> AccessRow:
    """A rule as people see it."""
    return AccessRow(
        rule.id,
        rule.verdict,
        rule.kind,
        rule.what,
        rule.reason,
        rule.owner,
        clock.rfc3339(rule.created),
        None if rule.until is None else clock.rfc3339(rule.until),
        rule.over(clock.now() if now is None else now),
        rule.hits,
        clock.rfc3339(rule.last_hit) if rule.last_hit else None,
    )


def end_of(lasts: int | None, now: float) -> float | None:
    """When a rule ends that lasts so many seconds; BadInput when that is too far away."""
    if lasts is None:
        return None
    if not 0 < lasts <= _LONGEST_TIME:
        raise BadInput("A rule lasts for up to 100 years, as in 30d; without an end it stays until it is deleted.")
    return now + lasts


@action("access.list", roles=EVERYBODY, takes=FILTER)
def access_list(
    call: Call,
    sort: Annotated[str, "age, hits or last (hit); with - in front the newest or the most first"] = "-age",
    limit: Annotated[int, "how many rules at the most"] = 100,
    offset: Annotated[int, "how many to pass over"] = 0,
    **where: Any,
) -> AccessPage:
    """List the rules that let mail in or keep it out."""
    if sort not in access.SORTS:
        raise BadInput(f"There is no order {sort[:40]!r}; choose from {', '.join(access.SORTS)}.")
    if not 1 <= limit <= 1_000 or not 0 <= offset < 2**53:
        raise BadInput("limit is 1 to 1000, and offset not below 0.")
    wanted = filter_of(where)

    def page(reader: Reader) -> AccessPage:
        rules = access.find(reader, wanted, sort, limit, offset)
        return AccessPage(tuple(row_of(rule, wanted.now) for rule in rules), access.number(reader, wanted), offset)

    return call.store.read(page)


@action("access.add", roles=(POSTMASTER,), changes=True, reason=True, key="n")
def access_add(
    call: Call,
    verdict: Annotated[str, "allow or deny"],
    what: Annotated[str, "an address, 192.0.2.0/24, x.test or .x.test or *.x.test, ann@x.test, *@x.test, <>"],
    kind: Annotated[str | None, f"{', '.join(KINDS)}; without it a name is a sender's domain"] = None,
    lasts: Annotated[int | None, "for how long, as in 30d; without it until it is deleted", "span"] = None,
    wide: Annotated[bool, "although it takes in very much"] = False,
) -> AccessAdded:
    """Let mail in past black lists, reverse DNS and greylisting (never past SPF and DMARC), or refuse it."""
    verdict_of(verdict)
    reason_of(call.why)
    pattern = access_patterns.parse(what, None if kind is None else kind_of(kind))
    if pattern.wide and not wide:
        raise BadInput(f"{pattern.wide}; if that is meant, say wide (--wide).")

    def add(transaction: Transaction) -> Change:
        if access.total(transaction) >= call.settings.access.rules:
            raise BadInput(f"There are {call.settings.access.rules:,} rules already ([access] rules).")
        until = end_of(lasts, transaction.now)
        number = access.add(transaction, verdict, pattern, owner=call.caller.user, reason=call.why.strip(), until=until)
        there = access.same(transaction, verdict, pattern)
        assert there is not None
        if number is None:
            raise BadInput(f"Rule {there.id} says that already: {verdict} {pattern.kind} {pattern.what}.")
        row = row_of(there)
        return Change(
            AccessAdded(row, _note(transaction, verdict, pattern), (str(row.id),)), after=dataclasses.asdict(row)
        )

    made: AccessAdded = call.change(add)
    return made


def reason_of(written: str) -> str:
    """BadInput when it is too long."""
    if len(written) > LONGEST_REASON:
        raise BadInput(f"A reason has at most {LONGEST_REASON} characters.")
    return written.strip()


def contradiction(reader: Reader, verdict: str, pattern: Pattern) -> str:
    """A sentence on the rule that says the opposite about the same; empty when there is none."""
    other = access.same(reader, DENY if verdict == ALLOW else ALLOW, pattern)
    if other is None or other.over(clock.now()):
        return ""
    return f"Rule {other.id} says {other.verdict} about the same, and allow goes first"


def _note(reader: Reader, verdict: str, pattern: Pattern) -> str:
    notes = []
    if words := contradiction(reader, verdict, pattern):
        notes.append(f"{words}.")
    if verdict == ALLOW and pattern.kind in _FORGED:
        notes.append(
            f"A {'HELO name' if pattern.kind == 'helo' else pattern.kind} can be forged: the rule spares black lists,"
            " reverse DNS and greylisting, and SPF and DMARC are asked all the same."
        )
    return " ".join(notes)


def _numbers(identities: Sequence[str]) -> list[int]:
    for one in identities:
        if not (one.isascii() and one.isdecimal() and len(one) < 16):
            raise BadInput(f"{one[:40]!r} is no number of a rule; `mailconsole access list` has them.")
    return list(dict.fromkeys(map(int, identities)))


@action("access.change", roles=(POSTMASTER,), changes=True, key="e")
def access_change(
    call: Call,
    ids: Annotated[list[str], "numbers of rules"],
    reason: Annotated[str | None, "another reason"] = None,
    lasts: Annotated[int | None, "for how long from now, as in 30d", "span"] = None,
    forever: Annotated[bool, "without an end"] = False,
) -> AccessAffected:
    """Give rules another reason or another end."""
    if reason is None and lasts is None and not forever:
        raise BadInput("Say what is to change: reason, lasts (as in 30d), or forever.")
    if lasts is not None and forever:
        raise BadInput("A rule lasts for some time or forever, not both.")
    if reason is not None and not reason_of(reason):
        raise BadInput("A rule needs a reason: somebody else may have to decide on it.")
    numbers = _numbers(ids)

    def change(transaction: Transaction) -> Change:
        changes: dict[str, Any] = {} if reason is None else {"reason": reason.strip()}
        if forever or lasts is not None:
            changes["until"] = end_of(lasts, transaction.now)
        done = [both for number in numbers if (both := access.change(transaction, number, changes)) is not None]
        if not done:
            raise BadInput(f"There is no access rule {ids[0] if ids else ''}; `mailconsole access list` has them.")
        before, after = ([dataclasses.asdict(row_of(both[place])) for both in done[:_NAMED]] for place in (0, 1))
        names = tuple(str(both[1].id) for both in done[:_NAMED])
        return Change(AccessAffected(len(done), names, len(numbers) - len(done)), before=before, after=after)

    affected: AccessAffected = call.change(change)
    return affected


@action(
    "access.delete",
    roles=(POSTMASTER,),
    changes=True,
    dangerous=True,
    key="d",
    takes=(
        *FILTER,
        Parameter("all", bool, "every rule of the lists", default=False),
        Parameter("after", int, "go on behind this rule: the `next` of the answer before", inner=True),
        Parameter("undo", str, "the `undo` of the answer before: this belongs to it", inner=True),
    ),
)
def access_delete(
    call: Call,
    ids: Annotated[list[str], "numbers of rules"] = [],  # noqa: B006
    **where: Any,
) -> AccessAffected:
    """Delete rules, by number or by filter."""
    everything, after = bool(where.pop("all")), where.pop("after") or 0
    batch = undoing.number(where.pop("undo", None) or "U0")
    wanted, numbers = filter_of(where), _numbers(ids)
    if ids and (everything or not wanted.empty):
        raise BadInput("Give numbers or a filter, not both.")
    if not ids and wanted.empty and not everything:
        raise BadInput("An empty filter matches nothing. Give numbers or a filter; all (--all) means every rule.")

    def delete(transaction: Transaction) -> Change:
        some = numbers or [rule.id for rule in access.following(transaction, wanted, after, _PIECE)]
        gone = access.delete(transaction, some)
        if ids and not gone:
            raise BadInput(f"There is no access rule {ids[0]}; `mailconsole access list` has them.")
        undo = None
        if gone:
            first = gone[0]
            summary = f"{len(gone):,} access rule{'s' * (len(gone) > 1)}, as {first['verdict']} {first['what']}"
            undo = call.keep(transaction, summary, {"access_rules": gone}, batch)
        names = tuple(str(row["id"]) for row in gone[:_NAMED])
        more = some[-1] if not ids and len(some) == _PIECE else None
        affected = AccessAffected(len(gone), names, len(some) - len(gone), more, undo)
        before = [{key: row[key] for key in ("id", "verdict", "kind", "what", "reason")} for row in gone[:_NAMED]]
        return Change(affected, before=before, after={"affected": len(gone), "ids": list(names)})

    affected: AccessAffected = call.change(delete)
    return affected
