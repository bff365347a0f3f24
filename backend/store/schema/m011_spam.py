"""What the site has learnt of spam."""

from __future__ import annotations

from sqlite_utils import Database


def migrate(db: Database) -> None:
    """What the site has learnt of spam."""
    # The weight of the tokens that have this hash.
    db.table("spam_weights").create({"place": int, "weight": float}, pk="place", not_null={"weight"})
    db.table("spam_lessons").create(
        {"digest": str, "kind": str, "step": float, "time": float}, pk="digest", not_null={"kind", "step", "time"}
    )
    db.table("spam_lessons").create_index(["kind"])
