"""Accounts, aliases and domains."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any

from backend import address, clock
from backend.errors import BadInput
from backend.management.registry import Call, Change, action
from backend.management.roles import EVERYBODY, HELPDESK
from backend.store import accounts, mailboxes
from backend.store.accounts import Account, Alias
from backend.store.database import Reader, Transaction

Address = Annotated[str, "of the account"]
Password = Annotated[str, "the password", "secret"]


def account_json(reader: Reader, account: Account) -> dict[str, Any]:
    """An account as people see it."""
    boxes = mailboxes.mailboxes_of(reader, account.id)
    lockout = accounts.lockout(reader, f"a:{account.address}")
    return {
        "address": account.address,
        "state": account.state,
        "login": account.password is not None,
        "locked_until": clock.rfc3339(lockout.until) if lockout and lockout.until > clock.now() else None,
        "quota": account.quota,
        "messages": sum(box.messages for box in boxes),
        "bytes": sum(box.bytes for box in boxes),
        "created": clock.rfc3339(account.created),
    }


@action("user.list", roles=EVERYBODY)
def user_list(
    call: Call,
    part: Annotated[str, "only addresses with this in them", "place"] = "",
    limit: Annotated[int, "how many at the most"] = 500,
) -> dict[str, Any]:
    """List accounts."""
    most = max(1, min(limit, 1_000))

    def rows(reader: Reader) -> list[dict[str, Any]]:
        return [account_json(reader, one) for one in accounts.find_accounts(reader, part, most)]

    return {"accounts": call.store.read(rows)}


@action("user.add", roles=(), changes=True)
def user_add(call: Call, address: Address, password: Password, quota: Annotated[int, "in bytes"] = 0) -> dict[str, Any]:
    """Add an account."""
    parsed, secret = _own(address), _hash(password)

    def add(transaction: Transaction) -> Change:
        made = account_json(transaction, accounts.add_account(transaction, parsed, secret, quota))
        return Change(made, after=made)

    return _dict(call.change(add))


@action("user.password", roles=(HELPDESK,), changes=True, key="P")
def user_password(call: Call, address: Address, password: Password) -> dict[str, Any]:
    """Set the password of an account, and unlock it."""
    secret = _hash(password)
    return _on(call, address, lambda transaction, key: accounts.set_password(transaction, key, secret))


@action("user.unlock", roles=(HELPDESK,), changes=True, key="U")
def user_unlock(call: Call, address: Address) -> dict[str, Any]:
    """End the lockout of an account after failed log-ins."""
    return _on(call, address, lambda transaction, key: accounts.unlock(transaction, f"a:{key}"))


@action("user.disable", roles=(), changes=True)
def user_disable(call: Call, address: Address) -> dict[str, Any]:
    """Refuse log-ins to an account; its mail goes on coming in."""
    return _on(call, address, lambda transaction, key: accounts.set_state(transaction, key, "suspended"))


@action("user.enable", roles=(), changes=True)
def user_enable(call: Call, address: Address) -> dict[str, Any]:
    """Allow log-ins to an account again."""
    return _on(call, address, lambda transaction, key: accounts.set_state(transaction, key, "active"))


@action("user.quota", roles=(), changes=True)
def user_quota(call: Call, address: Address, size: Annotated[int, "in bytes; 0: the site's default"]) -> dict[str, Any]:
    """Set the most that an account may hold."""
    if size < 0:
        raise BadInput("A quota is not below 0.")
    return _on(call, address, lambda transaction, key: accounts.set_quota(transaction, key, size))


@action("user.delete", roles=(), changes=True, dangerous=True)
def user_delete(call: Call, address: Address) -> dict[str, Any]:
    """Delete an account with all its mail."""
    first = call.settings.site.domain

    def delete(transaction: Transaction, key: str) -> None:
        accounts.delete_account(transaction, key, first)

    return _on(call, address, delete)


def _on(call: Call, written: str, change: Callable[[Transaction, str], object]) -> dict[str, Any]:
    """Change one account, and keep what it was and what it is; the answer is what it is, or was when it is gone."""
    key = address.parse(written).key

    def operation(transaction: Transaction) -> Change:
        found = accounts.account(transaction, key)
        if found is None:
            raise BadInput(f"There is no account {key}.")
        before = account_json(transaction, found)
        change(transaction, key)
        now = accounts.account(transaction, key)
        after = None if now is None else account_json(transaction, now)
        return Change(after or before, before, after)

    return _dict(call.change(operation))


def _hash(password: str) -> str:
    from backend.accounts.passwords import hash_password  # not in every start of the command line

    return hash_password(password)


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


@action("alias.add", roles=(), changes=True)
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


@action("alias.delete", roles=(), changes=True)
def alias_delete(
    call: Call,
    address: Annotated[str, "the alias"],
    target: Annotated[str | None, "only this target of it", "place"] = None,
) -> dict[str, Any]:
    """Delete an alias, or one target of it."""
    alias, to = _own(address).key, None if target is None else _own(target).key

    def delete(transaction: Transaction) -> Change:
        gone = _alias_rows(accounts.delete_alias(transaction, alias, to))
        return Change({"aliases": gone}, before=gone)

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
        accounts.delete_domain(transaction, name)
        return Change({"domain": name}, before=name)

    return _dict(call.change(delete))
