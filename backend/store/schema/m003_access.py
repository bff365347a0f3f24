"""Access lists."""

from __future__ import annotations

from sqlite_utils import Database


def migrate(db: Database) -> None:
    """Access lists."""
    # A row a rule. `key` is what it is looked up by, `shape` the keys to which its own belongs: see access_patterns.
    db.table("access_rules").create(
        {
            "id": int,
            "verdict": str,
            "kind": str,
            "what": str,
            "key": str,
            "shape": str,
            "owner": str,
            "reason": str,
            "created": float,
            "until": float,
            "hits": int,
            "last_hit": float,  # 0: never
        },
        pk="id",
        not_null={
            "verdict",
            "kind",
            "what",
            "key",
            "shape",
            "owner",
            "reason",
            "created",
            "hits",
            "last_hit",
        },
    )
    db.table("access_rules").create_index(["verdict", "kind", "what"], unique=True)
    for column in ("key", "shape", "hits", "last_hit"):
        db.table("access_rules").create_index([column])
    db.execute("CREATE INDEX idx_access_rules_until ON access_rules(until) WHERE until IS NOT NULL")
    # The last number that was given: the trace names rules by theirs, so none is given twice.
    db.table("numbers").create({"name": str, "last": int}, pk="name", not_null={"last"})
    db.table("numbers").insert({"name": "access_rules", "last": 0})
