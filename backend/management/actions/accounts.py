"""Accounts: find, make, suspend, give a new password, and see why somebody cannot log in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

from backend import address, clock
from backend.errors import BadInput
from backend.management.codec import to_json
from backend.management.registry import Call, Change, action
from backend.management.roles import EVERYBODY, HELPDESK, POSTMASTER
from backend.management.snapshots.accounts import (
    AccountPage,
    AccountRow,
    AccountView,
    AppPasswordRow,
    LoginHistory,
    LoginRow,
    NewAccount,
    NewAppPassword,
    OneTimePassword,
)
from backend.store import accounts, app_passwords, lockouts, logins, mailboxes, vacations
from backend.store.accounts import Account, Filter
from backend.store.database import Reader, Transaction
from backend.store.logins import Login

Address = Annotated[str, "of the account"]
_STATES = ("active", "suspended", "locked", "one-time")
_HISTORY = 50  # log-ins in an answer


def row_of(reader: Reader, account: Account) -> AccountRow:
    """An account as people see it."""
    boxes = mailboxes.mailboxes_of(reader, account.id)
    lockout = lockouts.lockout(reader, f"a:{account.address}")
    return AccountRow(
        address=account.address,
        state=account.state,
        login=account.password is not None,
        one_time=account.must_change,
        expires=_time(account.expires),
        locked_until=clock.rfc3339(lockout.until) if lockout and lockout.until > clock.now() else None,
        quota=account.quota,
        messages=sum(box.messages for box in boxes),
        bytes=sum(box.bytes for box in boxes),
        created=clock.rfc3339(account.created),
        seen=_time(account.seen),
        junk=account.junk,
    )


@action("user.list", roles=EVERYBODY)
def user_list(
    call: Call,
    part: Annotated[str, "only addresses with this in them", "place"] = "",
    state: Annotated[str | None, f"only those in this state: {', '.join(_STATES)}"] = None,
    sort: Annotated[str, "address, created or seen; with - in front the other way round"] = "address",
    limit: Annotated[int, "how many at the most"] = 500,
    offset: Annotated[int, "how many to pass over"] = 0,
) -> AccountPage:
    """List accounts."""
    if sort not in accounts.SORTS:
        raise BadInput(f"There is no order {sort!r}; choose from {', '.join(accounts.SORTS)}.")
    if state not in (None, *_STATES):
        raise BadInput(f"There is no state {state!r}; the states are {', '.join(_STATES)}.")
    if not 1 <= limit <= 1_000 or offset < 0:
        raise BadInput("limit is 1 to 1000, and offset not below 0.")
    wanted = Filter(part, state)

    def page(reader: Reader) -> AccountPage:
        found = accounts.find_accounts(reader, wanted, sort, limit, offset)
        rows = tuple(row_of(reader, one) for one in found)
        return AccountPage(rows, accounts.number_of_accounts(reader, wanted), offset)

    return call.store.read(page)


@action("user.show", roles=EVERYBODY)
def user_show(call: Call, address: Address) -> AccountView:
    """Show an account: its state, its log-ins, its app passwords, where its mail goes."""
    key = _key(address)

    def view(reader: Reader) -> AccountView:
        account = _known(reader, key)
        aliases = accounts.find_aliases(reader, key)
        return AccountView(
            account=row_of(reader, account),
            verdict=_verdict(reader, account),
            password_changed=_time(account.password_changed),
            logins=tuple(map(_login, logins.latest(reader, key, _HISTORY))),
            app_passwords=tuple(
                AppPasswordRow(one.name, clock.rfc3339(one.created), _time(one.used))
                for one in app_passwords.of(reader, account.id)
            ),
            aliases=tuple(alias.address for alias in aliases if alias.target == key != alias.address),
            forwards=tuple(alias.target for alias in aliases if alias.address == key != alias.target),
            vacation=vacations.is_on(reader, account.id, clock.now()),
            junk=call.settings.spam.junk if account.junk is None else account.junk,
        )

    return call.store.read(view)


@action("user.logins", roles=EVERYBODY)
def user_logins(call: Call, address: Annotated[str, "of an account, or as it was tried"]) -> LoginHistory:
    """Say why somebody can or cannot log in, with the last tries."""
    key = _key(address)

    def history(reader: Reader) -> LoginHistory:
        rows = tuple(map(_login, logins.latest(reader, key, _HISTORY)))
        account = accounts.account(reader, key)
        verdict = "There is no such account here; look at how the address is written."
        return LoginHistory(key, verdict if account is None else _verdict(reader, account), rows)

    return call.store.read(history)


@action("user.add", roles=(HELPDESK,), changes=True, key="n")
def user_add(
    call: Call,
    address: Address,
    password: Annotated[str | None, "the password; without one a one-time password is made", "secret"] = None,
    quota: Annotated[int, "in bytes; 0: the site's default"] = 0,
) -> NewAccount:
    """Add an account."""
    parsed = _own(address)
    if quota < 0:
        raise BadInput("A quota is not below 0.")
    one_time = None if password else _one_time(call)
    secret = _hash(password) if password else one_time[1] if one_time else ""

    def add(transaction: Transaction) -> Change:
        accounts.add_account(transaction, parsed, None, quota)
        until = one_time[2] if one_time else None
        accounts.set_password(transaction, parsed.key, secret, one_time_until=until)
        row = row_of(transaction, _known(transaction, parsed.key))
        return Change(NewAccount(row, one_time[0] if one_time else None, _time(until)), after=to_json(row))

    made: NewAccount = call.change(add)
    return made


@action("user.reset", roles=(HELPDESK,), changes=True, dangerous=True, key="P")
def user_reset(call: Call, address: Address) -> OneTimePassword:
    """Make a one-time password for an account, with which its owner chooses another; unlocks it too."""
    password, secret, until = _one_time(call)
    row, apps = _on(
        call,
        address,
        lambda transaction, account: accounts.set_password(transaction, account.address, secret, one_time_until=until),
        lambda transaction, account: len(app_passwords.of(transaction, account.id)),
    )
    return OneTimePassword(row.address, password, clock.rfc3339(until), apps)


@action("user.password", roles=(HELPDESK,), changes=True)
def user_password(call: Call, address: Address, password: Annotated[str, "the password", "secret"]) -> AccountRow:
    """Set the password of an account, and unlock it; a reset is the careful choice."""
    secret = _hash(password)
    return _on(call, address, lambda transaction, account: accounts.set_password(transaction, account.address, secret))[
        0
    ]


@action("user.unlock", roles=(HELPDESK,), changes=True, key="l")
def user_unlock(call: Call, address: Address) -> AccountRow:
    """End the lockout of an account after failed log-ins."""
    return _on(call, address, lambda transaction, account: lockouts.unlock(transaction, f"a:{account.address}"))[0]


@action("user.suspend", roles=(POSTMASTER, HELPDESK), changes=True, key="x")
def user_suspend(call: Call, address: Address) -> AccountRow:
    """Refuse log-ins to an account; its mail goes on coming in."""
    return _state(call, address, "suspended")


@action("user.enable", roles=(POSTMASTER, HELPDESK), changes=True, key="e")
def user_enable(call: Call, address: Address) -> AccountRow:
    """Allow log-ins to an account again."""
    return _state(call, address, "active")


@action("user.quota", roles=(), changes=True, key="Q")
def user_quota(call: Call, address: Address, size: Annotated[int, "in bytes; 0: the site's default"]) -> AccountRow:
    """Set the most that an account may hold."""
    if size < 0:
        raise BadInput("A quota is not below 0.")
    return _on(call, address, lambda transaction, account: accounts.set_quota(transaction, account.address, size))[0]


@action("user.junk", roles=(POSTMASTER, HELPDESK), changes=True, key="J")
def user_junk(
    call: Call, address: Address, junk: Annotated[str, f"{', '.join(accounts.JUNK)}, as the site has it"]
) -> AccountRow:
    """Say whether mail that is marked as spam goes to the mailbox Junk of an account."""
    if junk not in accounts.JUNK:
        raise BadInput(f"{junk[:40]!r} is none of {', '.join(accounts.JUNK)}.")
    wanted = accounts.JUNK[junk]
    return _on(call, address, lambda transaction, account: accounts.set_junk(transaction, account.address, wanted))[0]


@action("user.delete", roles=(), changes=True, dangerous=True, key="d")
def user_delete(call: Call, address: Address) -> AccountRow:
    """Delete an account with all its mail."""
    key, first = _key(address), call.settings.site.domain

    def delete(transaction: Transaction) -> Change:
        before = row_of(transaction, _known(transaction, key))
        summary = f"{key} with {before.messages:,} messages"
        undo = call.keep(transaction, summary, accounts.delete_account(transaction, key, first))
        return Change(replace(before, undo=undo), before=to_json(before))

    gone: AccountRow = call.change(delete)
    return gone


@action("user.app-password-add", roles=(HELPDESK,), changes=True, key="a")
def app_password_add(
    call: Call, address: Address, name: Annotated[str, "of the program, as in phone"]
) -> NewAppPassword:
    """Make a password for one program of an account; it is shown this once."""
    from backend.accounts.passwords import readable

    if not 1 <= len(name) <= 60:
        raise BadInput("The name of an app password has 1 to 60 characters.")
    word, most = readable(), call.settings.limits.app_passwords
    row, _ = _on(
        call, address, lambda transaction, account: app_passwords.add(transaction, account.id, name, word, most)
    )
    return NewAppPassword(row.address, name, word)


@action("user.app-password-delete", roles=(HELPDESK,), changes=True, key="A")
def app_password_delete(call: Call, address: Address, name: Annotated[str, "of the program"]) -> AccountRow:
    """Take a program's password away."""
    return _on(call, address, lambda transaction, account: app_passwords.delete(transaction, account.id, name))[0]


def _state(call: Call, written: str, state: str) -> AccountRow:
    return _on(call, written, lambda transaction, account: accounts.set_state(transaction, account.address, state))[0]


def _on(
    call: Call,
    written: str,
    change: Callable[[Transaction, Account], object],
    after: Callable[[Transaction, Account], Any] = lambda *_: None,
) -> tuple[AccountRow, Any]:
    """Change one account, and keep what it was and what it is; what it is is answered, and what `after` finds."""
    key = _key(written)

    def operation(transaction: Transaction) -> Change:
        account = _known(transaction, key)
        before = row_of(transaction, account)
        change(transaction, account)
        now = row_of(transaction, _known(transaction, key))
        return Change((now, after(transaction, account)), to_json(before), to_json(now))

    found: tuple[AccountRow, Any] = call.change(operation)
    return found


def _known(reader: Reader, key: str) -> Account:
    found = accounts.account(reader, key)
    if found is None:
        raise BadInput(f"There is no account {key}; `mailconsole user list` shows them.")
    return found


def _verdict(reader: Reader, account: Account) -> str:
    from backend.accounts import history

    lockout = lockouts.lockout(reader, f"a:{account.address}")
    return history.verdict(account, lockout, logins.latest(reader, account.address, 5), clock.now())


def _login(login: Login) -> LoginRow:
    return LoginRow(clock.rfc3339(login.time), login.peer, login.service, login.way, login.outcome, login.number)


def _own(written: str) -> address.Address:
    parsed = address.parse(written)
    if not parsed.domain:
        raise BadInput(f"{written!r} has no domain; write it whole, as in alice@example.org.")
    return parsed


def _key(written: str) -> str:
    return address.parse(written).key


def _hash(password: str) -> str:
    from backend.accounts.passwords import hash_password  # not in every start of the command line

    return hash_password(password)


def _one_time(call: Call) -> tuple[str, str, float]:
    """A one-time password, its hash, and when it ends."""
    from backend.accounts.passwords import readable

    word = readable()
    return word, _hash(word), clock.now() + call.settings.accounts.one_time_hours * 3_600


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else clock.rfc3339(seconds)
