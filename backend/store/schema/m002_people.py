"""Operators and their keys, log-ins, app passwords, vacations, what can be undone, hold rules."""

from __future__ import annotations

from sqlite_utils import Database


def migrate(db: Database) -> None:
    """Operators and their keys, log-ins, app passwords, vacations, what can be undone, hold rules."""
    # Refusals by session; an accepted message is found by its own id, so its way is not made longer.
    db.execute("CREATE INDEX idx_events_session ON events(session) WHERE session IS NOT NULL AND message IS NULL")
    db.table("operators").create(
        {
            "id": int,
            "name": str,
            "role": str,
            "password": str,
            "totp": str,  # the secret, base32
            "totp_step": int,  # the last time step that was used: a code opens one session
            "must_change": int,
            "state": str,
            "created": float,
            "seen": float,
            "theme": str,
        },
        pk="id",
        not_null={"name", "role", "totp_step", "must_change", "state", "created", "theme"},
    )
    db.table("operators").create_index(["name"], unique=True)
    db.table("operator_keys").create(
        {
            "id": int,
            "operator": int,
            "fingerprint": str,
            "algorithm": str,
            "blob": str,
            "comment": str,
            "created": float,
            "used": float,
        },
        pk="id",
        not_null={"operator", "fingerprint", "algorithm", "blob", "comment", "created"},
    )
    db.table("operator_keys").create_index(["operator", "fingerprint"], unique=True)

    # A one-time password is good until `expires`, and only to choose another.
    db.table("accounts").add_column("must_change", int, not_null_default=0)
    db.table("accounts").add_column("expires", float)
    db.table("accounts").add_column("password_changed", float)
    db.table("accounts").add_column("seen", float)  # the last log-in
    db.table("app_passwords").create(
        {"id": int, "account": int, "name": str, "password": str, "created": float, "used": float},
        pk="id",
        not_null={"account", "name", "password", "created"},
    )
    db.table("app_passwords").create_index(["account", "name"], unique=True)
    # Log-ins that opened an account, or did not and why: `account` is an address as it was tried.
    db.table("logins").create(
        {
            "id": int,
            "account": str,
            "time": float,
            "peer": str,
            "service": str,
            "way": str,
            "outcome": str,
            "number": int,
        },
        pk="id",
        not_null={"account", "time", "peer", "service", "way", "outcome", "number"},
    )
    db.table("logins").create_index(["account", "time"])
    db.table("logins").create_index(["time"])

    db.table("vacations").create(
        {
            "account": int,
            "enabled": int,
            "starts": float,
            "ends": float,
            "subject": str,
            "text": str,
            "days": int,
            "changed": float,
        },
        pk="account",
        not_null={"enabled", "subject", "text", "days", "changed"},
    )
    db.table("vacation_answers").create(
        {"account": int, "sender": str, "time": float}, pk=("account", "sender"), not_null={"time"}
    )
    db.table("vacation_answers").create_index(["time"])
    # Messages that may want an answer, counted in messages.refs until the delivery role has decided.
    db.table("vacation_due").create(
        {"id": int, "message": int, "account": int}, pk="id", not_null={"message", "account"}
    )

    db.table("audit").create_index(["actor", "id"])
    db.table("audit").create_index(["action", "id"])
    db.table("audit").create_index(["time"])
    # What was deleted, with all that it takes to put it back, until `until`.
    db.table("deletions").create(
        {
            "id": int,
            "batch": int,
            "time": float,
            "until": float,
            "actor": str,
            "action": str,
            "summary": str,
            "rows": str,
        },
        pk="id",
        not_null={"batch", "time", "until", "actor", "action", "summary", "rows"},
    )
    db.table("deletions").create_index(["until"])
    db.table("deletions").create_index(["batch"])
    db.table("hold_rules").create(
        {
            "id": int,
            "key": str,
            "sender": str,
            "recipient": str,
            "peer": str,
            "owner": str,
            "reason": str,
            "created": float,
            "until": float,
            "hits": int,
            "last_hit": float,
        },
        pk="id",
        not_null={"key", "owner", "reason", "created", "hits"},
    )
    db.table("hold_rules").create_index(["key"])
