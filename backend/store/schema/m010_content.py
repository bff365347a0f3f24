"""What engines against viruses found: alerts, and the quarantine."""

from __future__ import annotations

from sqlite_utils import Database


def migrate(db: Database) -> None:
    """What engines against viruses found: alerts, and the quarantine."""
    db.table("quarantine").create(
        {
            "id": int,
            "message": int,
            "time": float,
            "until": float,
            "reason": str,
            "words": str,
            "engines": str,
            "sender": str,
            "account": str,
            "peer": str,
            "subject": str,
            "size": int,
            "recipients": str,
        },
        pk="id",
        not_null={"message", "time", "until", "reason", "words", "engines", "sender", "subject", "size", "recipients"},
    )
    db.table("quarantine").create_index(["until"])
    db.table("alerts").create(
        {
            "id": int,
            "kind": str,
            "subject": str,
            "words": str,
            "peer": str,
            "account": str,
            "first": float,
            "last": float,
            "count": int,
            "told": float,
        },
        pk="id",
        not_null={"kind", "subject", "words", "first", "last", "count", "told"},
    )
    db.table("alerts").create_index(["kind", "subject", "last"])
    db.table("alerts").create_index(["last"])
