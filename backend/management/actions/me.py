"""Oneself."""

from __future__ import annotations

from typing import Annotated

from backend.errors import BadInput, Denied
from backend.management.registry import Call, Change, action
from backend.management.roles import EVERYBODY
from backend.management.snapshots.operators import Me
from backend.store import operators
from backend.store.database import Transaction
from backend.store.operators import Operator

THEMES = ("dark", "light", "contrast")


@action("me.show", roles=EVERYBODY)
def me(call: Call) -> Me:
    """Show who you are to the service."""
    caller = call.caller
    operator = call.store.read(lambda reader: operators.find(reader, caller.user)) if caller.session else None
    return Me(
        name=caller.user,
        role=caller.role,
        origin=caller.origin,
        key=caller.key,
        session=caller.session,
        must_change=bool(operator and operator.must_change and not caller.key),
        totp=bool(operator and operator.totp),
        theme=operator.theme if operator else "",
    )


@action("me.password", roles=EVERYBODY, changes=True)
def me_password(
    call: Call,
    old: Annotated[str, "the password of now", "secret"],
    new: Annotated[str, "the new password", "secret"],
) -> Me:
    """Choose another password for yourself."""
    from backend.accounts.door import Door  # not in every start of the command line
    from backend.accounts.passwords import hash_password

    name = _operator(call).name
    door = Door(call.store, call.settings.limits)
    if not door.password(name, old, "", with_key_too=True).right:
        raise Denied("The password of now is wrong.")
    if new == old:
        raise BadInput("That is the password of now; choose another one.")
    secret = hash_password(new)

    def change(transaction: Transaction) -> Change:
        operators.set_password(transaction, name, secret, must_change=False)
        return Change(None)

    call.change(change)
    return me(call)


@action("me.theme", roles=EVERYBODY, changes=True)
def me_theme(call: Call, theme: Annotated[str, f"one of {', '.join(THEMES)}"]) -> Me:
    """Choose the colours that your console opens with."""
    if theme not in THEMES:
        raise BadInput(f"There is no theme {theme[:40]!r}; there are {', '.join(THEMES)}.")
    before = _operator(call)

    def change(transaction: Transaction) -> Change:
        operators.set_theme(transaction, before.name, theme)
        return Change(None, before=before.theme, after=theme)

    call.change(change)
    return me(call)


def _operator(call: Call) -> Operator:
    if not call.caller.session:
        raise BadInput(f"You are {call.caller.user} on this host, and no operator; log in over SSH as one.")
    return call.store.read(lambda reader: operators.known(reader, call.caller.user))
