"""The sender that an entry of the queue leaves with, where an alias sends it on."""

from __future__ import annotations

from sqlite_utils import Database


def migrate(db: Database) -> None:
    """The sender that an entry of the queue leaves with, where an alias sends it on."""
    db.table("queue").add_column("leaves_as", str)
