"""Vacation: what is answered for somebody who is away."""

from __future__ import annotations

import datetime
from typing import Annotated

from backend import address as addresses
from backend import clock
from backend.errors import BadInput
from backend.management.codec import to_json
from backend.management.registry import Call, Change, action
from backend.management.roles import EVERYBODY, HELPDESK
from backend.management.snapshots.vacation import VacationPreview, VacationView
from backend.store import accounts, vacations
from backend.store.accounts import Account
from backend.store.database import Reader, Transaction
from backend.store.vacations import Vacation

Address = Annotated[str, "of the account"]
_DAYS = (1, 30)
_SUBJECT, _TEXT = 200, 20_000  # characters
_DAY = 86_400.0


@action("vacation.show", roles=EVERYBODY)
def vacation_show(call: Call, address: Address) -> VacationView:
    """Show what is answered for somebody who is away."""
    return call.store.read(lambda reader: _view(reader, _account(reader, address)))


@action("vacation.set", roles=(HELPDESK,), changes=True)
def vacation_set(
    call: Call,
    address: Address,
    text: Annotated[str, "what to answer; - reads it from standard input", "lines"],
    subject: Annotated[str, "of the answer; empty: made from the mail's"] = "",
    starts: Annotated[str | None, "the first day, as in 2026-12-24; empty: now"] = None,
    ends: Annotated[str | None, "the last day; empty: until it is switched off"] = None,
    days: Annotated[int, "answer each sender once in so many days, 1 to 30"] = 7,
) -> VacationView:
    """Answer mail for somebody who is away."""
    first, last = _day(starts), _day(ends)
    if last is not None:
        last += _DAY  # to the end of that day
    if not text.strip():
        raise BadInput("What shall be answered? The text is empty.")
    if len(text) > _TEXT or len(subject) > _SUBJECT:
        raise BadInput(f"The text has at most {_TEXT:,} characters, the subject {_SUBJECT}.")
    if not _DAYS[0] <= days <= _DAYS[1]:
        raise BadInput(f"days is {_DAYS[0]} to {_DAYS[1]}.")
    if last is not None and last <= max(first or 0.0, clock.now()):
        raise BadInput("The last day is over, or before the first.")

    def put(transaction: Transaction) -> Change:
        account = _account(transaction, address)
        before = to_json(_view(transaction, account))
        wanted = Vacation(account.id, True, first, last, subject, text, days, transaction.now)
        vacations.put(transaction, wanted)
        view = _view(transaction, account)
        return Change(view, before, to_json(view))

    view: VacationView = call.change(put)
    return view


@action("vacation.off", roles=(HELPDESK,), changes=True)
def vacation_off(call: Call, address: Address) -> VacationView:
    """Answer no mail for somebody any more; the text is kept."""

    def off(transaction: Transaction) -> Change:
        account = _account(transaction, address)
        before = _view(transaction, account)
        vacations.switch_off(transaction, account.id)
        view = _view(transaction, account)
        return Change(view, to_json(before), to_json(view))

    view: VacationView = call.change(off)
    return view


@action("vacation.preview", roles=EVERYBODY)
def vacation_preview(
    call: Call,
    address: Address,
    sender: Annotated[str, "who would write"] = "ann@example.net",
    text: Annotated[str | None, "what to answer; else what is set", "lines"] = None,
    subject: Annotated[str | None, "of the answer; else what is set"] = None,
) -> VacationPreview:
    """Show the answer that somebody would get; nothing is sent."""
    from backend.delivery.vacation import reply, responder, rules

    def look(reader: Reader) -> tuple[Account, Vacation | None]:
        account = _account(reader, address)
        return account, vacations.find(reader, account.id)

    account, known = call.store.read(look)
    if text is None and known is None:
        raise BadInput(f"{account.address} has no vacation; `mailconsole vacation set` makes one.")
    words = text if text is not None else known.text if known else ""
    title = subject if subject is not None else known.subject if known else ""
    vacation = Vacation(account.id, True, None, None, title, words, 7, clock.now())
    source = responder.example(vacation, account.address, sender, call.settings)
    shown = reply.subject(vacation, rules.Header({"subject": "Hello"}, ()))
    return VacationPreview(sender, shown, words, source.decode())


def _account(reader: Reader, written: str) -> Account:
    key = addresses.parse(written).key
    found = accounts.account(reader, key)
    if found is None:
        raise BadInput(f"There is no account {key}; `mailconsole user list` shows them.")
    return found


def _view(reader: Reader, account: Account) -> VacationView:
    found = vacations.find(reader, account.id)
    if found is None:
        return VacationView(account.address, False, False, None, None, "", "", 7, 0)
    return VacationView(
        address=account.address,
        enabled=found.enabled,
        now=found.on(clock.now()),
        starts=None if found.starts is None else clock.rfc3339(found.starts)[:10],
        ends=None if found.ends is None else clock.rfc3339(found.ends - _DAY)[:10],
        subject=found.subject,
        text=found.text,
        days=found.days,
        answered=vacations.answers_since(reader, account.id, 0.0),
    )


def _day(written: str | None) -> float | None:
    """The beginning of a day in UTC, seconds since 1970."""
    if not written:
        return None
    try:
        day = datetime.date.fromisoformat(written)
    except ValueError:
        raise BadInput(f"{written[:40]!r} is no day; write it as in 2026-12-24.") from None
    return datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.UTC).timestamp()
