"""Accounts, how their owners log in, and where mail for other addresses goes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account."""

    address: str
    state: str  # active, suspended
    login: bool  # whether it has a password
    one_time: bool  # whether that is one to choose another with,
    expires: str | None  # and until when
    locked_until: str | None
    quota: int  # 0: no limit
    messages: int
    bytes: int
    created: str
    seen: str | None  # the last log-in
    junk: bool | None = None  # whether mail marked as spam goes to Junk; None: as the site has it
    undo: str | None = None  # of one that was just deleted: what `undo` takes to put it back


@dataclass(frozen=True, slots=True)
class AccountPage:
    """A page of accounts."""

    rows: tuple[AccountRow, ...]
    total: int
    offset: int


@dataclass(frozen=True, slots=True)
class LoginRow:
    """A log-in or a try at one, `number` times in ten minutes."""

    time: str
    peer: str
    service: str
    way: str  # password, or `app NAME`
    outcome: str  # ok, or why not
    number: int


@dataclass(frozen=True, slots=True)
class AppPasswordRow:
    """A password for one program."""

    name: str
    created: str
    used: str | None


@dataclass(frozen=True, slots=True)
class AliasRow:
    """Mail for `address` goes to `target`."""

    address: str
    target: str


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account with all that a helpdesk wants to know."""

    account: AccountRow
    verdict: str  # why its owner can log in, or cannot: a sentence
    password_changed: str | None
    logins: tuple[LoginRow, ...]  # the newest first
    app_passwords: tuple[AppPasswordRow, ...]
    aliases: tuple[str, ...]  # that lead to it
    forwards: tuple[str, ...]  # where its mail goes instead, or too
    vacation: bool
    junk: bool = False  # whether mail marked as spam goes to Junk: the account's word, or the site's


@dataclass(frozen=True, slots=True)
class LoginHistory:
    """Why can't she log in?"""

    address: str
    verdict: str
    rows: tuple[LoginRow, ...]


@dataclass(frozen=True, slots=True)
class OneTimePassword:
    """A password that is shown this once, and with which another one is chosen."""

    address: str
    password: str
    expires: str
    app_passwords: int  # that go on opening the account


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account, and its one-time password when it has one."""

    account: AccountRow
    password: str | None
    expires: str | None


@dataclass(frozen=True, slots=True)
class NewAppPassword:
    """A password for one program, shown this once."""

    address: str
    name: str
    password: str


@dataclass(frozen=True, slots=True)
class AliasList:
    """Aliases."""

    aliases: tuple[AliasRow, ...]
