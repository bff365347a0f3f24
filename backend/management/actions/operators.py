"""Operators: who runs the service, and with which keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from backend import clock
from backend.accounts.operators import NAME, parse_key
from backend.errors import BadInput, Denied
from backend.management.registry import Call, Change, action
from backend.management.roles import AUDITOR, POSTMASTER, ROLES
from backend.management.snapshots.operators import KeyRow, OperatorList, OperatorMade, OperatorRow, TotpSecret
from backend.store import lockouts, operators
from backend.store.database import Reader, Transaction
from backend.store.operators import Operator

Name = Annotated[str, "of the operator"]
RoleName = Annotated[str, f"one of {', '.join(ROLES)}"]
_ISSUER = "Mailconsole"


def row_of(reader: Reader, operator: Operator) -> OperatorRow:
    """An operator as people see it."""
    return OperatorRow(
        name=operator.name,
        role=operator.role,
        state=operator.state,
        password=operator.password is not None,
        must_change=operator.must_change,
        totp=operator.totp is not None,
        keys=tuple(
            KeyRow(
                key.fingerprint,
                key.algorithm,
                key.comment,
                clock.rfc3339(key.created),
                None if key.used is None else clock.rfc3339(key.used),
            )
            for key in operators.keys(reader, operator.id)
        ),
        created=clock.rfc3339(operator.created),
        seen=None if operator.seen is None else clock.rfc3339(operator.seen),
    )


@action("operator.list", roles=(POSTMASTER, AUDITOR))
def operator_list(call: Call) -> OperatorList:
    """List operators with their roles and keys."""

    def rows(reader: Reader) -> OperatorList:
        return OperatorList(tuple(row_of(reader, one) for one in operators.everybody(reader)))

    return call.store.read(rows)


@action("operator.add", roles=(), changes=True, key="n")
def operator_add(
    call: Call,
    name: Annotated[str, "small letters, digits, dots, dashes"],
    role: RoleName,
    key: Annotated[str | None, "a public key, the line of a .pub file; without one a one-time password is made"] = None,
) -> OperatorMade:
    """Add an operator."""
    if not NAME.fullmatch(name):
        raise BadInput(
            f"{name[:40]!r} is no name for an operator: small letters, digits, dots, dashes; 32 at the most."
        )
    _role(role)
    parsed = parse_key(key) if key else None
    password = None if parsed else _one_time()

    def add(transaction: Transaction) -> Change:
        secret = None if password is None else password[1]
        made = operators.add(transaction, name, role, secret, must_change=password is not None)
        if parsed:
            operators.add_key(transaction, name, parsed.fingerprint, parsed.algorithm, parsed.blob, parsed.comment)
        row = row_of(transaction, made)
        return Change(OperatorMade(row, password[0] if password else None), after=_json(row))

    made: OperatorMade = call.change(add)
    return made


@action("operator.role", roles=(), changes=True, key="c")
def operator_role(call: Call, name: Name, role: RoleName) -> OperatorRow:
    """Give an operator another role, from the next action on."""
    _role(role)
    _not_oneself(call, name, "change your own role")
    return _on(call, name, lambda transaction: operators.set_role(transaction, name, role))


@action("operator.password", roles=(), changes=True, key="P")
def operator_password(call: Call, name: Name) -> OperatorMade:
    """Make a one-time password for an operator, who then chooses another; ends the lockout too."""
    password, secret = _one_time()

    def change(transaction: Transaction) -> None:
        operators.set_password(transaction, name, secret, must_change=True)
        lockouts.unlock(transaction, f"o:{name}")

    return OperatorMade(_on(call, name, change), password)


@action("operator.key-add", roles=(), changes=True, key="a")
def operator_key_add(call: Call, name: Name, key: Annotated[str, "the line of a .pub file"]) -> OperatorRow:
    """Let a public key in as an operator."""
    parsed = parse_key(key)
    return _on(
        call,
        name,
        lambda transaction: operators.add_key(
            transaction, name, parsed.fingerprint, parsed.algorithm, parsed.blob, parsed.comment
        ),
    )


@action("operator.key-delete", roles=(), changes=True, dangerous=True, key="K")
def operator_key_delete(call: Call, name: Name, fingerprint: Annotated[str, "SHA256:..."]) -> OperatorRow:
    """Take a public key away; sessions that came with it end."""
    row = _on(call, name, lambda transaction: operators.delete_key(transaction, name, fingerprint))
    _end_sessions(call, name, fingerprint)
    return row


@action("operator.totp", roles=(), changes=True, key="t")
def operator_totp(call: Call, name: Name) -> TotpSecret:
    """Ask an operator for a one-time code (TOTP) at every log-in; shows the secret this once."""
    import pyotp  # rarely needed

    secret = pyotp.random_base32()
    _on(call, name, lambda transaction: _set_totp(transaction, name, secret))
    url = pyotp.TOTP(secret).provisioning_uri(name=f"{name}@{call.settings.site.hostname}", issuer_name=_ISSUER)
    return TotpSecret(name, secret, url)


@action("operator.totp-off", roles=(), changes=True, key="o")
def operator_totp_off(call: Call, name: Name) -> OperatorRow:
    """Ask an operator for no code any more, as when the telephone is lost."""
    return _on(call, name, lambda transaction: _set_totp(transaction, name, None))


@action("operator.disable", roles=(), changes=True, key="x")
def operator_disable(call: Call, name: Name) -> OperatorRow:
    """Keep an operator out, and end what is open."""
    _not_oneself(call, name, "disable yourself")
    row = _on(call, name, lambda transaction: operators.set_state(transaction, name, "suspended"))
    _end_sessions(call, name)
    return row


@action("operator.enable", roles=(), changes=True, key="e")
def operator_enable(call: Call, name: Name) -> OperatorRow:
    """Let an operator in again; ends the lockout too."""

    def change(transaction: Transaction) -> None:
        operators.set_state(transaction, name, "active")
        for kind in "oc":
            lockouts.unlock(transaction, f"{kind}:{name}")

    return _on(call, name, change)


@action("operator.delete", roles=(), changes=True, dangerous=True, key="d")
def operator_delete(call: Call, name: Name) -> OperatorRow:
    """Delete an operator with all keys; what the audit log has stays. Disable is the careful choice."""
    _not_oneself(call, name, "delete yourself")

    def delete(transaction: Transaction) -> Change:
        before = row_of(transaction, operators.known(transaction, name))
        operators.delete(transaction, name)
        return Change(before, before=_json(before))

    gone: OperatorRow = call.change(delete)
    _end_sessions(call, name)
    return gone


def _on(call: Call, name: str, change: Callable[[Transaction], object]) -> OperatorRow:
    """Change one operator, and keep what it was and what it is."""

    def operation(transaction: Transaction) -> Change:
        before = row_of(transaction, operators.known(transaction, name))
        change(transaction)
        after = row_of(transaction, operators.known(transaction, name))
        return Change(after, _json(before), _json(after))

    row: OperatorRow = call.change(operation)
    return row


def _json(row: OperatorRow) -> Any:
    from backend.management.codec import to_json

    return to_json(row)


def _role(role: str) -> None:
    if role not in ROLES:
        raise BadInput(f"There is no role {role[:40]!r}; the roles are {', '.join(ROLES)}.")


def _not_oneself(call: Call, name: str, what: str) -> None:
    if call.caller.session and call.caller.user == name:
        raise Denied(f"Nobody can {what}; ask another sysadmin.")


def _set_totp(transaction: Transaction, name: str, secret: str | None) -> None:
    operators.set_totp(transaction, name, secret)
    lockouts.unlock(transaction, f"c:{name}")


def _end_sessions(call: Call, name: str, key: str = "") -> None:
    """Those of an operator: all, or what came with one key."""
    if call.sessions is not None:
        for row in call.sessions.rows({}):
            if row.operator == name and key in ("", row.key):
                call.sessions.end(row.id)


def _one_time() -> tuple[str, str]:
    """A one-time password and its hash."""
    from backend.accounts.passwords import hash_password, readable  # not in every start of the command line

    password = readable()
    return password, hash_password(password)
