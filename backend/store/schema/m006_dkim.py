"""Keys that sign mail."""

from __future__ import annotations

from sqlite_utils import Database


def migrate(db: Database) -> None:
    """Keys that sign mail."""
    db.table("dkim_keys").create(
        {
            "id": int,
            "domain": str,
            "selector": str,
            "pair": str,  # the keys that were made together
            "algorithm": str,
            "state": str,
            "public": str,  # base64, as it is published
            "private": bytes,  # PKCS #8; gone when the key is revoked
            "created": float,
            "published": float,  # when the DNS first showed it right
            "changed": float,  # when it came into its state
            "looked": float,  # when the DNS was last asked
            "dns": str,  # what it showed then
        },
        pk="id",
        not_null={"domain", "selector", "pair", "algorithm", "state", "public", "created", "changed", "dns"},
    )
    db.table("dkim_keys").create_index(["domain", "selector"], unique=True)
