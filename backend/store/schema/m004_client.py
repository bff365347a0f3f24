"""What is thought of clients: DNS lists and our own place on them, greylist, accounts that send more than usual."""

from __future__ import annotations

from sqlite_utils import Database


def migrate(db: Database) -> None:
    """What is thought of clients: DNS lists and our own place on them, greylist, accounts that send more than usual."""
    db.table("dnslists").create(
        {
            "zone": str,
            "state": str,  # well, off
            "words": str,  # why it is off
            "since": float,
            "tested": float,
            "listed": str,  # what the test points answered
            "unlisted": str,
            "asked": int,
            "hits": int,
            "last_hit": float,
            "errors": int,
            "error": str,
            "last_error": float,
        },
        pk="zone",
        not_null={"state", "words", "asked", "hits", "errors"},
    )
    # Addresses of ours that a black list has.
    db.table("own_listings").create(
        {"zone": str, "address": str, "words": str, "since": float, "seen": float},
        pk=("zone", "address"),
        not_null={"words", "since", "seen"},
    )
    # Who has written before: network, sender and recipient, in lower case.
    db.table("greylist").create(
        {"network": str, "sender": str, "recipient": str, "first": float, "last": float, "passed": int},
        pk=("network", "sender", "recipient"),
        not_null={"first", "last", "passed"},
    )
    db.table("greylist").create_index(["last"])
    db.execute("CREATE INDEX idx_greylist_new ON greylist(last) WHERE passed = 0")
    # Recipients of an account's mail, by day since 1970: what is usual for it.
    db.table("account_days").create(
        {"account": int, "day": int, "recipients": int}, pk=("account", "day"), not_null={"recipients"}
    )
    db.table("account_days").create_index(["day"])
    # Accounts that sent far more than usual: slowed down until `until`, or let go on by a person until then.
    db.table("throttles").create(
        {"account": int, "state": str, "since": float, "until": float, "recipients": int, "usual": float},
        pk="account",
        not_null={"state", "since", "until", "recipients", "usual"},
    )
