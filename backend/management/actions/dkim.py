"""Keys that sign mail: made, published, used, retired. No answer and no row of the audit log has a private half."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated

from backend import address, clock
from backend.config import Dkim
from backend.errors import BadInput
from backend.management.registry import Call, Change, action
from backend.management.roles import AUDITOR, POSTMASTER
from backend.management.snapshots.dkim import KeyGone, KeyList, KeyRecords, KeyRow, RecordRow
from backend.store import accounts, dkim_keys
from backend.store.database import Reader, Transaction
from backend.store.dkim_keys import DkimKey, Made

_DAY = 86_400


@action("dkim.list", roles=(POSTMASTER, AUDITOR))
def dkim_list(call: Call, domain: Annotated[str | None, "only this one's", "place"] = None) -> KeyList:
    """List the keys that sign mail, what the DNS shows of them, and what comes next."""
    name = None if domain is None else address.domain(domain)
    return _listed(call.store.read(lambda reader: dkim_keys.everything(reader, name)), call.settings.dkim)


@action("dkim.text", roles=(POSTMASTER, AUDITOR))
def dkim_text(call: Call, domain: Annotated[str, "as in example.org"]) -> KeyRecords:
    """Show what to publish in the DNS for a domain, as lines of a zone file."""
    name = address.domain(domain)
    keys = call.store.read(lambda reader: dkim_keys.everything(reader, name))
    if not keys:
        raise BadInput(f"{name} has no keys; `mailconsole dkim make {name}` makes the first ones.")
    return _records(name, keys)


@action("dkim.make", roles=(), changes=True)
def dkim_make(call: Call, domain: Annotated[str, "as in example.org"]) -> KeyRecords:
    """Make the first keys of a domain, RSA and Ed25519; they sign once the DNS shows them."""
    name = address.domain(domain)

    def check(keys: list[DkimKey]) -> None:
        if any(key.state != "revoked" for key in keys):
            raise BadInput(f"{name} has keys already; `mailconsole dkim rotate {name}` makes the next ones.")

    return _make(call, name, check)


@action("dkim.rotate", roles=(), changes=True)
def dkim_rotate(call: Call, domain: Annotated[str, "as in example.org"]) -> KeyRecords:
    """Make the next keys of a domain; they take over once the DNS shows them, and the old ones stay for a while."""
    name = address.domain(domain)

    def check(keys: list[DkimKey]) -> None:
        if any(key.state == "waiting" for key in keys):
            raise BadInput(f"{name} has new keys that wait already; `mailconsole dkim text {name}` shows them.")
        if not any(key.state == "active" for key in keys):
            raise BadInput(f"{name} has no keys that sign; `mailconsole dkim make {name}` makes the first ones.")

    return _make(call, name, check)


@action("dkim.use", roles=(), changes=True, dangerous=True)
def dkim_use(call: Call, domain: Annotated[str, "as in example.org"]) -> KeyList:
    """Sign with the keys that wait, whether the DNS shows them or not; the old ones begin to retire."""
    name = address.domain(domain)

    def use(transaction: Transaction) -> Change:
        before = [key.selector for key in dkim_keys.everything(transaction, name) if key.state == "active"]
        after = dkim_keys.use(transaction, name)
        listed = _listed(dkim_keys.everything(transaction, name), call.settings.dkim)
        return Change(listed, before=before, after=[key.selector for key in after])

    used: KeyList = call.change(use)
    return used


@action("dkim.revoke", roles=(), changes=True, dangerous=True)
def dkim_revoke(
    call: Call, domain: Annotated[str, "as in example.org"], selector: Annotated[str, "of the key"]
) -> KeyRecords:
    """Never sign with a key again, as when it was stolen: its private half is deleted, and what it signed fails."""
    name = address.domain(domain)

    def revoke(transaction: Transaction) -> Change:
        key = dkim_keys.revoke(transaction, name, selector)
        records = _records(name, [one for one in dkim_keys.everything(transaction, name) if one.id == key.id])
        return Change(records, before=key.state, after="revoked")

    revoked: KeyRecords = call.change(revoke)
    return revoked


@action("dkim.delete", roles=(), changes=True)
def dkim_delete(
    call: Call, domain: Annotated[str, "as in example.org"], selector: Annotated[str, "of the key"]
) -> KeyGone:
    """Forget a key that waits or is revoked; its record can go from the DNS."""
    name = address.domain(domain)

    def delete(transaction: Transaction) -> Change:
        key = dkim_keys.delete(transaction, name, selector)
        return Change(KeyGone(name, key.selector), before=key.state)

    gone: KeyGone = call.change(delete)
    return gone


def _make(call: Call, name: str, check: Callable[[list[DkimKey]], None]) -> KeyRecords:
    """A new pair. The keys are made before the transaction, which others wait for."""
    from backend.policy.dkim import generate

    def known(reader: Reader) -> list[DkimKey]:
        if name not in accounts.own_domains(reader):
            raise BadInput(f"{name} is not one of our domains; `mailconsole domain add {name}` makes it one.")
        keys = dkim_keys.everything(reader, name)
        check(keys)
        return keys

    called = generate.name(clock.now(), {key.pair for key in call.store.read(known)})
    made: tuple[Made, ...] = generate.pair(called)

    def add(transaction: Transaction) -> Change:
        known(transaction)
        keys = dkim_keys.add(transaction, name, called, made)
        return Change(_records(name, keys), after=[key.selector for key in keys])

    records: KeyRecords = call.change(add)
    return records


def _records(domain: str, keys: Iterable[DkimKey]) -> KeyRecords:
    from backend.policy.dkim import publish

    some = publish.records(domain, keys)
    return KeyRecords(domain, tuple(RecordRow(*record) for record in some), publish.zone(some))


def _listed(keys: Iterable[DkimKey], settings: Dkim) -> KeyList:
    return KeyList(tuple(_row(key, settings) for key in keys))


def _row(key: DkimKey, settings: Dkim) -> KeyRow:
    return KeyRow(
        key.domain,
        key.selector,
        key.algorithm,
        key.state,
        key.dns,
        clock.rfc3339(key.created),
        clock.rfc3339(key.changed),
        None if key.published is None else clock.rfc3339(key.published),
        None if key.looked is None else clock.rfc3339(key.looked),
        _next(key, settings),
    )


def _next(key: DkimKey, settings: Dkim) -> str:
    match key.state:
        case "waiting" if key.published is not None:
            return f"signs from {clock.rfc3339(key.published + settings.settle_minutes * 60)} on"
        case "waiting" if key.dns == "different":
            return "the DNS has another text; correct it"
        case "waiting":
            return "publish it: dkim text"
        case "active" if key.dns in ("missing", "different"):
            return "mail fails DKIM: publish it again"
        case "active":
            return "signs"
        case "retiring":
            return f"keep it published until {clock.rfc3339(key.changed + settings.overlap_days * _DAY)}"
    return "publish it as revoked for a while, then delete it" if key.dns != "missing" else "can be deleted"
