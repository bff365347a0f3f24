"""Viruses: what was found, who of ours is stopped for it, and figures."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Annotated

from backend import address, clock
from backend.config import Settings
from backend.delivery.wake import Wake
from backend.errors import BadInput
from backend.management import undoing
from backend.management.actions.access import LONGEST_REASON, end_of
from backend.management.registry import Call, Change, action
from backend.management.roles import AUDITOR, POSTMASTER
from backend.management.snapshots.viruses import (
    AlertPage,
    AlertPart,
    AlertRow,
    AlertsDone,
    AlertView,
    Contained,
    VirusFigures,
    VirusSeries,
)
from backend.store import access_patterns, alerts, containment, findings
from backend.store.access_patterns import Pattern
from backend.store.alerts import Alert, Filter
from backend.store.database import Reader, Transaction

_HERE = ("127.0.0.1", "::1")
_LASTS = 7 * 86_400  # seconds that a host is kept from sending, unless it is said: the time to clean a machine
_PIECE = 2_000  # entries held in one transaction: others must get their turn
_HOURS = 7 * 24
_PARTS = 240


@action("virus.list", roles=(POSTMASTER, AUDITOR))
def virus_list(
    call: Call,
    part: Annotated[str, "only alerts with this in what was found, the account or the address", "place"] = "",
    kind: Annotated[str | None, "only these: incoming, outgoing, engine, scorer, probe"] = None,
    state: Annotated[str | None, f"only those in this state: {', '.join(alerts.STATES)}"] = None,
    disagreed: Annotated[bool, "only what one engine called infected and another clean"] = False,
    sort: Annotated[str, "need (what somebody must see to first), -last, -count, -first or first"] = "-last",
    limit: Annotated[int, "how many at the most"] = 100,
    offset: Annotated[int, "how many to pass over"] = 0,
) -> AlertPage:
    """List alerts about viruses and engines, what happened last first; an outbreak is one."""
    if not 1 <= limit <= 1_000 or offset < 0:
        raise BadInput("limit is 1 to 1000, and offset not below 0.")
    for given, known in ((sort, tuple(alerts.SORTS)), (state, (None, *alerts.STATES))):
        if given not in known:
            raise BadInput(f"There is no {str(given)[:40]!r} here; choose from {', '.join(filter(None, known))}.")
    wanted, now = Filter(part, kind, state, disagreed), clock.now()

    def page(reader: Reader) -> AlertPage:
        found = alerts.find(reader, wanted, now, sort=sort, most=limit, offset=offset)
        return AlertPage(
            tuple(row_of(one, call.settings) for one in found),
            alerts.number(reader, wanted, now),
            offset,
            alerts.number(reader, Filter(kind="outgoing", state="open"), now),
            alerts.number(reader, Filter(disagreed=True), now),
        )

    return call.store.read(page)


@action("virus.show", roles=(POSTMASTER, AUDITOR))
def virus_show(call: Call, id: Annotated[int, "its number"]) -> AlertView:  # noqa: A002  its name in the contract
    """Show an alert: from which addresses, which accounts, what each engine said, and the stories in the trace."""

    def view(reader: Reader) -> AlertView:
        one = alerts.get(reader, id, clock.now())
        rows = tuple(
            AlertPart(part.kind, part.value, clock.rfc3339(part.first), clock.rfc3339(part.last), part.count)
            for part in alerts.parts(reader, id)
        )
        return AlertView(row_of(one, call.settings), rows, len(rows), alerts.PARTS)

    return call.store.read(view)


@action("virus.done", roles=(POSTMASTER,), changes=True, key="d")
def virus_done(call: Call, ids: Annotated[list[str], "numbers of alerts, as the list has them"]) -> AlertsDone:
    """Say that somebody has seen to alerts: they are open again when it happens again."""
    if not ids or not all(one.isdecimal() and len(one) < 16 for one in ids):
        raise BadInput("Say which: the numbers that `mailconsole virus list` shows.")
    numbers = list(dict.fromkeys(map(int, ids)))

    def done(transaction: Transaction) -> Change:
        rows = containment.done(transaction, numbers)
        summary = f"{len(rows)} alert{'' if len(rows) == 1 else 's'} seen to"
        return Change(AlertsDone(len(rows), call.keep(transaction, summary, {"contained": rows})), before=rows)

    made: AlertsDone = call.change(done)
    return made


@action("virus.contain", roles=(POSTMASTER,), changes=True, dangerous=True, reason=True, key="c")
def virus_contain(
    call: Call,
    what: Annotated[list[str], "accounts, and addresses of hosts in [relay] networks"],
    lasts: Annotated[int, "for how long a host is kept from sending, as in 30d; without it 7d", "span"] = _LASTS,
) -> Contained:
    """Stop who of ours sends viruses: suspend an account, refuse a host's mail; what either has queued waits."""
    if not call.why.strip() or len(call.why) > LONGEST_REASON:
        raise BadInput(f"The reason has 1 to {LONGEST_REASON} characters; the rule against a host keeps it.")
    people, hosts = _suspects(call.settings, what)
    name = ", ".join((*people, *(host.what for host in hosts)))[:200]

    def stop(transaction: Transaction) -> Change:
        until = end_of(lasts, transaction.now)
        assert until is not None
        rows = [row for one in people for row in containment.suspend(transaction, one)]
        for host in hosts:
            rows += containment.refuse(transaction, host, owner=call.caller.user, reason=call.why.strip(), until=until)
        undo = call.keep(transaction, f"{name} contained", {"contained": rows})
        return Change((undo, until), before=rows, after={"what": [*people, *(host.what for host in hosts)]})

    undo, until = call.change(stop)
    held = passing = 0
    for account, peer in (*((one, None) for one in people), *((None, host.what) for host in hosts)):
        some = _hold(call, account, peer, undo)
        held, passing = held + some[0], passing + some[1]
    Wake(call.settings.site.run).ring()
    names = (*people, *(host.what for host in hosts))
    return Contained(names, held, passing, clock.rfc3339(until) if hosts else None, undo)


@action("virus.figures", roles=(POSTMASTER, AUDITOR))
def virus_figures(
    call: Call,
    hours: Annotated[int, "how far back, up to a week"] = 24,
    parts: Annotated[int, "into how many equal parts the time is cut"] = 60,
) -> VirusFigures:
    """Show how many messages were looked at, infected, refused, quarantined and deferred over time, in and out."""
    if not 1 <= hours <= _HOURS or not 1 <= parts <= _PARTS:
        raise BadInput(f"hours is 1 to {_HOURS}, and parts 1 to {_PARTS}.")
    now = clock.now()
    found = call.store.read(lambda reader: findings.series(reader, now - hours * 3_600 + 60, now, parts))
    series = []
    for name, numbers in sorted(found.items()):
        check, _, value = name.partition(".")
        if check == "virus":
            direction, _, what = value.partition(" ")
            series.append(VirusSeries(direction, what, tuple(numbers)))
    return VirusFigures(clock.rfc3339(now), hours, tuple(series))


def row_of(alert: Alert, settings: Settings) -> AlertRow:
    """An alert as people see it."""
    return AlertRow(
        alert.id,
        alert.kind,
        alert.subject,
        alert.words,
        alert.peer,
        alert.account,
        clock.rfc3339(alert.first),
        clock.rfc3339(alert.last),
        alert.count,
        clock.rfc3339(alert.told),
        alert.state,
        alert.disagreed,
        _stoppable(alert, settings) if alert.kind == "outgoing" else (),
    )


def _stoppable(alert: Alert, settings: Settings) -> tuple[str, ...]:
    """The account; and the host, where it is one of our networks: who travels must not take a hotel with him, nor
    whose program runs on this host the others who use it.
    """
    found = [alert.account] if alert.account else []
    if alert.peer and settings.access.enabled and not (found and alert.peer in _HERE):
        try:
            peer = ipaddress.ip_address(alert.peer)
        except ValueError:
            return tuple(found)
        if any(peer in network for network in settings.relay.networks):
            found.append(alert.peer)
    return tuple(found)


def _suspects(settings: Settings, what: Sequence[str]) -> tuple[list[str], list[Pattern]]:
    """Accounts, and hosts as patterns of rules; BadInput for what can be neither."""
    people, hosts = dict[str, None](), dict[str, Pattern]()
    for one in what:
        try:
            host = ipaddress.ip_address(one.strip().strip("[]"))
        except ValueError:
            people[address.parse(one).key] = None
            continue
        host = getattr(host, "ipv4_mapped", None) or host
        if not any(host in network for network in settings.relay.networks):
            raise BadInput(f"{host} is no host of ours ([relay] networks); `mailconsole access add deny` keeps it out.")
        if not settings.access.enabled:
            raise BadInput("[access] enabled is false: no rule is asked, and no host can be stopped by one.")
        hosts[str(host)] = access_patterns.parse(str(host), "address")
    if not people and not hosts:
        raise BadInput("Say who: an account, or the address of a host of ours.")
    return list(people), list(hosts.values())


def _hold(call: Call, account: str | None, peer: str | None, undo: str) -> tuple[int, int]:
    """Hold what it has in the queue, piece by piece: how many entries, and how many were on their way just then."""
    batch, after, held, passing = undoing.number(undo), 0, 0, 0
    while True:
        entries = call.store.read(
            lambda reader, after=after: containment.waiting(  # type: ignore[misc]
                reader, account=account, peer=peer, after=after, most=_PIECE
            )
        )
        if not entries:
            return held, passing

        def hold(transaction: Transaction, entries: list[int] = entries) -> Change:
            rows = containment.hold(transaction, entries)
            if rows:
                call.keep(transaction, "further entries", {"contained": rows}, batch)
            return Change(len(rows), after={"held": len(rows), "of": account or peer})

        number: int = call.change(hold)
        held, passing, after = held + number, passing + len(entries) - number, entries[-1]
