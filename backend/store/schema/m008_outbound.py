"""What a message asks of TLS, policies of other domains (MTA-STS), and how TLS with them went (TLS-RPT)."""

from __future__ import annotations

from sqlite_utils import Database


def migrate(db: Database) -> None:
    """What a message asks of TLS, policies of other domains (MTA-STS), and how TLS with them went (TLS-RPT)."""
    db.table("messages").add_column("tls", str)  # `required` (REQUIRETLS) or `optional` (TLS-Required: No)
    db.table("queue").add_column("tls", str)
    db.table("sts_policies").create(
        {
            "domain": str,
            "id": str,
            "mode": str,
            "mx": str,  # one pattern a line
            "max_age": int,
            "fetched": float,
            "expires": float,
            "used": float,
        },
        pk="domain",
        not_null={"id", "mode", "mx", "max_age", "fetched", "expires", "used"},
    )
    # Sessions of a day (days since 1970, UTC) by policy and result: `result` is empty for a good one.
    db.table("tls_results").create(
        {
            "id": int,
            "day": int,
            "domain": str,
            "policy": str,
            "strings": str,  # the policy as JSON: its strings and its hosts
            "result": str,
            "mx": str,
            "address": str,
            "source": str,
            "reason": str,
            "number": int,
        },
        pk="id",
        not_null={"day", "domain", "policy", "strings", "result", "mx", "address", "source", "reason", "number"},
    )
    db.table("tls_results").create_index(
        ["day", "domain", "policy", "strings", "result", "mx", "address", "source", "reason"], unique=True
    )
    db.table("tls_results").create_index(["domain", "day"])
    # How it stands with a domain that asks for TLS: since when every try has failed.
    db.table("tls_domains").create(
        {
            "domain": str,
            "policy": str,
            "failing_since": float,
            "result": str,
            "mx": str,
            "reason": str,
            "last_failure": float,
            "last_success": float,
        },
        pk="domain",
        not_null={"policy"},
    )
    db.execute("CREATE INDEX idx_tls_domains_failing ON tls_domains(failing_since) WHERE failing_since IS NOT NULL")
    # Days whose reports are done, by domain: sent, or nobody wants one.
    db.table("tls_reports").create(
        {"domain": str, "day": int, "time": float, "outcome": str, "message": int},
        pk=("domain", "day"),
        not_null={"time", "outcome"},
    )
    # What others report about mail to us.
    db.table("tls_received").create(
        {
            "id": int,
            "received": float,
            "organization": str,
            "contact": str,
            "report": str,
            "begins": float,
            "ends": float,
            "domain": str,
            "policy": str,
            "successes": int,
            "failures": int,
            "details": str,
        },
        pk="id",
        not_null={"received", "organization", "report", "begins", "ends", "domain", "policy", "successes", "failures"},
    )
    db.table("tls_received").create_index(["organization", "report", "domain", "policy", "begins"], unique=True)
