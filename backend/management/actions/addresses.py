"""Aliases and domains."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from backend import address
from backend.errors import BadInput
from backend.management.registry import Call, Change, action
from backend.management.roles import EVERYBODY, POSTMASTER
from backend.store import accounts
from backend.store.accounts import Alias
from backend.store.database import Transaction


def _own(written: str) -> address.Address:
    parsed = address.parse(written)
    if not parsed.domain:
        raise BadInput(f"{written!r} has no domain; write it whole, as in alice@example.org.")
    return parsed


def _dict(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = value
    return found


def _alias_rows(some: Iterable[Alias]) -> list[dict[str, str]]:
    return [{"address": alias.address, "target": alias.target} for alias in some]


@action("alias.list", roles=EVERYBODY)
def alias_list(call: Call, part: Annotated[str, "only those with this in them", "place"] = "") -> dict[str, Any]:
    """List aliases."""
    found = call.store.read(lambda reader: accounts.find_aliases(reader, part, 1_000))
    return {"aliases": _alias_rows(found)}


@action("alias.add", roles=(POSTMASTER,), changes=True)
def alias_add(
    call: Call, address: Annotated[str, "the alias"], target: Annotated[list[str], "where its mail goes"]
) -> dict[str, Any]:
    """Send mail for an address on to others."""
    alias, targets = _own(address), [_own(one) for one in target]
    if not targets:
        raise BadInput(f"Where shall mail for {alias} go?")

    def add(transaction: Transaction) -> Change:
        made = _alias_rows([accounts.add_alias(transaction, alias, to) for to in targets])
        return Change({"aliases": made}, after=made)

    return _dict(call.change(add))


@action("alias.delete", roles=(POSTMASTER,), changes=True)
def alias_delete(
    call: Call,
    address: Annotated[str, "the alias"],
    target: Annotated[str | None, "only this target of it", "place"] = None,
) -> dict[str, Any]:
    """Delete an alias, or one target of it."""
    alias, to = _own(address).key, None if target is None else _own(target).key

    def delete(transaction: Transaction) -> Change:
        content = accounts.delete_alias(transaction, alias, to)
        gone = [{"address": row["address"], "target": row["target"]} for row in content["aliases"]]
        undo = call.keep(transaction, f"{alias} to {', '.join(row['target'] for row in gone)}", content)
        return Change({"aliases": gone, "undo": undo}, before=gone)

    return _dict(call.change(delete))


@action("domain.list", roles=EVERYBODY)
def domain_list(call: Call) -> dict[str, Any]:
    """List the domains whose mail ends here."""
    return {"domains": sorted(call.store.read(accounts.own_domains))}


@action("domain.add", roles=(), changes=True)
def domain_add(call: Call, domain: Annotated[str, "as in example.org"]) -> dict[str, Any]:
    """Take mail for a domain."""
    name = address.domain(domain)

    def add(transaction: Transaction) -> Change:
        accounts.add_domain(transaction, name)
        return Change({"domain": name}, after=name)

    return _dict(call.change(add))


@action("domain.delete", roles=(), changes=True, dangerous=True)
def domain_delete(call: Call, domain: Annotated[str, "as in example.org"]) -> dict[str, Any]:
    """Stop taking mail for a domain that has no accounts or aliases left."""
    name = address.domain(domain)

    def delete(transaction: Transaction) -> Change:
        undo = call.keep(transaction, name, accounts.delete_domain(transaction, name))
        return Change({"domain": name, "undo": undo}, before=name)

    return _dict(call.change(delete))
