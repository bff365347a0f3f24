"""Outbreaks: who and what is in an alert, what engines disagree about, and what a person has seen to."""

from __future__ import annotations

from sqlite_utils import Database


def migrate(db: Database) -> None:
    """Outbreaks: who and what is in an alert, what engines disagree about, and what a person has seen to."""
    db.table("alerts").add_column("disagreed", int, not_null_default=0)
    db.table("alerts").add_column("handled", float, not_null_default=0.0)
    # `kind`: address, account, verdict (what each engine said), story (its id in the trace).
    db.table("alert_parts").create(
        {"alert": int, "kind": str, "value": str, "first": float, "last": float, "count": int},
        pk=("alert", "kind", "value"),
        not_null={"first", "last", "count"},
    )
