"""What the last messages scored, what people say of the mark, and settings that were set in the service itself."""

from __future__ import annotations

from sqlite_utils import Database


def migrate(db: Database) -> None:
    """What the last messages scored, what people say of the mark, and settings that were set in the service itself."""
    # `message` is the id of its trace; ids grow with time. `reasons`: pairs of a name and points, in JSON.
    db.table("spam_scores").create(
        {"message": int, "time": float, "points": float, "marked": int, "reasons": str, "domain": str},
        pk="message",
        not_null={"time", "points", "marked", "reasons", "domain"},
    )
    # By the digest of the lesson. `kind`: what the message is, as people say; what was made of it stays known here.
    db.table("spam_reports").create(
        {
            "digest": str,
            "kind": str,
            "time": float,
            "reporter": str,
            "message": int,
            "points": float,
            "marked": int,
            "reasons": str,
            "domain": str,
        },
        pk="digest",
        not_null={"kind", "time", "reporter", "points", "marked", "reasons", "domain"},
    )
    db.table("spam_reports").create_index(["time"])
    db.execute("CREATE INDEX idx_spam_reports_message ON spam_reports(message) WHERE message IS NOT NULL")
    # Over the file's: the key as `section.key`, the value as it would stand in the file.
    db.table("overrides").create(
        {"key": str, "value": str, "time": float, "author": str},
        pk="key",
        not_null={"value", "time", "author"},
    )
