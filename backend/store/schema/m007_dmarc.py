"""What checks found, by domain; DMARC results to report on, reports sent, reports that came."""

from __future__ import annotations

from sqlite_utils import Database


def migrate(db: Database) -> None:
    """What checks found, by domain; DMARC results to report on, reports sent, reports that came."""
    # A day is counted from 1970. Of each day the domains with the most are kept, the others under "".
    db.table("check_days").create(
        {"day": int, "name": str, "value": str, "domain": str, "number": int},
        pk=("day", "name", "value", "domain"),
        not_null={"number"},
    )
    db.table("dmarc_policies").create(
        {"day": int, "domain": str, "record": str}, pk=("day", "domain"), not_null={"record"}
    )
    # `key` is a hash of all that stands between it and `number`.
    db.table("dmarc_results").create(
        {
            "day": int,
            "domain": str,
            "key": str,
            "source": str,
            "disposition": str,
            "spf": str,
            "dkim": str,
            "reason": str,
            "comment": str,
            "header_from": str,
            "envelope_from": str,
            "results": str,
            "number": int,
        },
        pk=("day", "domain", "key"),
        not_null={"source", "disposition", "spf", "dkim", "header_from", "envelope_from", "results", "number"},
    )
    db.table("dmarc_sent").create(
        {
            "id": int,
            "time": float,
            "day": int,
            "domain": str,
            "recipient": str,
            "message": int,
            "sources": int,
            "messages": int,
            "outcome": str,
        },
        pk="id",
        not_null={"time", "day", "domain", "recipient", "sources", "messages", "outcome"},
    )
    db.table("dmarc_sent").create_index(["time"])
    db.table("dmarc_reports").create(
        {
            "id": int,
            "time": float,
            "organisation": str,
            "contact": str,
            "report": str,
            "sender": str,
            "proven": int,
            "domain": str,
            "policy": str,
            "begins": float,
            "ends": float,
            "messages": int,
            "failed": int,
            "sources": int,
            "left_out": int,
        },
        pk="id",
        not_null={"time", "organisation", "contact", "report", "sender", "proven", "domain", "policy"}
        | {"begins", "ends", "messages", "failed", "sources", "left_out"},
    )
    db.table("dmarc_reports").create_index(["domain", "organisation", "report"], unique=True)
    db.table("dmarc_reports").create_index(["ends"])
    db.table("dmarc_rows").create(
        {
            "id": int,
            "report": int,
            "ends": float,
            "source": str,
            "number": int,
            "disposition": str,
            "spf": str,
            "dkim": str,
            "header_from": str,
            "envelope_from": str,
            "reason": str,
            "results": str,
            "failed": int,
        },
        pk="id",
        not_null={"report", "ends", "source", "number", "disposition", "spf", "dkim"}
        | {"header_from", "envelope_from", "reason", "results", "failed"},
    )
    db.table("dmarc_rows").create_index(["report"])
    db.execute("CREATE INDEX idx_dmarc_rows_failed ON dmarc_rows(ends) WHERE failed = 1")
    # How far a mailbox has been read for reports.
    db.table("dmarc_read").create({"mailbox": int, "uid": int}, pk="mailbox", not_null={"uid"})
