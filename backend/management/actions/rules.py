"""Hold rules: mail that fits one is taken, and waits in the queue until somebody has looked."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from backend import clock
from backend.errors import BadInput
from backend.management.actions.access import end_of
from backend.management.registry import Call, Change, action
from backend.management.roles import AUDITOR, POSTMASTER
from backend.management.snapshots.rules import RuleDeleted, RuleList, RuleRow
from backend.store import hold_rules, wildcards
from backend.store.database import Transaction
from backend.store.hold_rules import Rule

_LONGEST = 320  # characters of an address, with its wildcards


def _row(rule: Rule) -> RuleRow:
    return RuleRow(
        rule.id,
        rule.sender,
        rule.recipient,
        rule.peer,
        rule.reason,
        rule.owner,
        None if rule.until is None else clock.rfc3339(rule.until),
        rule.hits,
        None if rule.last_hit is None else clock.rfc3339(rule.last_hit),
    )


@action("rule.list", roles=(POSTMASTER, AUDITOR))
def rule_list(call: Call) -> RuleList:
    """List the rules that hold mail."""
    return RuleList(tuple(map(_row, call.store.read(hold_rules.everything))))


@action("rule.add", roles=(POSTMASTER,), changes=True, key="n")
def rule_add(
    call: Call,
    reason: Annotated[str, "why it is held, for who finds it in the queue"],
    sender: Annotated[str | None, "from this address; * stands for anything, <> for no sender"] = None,
    recipient: Annotated[str | None, "to this address; * stands for anything"] = None,
    peer: Annotated[str | None, "from this network address, or network as 192.0.2.0/24"] = None,
    lasts: Annotated[int | None, "for how long, as in 7d; without it until it is deleted", "span"] = None,
) -> RuleRow:
    """Hold mail that enters the queue from now on; `queue hold` is for what is there already."""
    if not reason.strip():
        raise BadInput("A hold rule needs a reason: somebody else may have to decide on what it held.")
    for pattern in (sender, recipient):
        if pattern is not None and (pattern.split() != [pattern] or len(pattern) > _LONGEST):
            raise BadInput(f"An address has 1 to {_LONGEST} characters and no blanks, as in *@spam.example.")
    network = None if peer is None else str(wildcards.network(peer))

    def add(transaction: Transaction) -> Change:
        until = end_of(lasts, transaction.now)
        made = hold_rules.add(
            transaction,
            sender=sender,
            recipient=recipient,
            peer=network,
            owner=call.caller.user,
            reason=reason,
            until=until,
        )
        row = _row(made)
        return Change(row, after=dataclasses.asdict(row))

    made: RuleRow = call.change(add)
    return made


@action("rule.delete", roles=(POSTMASTER,), changes=True, dangerous=True, key="d")
def rule_delete(call: Call, id: Annotated[int, "of the rule"]) -> RuleDeleted:  # noqa: A002  its name in the contract
    """Delete a hold rule; what it holds stays held until it is released."""

    def delete(transaction: Transaction) -> Change:
        content = hold_rules.delete(transaction, id)
        undo = call.keep(transaction, f"hold rule {id}", content)
        return Change(RuleDeleted(id, undo), before=content["hold_rules"][0])

    gone: RuleDeleted = call.change(delete)
    return gone
