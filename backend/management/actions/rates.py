"""Who sends much: accounts that are slowed down, and what is near a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from backend import clock
from backend.errors import BadInput
from backend.management.registry import Call, Change, action
from backend.management.roles import AUDITOR, HELPDESK, POSTMASTER
from backend.management.snapshots.rates import Forgiven, RatePage, RateRow, ThrottleRow
from backend.store import accounts, sending
from backend.store.database import Transaction

if TYPE_CHECKING:
    from backend.policy.counters import Counters

_NEAR = 0.5  # of a limit
_MOST = 200  # rows
# What the keys of the counters begin with -> what they count, and the limit.
_KINDS = {
    "ip": ("address", "messages_per_ip_per_minute"),
    "net": ("network", "messages_per_network_per_minute"),
    "unknown": ("guesses", "unknown_per_ip_per_hour"),
    "sender": ("sender", "recipients_per_sender_per_hour"),
    "account": ("account", "recipients_per_account_per_hour"),
    "slow": ("slow account", "account_slow_per_hour"),
}


@action("rate.list", roles=(POSTMASTER, HELPDESK, AUDITOR))
def rate_list(
    call: Call, every: Annotated[bool, "all counts, and not only those over half of their limit"] = False
) -> RatePage:
    """List the accounts that are slowed down, and who is near a limit or over it now."""
    now = clock.now()
    throttled = tuple(
        ThrottleRow(
            one.address, one.state, clock.rfc3339(one.since), clock.rfc3339(one.until), one.recipients, one.usual
        )
        for one in call.store.read(lambda reader: sending.throttles(reader, now))
    )
    rows = [row for row in _counts(call, now) if every or row.number >= row.limit * _NEAR]
    rows.sort(key=lambda row: -row.number / row.limit)
    return RatePage(throttled, tuple(rows[:_MOST]))


@action("rate.forgive", roles=(POSTMASTER, HELPDESK), changes=True)
def rate_forgive(
    call: Call,
    who: Annotated[str, "an account, an address or a network, as rate list shows it"],
    lasts: Annotated[int, "for how long an account may send whatever it sends, as in 7d", "span"] = 86_400,
) -> Forgiven:
    """Let an account that was slowed down send on, or an address begin at none again."""

    def forgive(transaction: Transaction) -> Change:
        account = accounts.account(transaction, who.lower()) if "@" in who else None
        found = sending.forgive(transaction, account.id, transaction.now + lasts) if account is not None else None
        if found is None and not _known(call, who, transaction.now):
            raise BadInput(f"Nothing is counted of {who[:80]} now; `mailconsole rate list --every` has what is.")
        until = clock.rfc3339(transaction.now + lasts) if found is not None else None
        return Change(Forgiven(who, until), after={"until": until})

    done: Forgiven = call.change(forgive)
    _begin_anew(call, who)
    return done


def _counts(call: Call, now: float) -> list[RateRow]:
    counters = _open(call)
    if counters is None:
        return []
    try:
        counts = counters.everything(now)
    finally:
        counters.close()
    rows = []
    for count in counts:
        prefix, _, who = count.key.partition(":")
        if prefix in _KINDS:
            what, limit = _KINDS[prefix]
            most = getattr(call.settings.limits, limit)
            if most:
                rows.append(RateRow(what, who, round(count.number, 1), most, count.seconds))
    return rows


def _known(call: Call, who: str, now: float) -> bool:
    return any(row.who == who for row in _counts(call, now))


def _open(call: Call) -> Counters | None:
    """The counters of the SMTP server; None before its first start: the file must be the service's own."""
    from backend.policy.counters import Counters

    path = call.settings.site.run / "counters"
    return Counters(path) if path.exists() else None


def _begin_anew(call: Call, who: str) -> None:
    """What is counted of it is forgotten."""
    now = clock.now()
    counters = _open(call)
    if counters is None:
        return
    try:
        for prefix in (*_KINDS, "day"):
            for seconds in (60, sending.HOUR, sending.DAY):
                counters.forget(f"{prefix}:{who}", seconds, now)
    finally:
        counters.close()
