"""Directory, messages, mailboxes, queue, notices, events, statistics, audit log."""

from __future__ import annotations

from sqlite_utils import Database


def migrate(db: Database) -> None:
    """Directory, messages, mailboxes, queue, notices, events, statistics, audit log."""
    db.table("domains").create({"name": str, "created": float}, pk="name", not_null={"created"})
    db.table("accounts").create(
        {"id": int, "address": str, "password": str, "state": str, "quota": int, "created": float},
        pk="id",
        not_null={"address", "state", "quota", "created"},
    )
    db.table("accounts").create_index(["address"], unique=True)
    db.table("aliases").create(
        {"id": int, "address": str, "target": str, "created": float}, pk="id", not_null={"address", "target"}
    )
    db.table("aliases").create_index(["address", "target"], unique=True)
    db.table("aliases").create_index(["target"])
    # Failed log-ins in a row, by account or by network address: `a:alice@example.org`, `i:192.0.2.1`.
    db.table("lockouts").create(
        {"key": str, "failures": int, "lockouts": int, "until": float, "last": float},
        pk="key",
        not_null={"failures", "lockouts", "until", "last"},
    )

    # Body bytes: head + data, or head + the file named by digest from offset skip on.
    db.table("messages").create(
        {
            "id": int,
            "received": float,
            "sender": str,
            "account": str,
            "peer": str,
            "message_id": str,
            "envid": str,
            "ret": str,
            "smtputf8": int,
            "size": int,
            "refs": int,
            "digest": str,
            "skip": int,
            "head": bytes,
            "data": bytes,
        },
        pk="id",
        not_null={"received", "sender", "size", "refs"},
    )
    db.execute("CREATE INDEX idx_messages_digest ON messages(digest) WHERE digest IS NOT NULL")

    db.table("mailboxes").create(
        {
            "id": int,
            "account": int,
            "name": str,
            "uidvalidity": int,
            "uidnext": int,
            "modseq": int,
            "messages": int,
            "bytes": int,
        },
        pk="id",
        not_null={"account", "name", "uidvalidity", "uidnext", "modseq", "messages", "bytes"},
    )
    db.table("mailboxes").create_index(["account", "name"], unique=True)
    db.table("mail").create(
        {
            "id": int,
            "mailbox": int,
            "uid": int,
            "message": int,
            "modseq": int,
            "flags": str,
            "internal_date": float,
            "size": int,
            "prefix": bytes,
        },
        pk="id",
        not_null={"mailbox", "uid", "message", "modseq", "flags", "internal_date", "size", "prefix"},
    )
    db.table("mail").create_index(["mailbox", "uid"], unique=True)

    # One row a recipient. `due` is when it may be tried; a lease moves it into the future, a hold to the end of time.
    db.table("queue").create(
        {
            "id": int,
            "message": int,
            "ordinal": int,
            "sender": str,
            "recipient": str,
            "domain": str,
            "size": int,
            "received": float,
            "state": str,
            "due": float,
            "attempts": int,
            "lease": str,
            "notify": str,
            "orcpt": str,
            "delayed": int,
            "error": str,
        },
        pk="id",
        not_null={
            "message",
            "ordinal",
            "sender",
            "recipient",
            "domain",
            "size",
            "received",
            "state",
            "due",
            "attempts",
        },
    )
    db.table("queue").create_index(["message", "ordinal"], unique=True)
    db.table("queue").create_index(["domain", "due"])
    db.table("queue").create_index(["domain", "id"])
    db.table("queue").create_index(["due"])
    db.execute("CREATE INDEX idx_queue_deferred ON queue(id) WHERE state = 'deferred'")
    db.execute("CREATE INDEX idx_queue_held ON queue(id) WHERE state = 'held'")
    db.execute("CREATE INDEX idx_queue_lease ON queue(lease) WHERE lease IS NOT NULL")
    # A row for each domain in the queue: its counts, and a lower bound of its entries' `due`.
    db.table("destinations").create(
        {"domain": str, "total": int, "deferred": int, "held": int, "due": float},
        pk="domain",
        not_null={"total", "deferred", "held", "due"},
    )
    db.table("destinations").create_index(["due"])
    db.table("destinations").create_index(["total"])
    # What senders are still to be told (RFC 3461): one row a recipient, one DSN a message.
    db.table("notices").create(
        {
            "id": int,
            "message": int,
            "recipient": str,
            "orcpt": str,
            "action": str,
            "status": str,
            "reply": str,
            "mta": str,
            "time": float,
            "until": float,
        },
        pk="id",
        not_null={"message", "recipient", "action", "status", "time"},
    )
    db.table("notices").create_index(["message"])

    db.table("events").create(
        {
            "id": int,
            "time": float,
            "stage": str,
            "verdict": str,
            "message": int,
            "session": str,
            "peer": str,
            "sender": str,
            "recipient": str,
            "message_id": str,
            "detail": str,
        },
        pk="id",
        not_null={"time", "stage", "verdict"},
    )
    for column in ("message", "peer", "sender", "recipient", "message_id"):
        db.execute(f"CREATE INDEX idx_events_{column} ON events({column}) WHERE {column} IS NOT NULL")
    db.table("minutes").create({"minute": int, "name": str, "number": int}, pk=("minute", "name"), not_null={"number"})

    db.table("audit").create(
        {
            "id": int,
            "time": float,
            "actor": str,
            "role": str,
            "origin": str,
            "key": str,
            "action": str,
            "arguments": str,
            "before": str,
            "after": str,
            "reason": str,
            "outcome": str,
            "hash": str,
        },
        pk="id",
        not_null={"time", "actor", "role", "origin", "action", "arguments", "outcome", "hash"},
    )
