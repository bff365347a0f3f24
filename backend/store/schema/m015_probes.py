"""The probe: what it found, its letters on their way, its days; and alerts that wait to be posted to a web server."""

from __future__ import annotations

from sqlite_utils import Database


def migrate(db: Database) -> None:
    """The probe: what it found, its letters on their way, its days; and alerts that wait to be posted."""
    db.table("probes").create(
        {
            "id": int,
            "time": float,
            "direction": str,
            "what": str,
            "outcome": str,
            "words": str,
            "off": int,  # what should have found it was switched off
        },
        pk="id",
        not_null={"time", "direction", "what", "outcome", "words", "off"},
    )
    db.table("probes").create_index(["time"])
    # A letter of the probe: `token` is in its header, `digest` is of all its bytes; what the server did with it.
    db.table("probe_letters").create(
        {
            "token": str,
            "digest": str,
            "direction": str,
            "what": str,
            "made": float,
            "mail": int,  # the newest row of `mail` then: its own comes behind, and is found among a few
            "seen": float,
            "scanner": str,
            "reason": str,
            "engines": str,
            "story": str,
            "message": int,
        },
        pk="token",
        not_null={"digest", "direction", "what", "made", "mail"},
    )
    # The run of a day (days since 1970, UTC): the process that puts the row in does it.
    db.table("probe_runs").create({"day": int, "begun": float, "ended": float}, pk="day", not_null={"begun"})
    db.table("webhooks").create(
        {
            "id": int,
            "made": float,
            "due": float,
            "tries": int,
            "state": str,
            "content": str,
            "words": str,  # how the last try ended
        },
        pk="id",
        not_null={"made", "due", "tries", "state", "content", "words"},
    )
    db.execute("CREATE INDEX idx_webhooks_waiting ON webhooks(due) WHERE state = 'waiting'")
