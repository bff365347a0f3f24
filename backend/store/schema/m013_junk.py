"""Who wants mail that is marked as spam in Junk; the quarantine in any order."""

from __future__ import annotations

from sqlite_utils import Database


def migrate(db: Database) -> None:
    """Who wants mail that is marked as spam in Junk; the quarantine in any order."""
    db.table("accounts").add_column("junk", int)  # 1, 0, or nothing: as the site has it
    db.table("quarantine").add_column("marked", int, not_null_default=0)  # as spam
    for column in ("sender", "reason", "size"):
        db.table("quarantine").create_index([column, "id"])
