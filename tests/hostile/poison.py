"""A store in which every text that came from outside is hostile."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

# Columns that hold words of ours, or names that are checked before they are kept; all other text came from outside.
OURS = {
    "access_rules": {"verdict", "kind", "key", "shape"},
    "accounts": {"address", "password", "state"},
    "alert_parts": {"kind"},
    "alerts": {"kind"},
    "aliases": {"address", "target"},
    "app_passwords": {"password"},
    "audit": {"hash"},
    "check_days": {"name", "value"},
    "deletions": {"action", "rows"},
    "destinations": {"domain"},
    "dkim_keys": {"domain", "selector", "pair", "algorithm", "state", "public", "dns"},
    "dnslists": {"zone", "state"},
    "domains": {"name"},
    "greylist": {"network"},
    "hold_rules": {"key", "peer"},
    "lockouts": {"key"},
    "logins": {"account"},
    "mail": {"flags"},
    "mailboxes": {"name"},
    "messages": {"digest", "tls"},
    "minutes": {"name"},
    "numbers": {"name"},
    "operator_keys": {"fingerprint", "algorithm", "blob"},
    "operators": {"name", "role", "password", "totp", "state", "theme"},
    "overrides": {"key", "value"},
    "own_listings": {"zone", "address"},
    "probe_letters": {"token", "digest", "direction", "what"},
    "probes": {"direction", "what", "outcome"},
    "quarantine": {"reason"},
    "queue": {"state", "lease", "domain", "tls"},
    "spam_lessons": {"digest", "kind"},
    "spam_reports": {"digest", "kind"},
    "sts_policies": {"mode"},
    "tls_domains": {"policy"},
    "tls_results": {"policy"},
    "events": {"session"},
    "throttles": {"state"},
    "webhooks": {"state"},
}
_JSON = {
    ("events", "detail"),
    ("audit", "arguments"),
    ("audit", "before"),
    ("audit", "after"),
    ("dmarc_rows", "results"),
    ("dmarc_results", "results"),
    ("probe_letters", "engines"),
    ("quarantine", "engines"),
    ("quarantine", "recipients"),
    ("spam_reports", "reasons"),
    ("spam_scores", "reasons"),
    ("tls_received", "details"),
}


def poison(data: Path, text: str) -> int:
    """Put `text` behind every outside text of the store in `data`; how many values that were."""
    changed = 0
    with contextlib.closing(sqlite3.connect(data / "mail.db")) as connection, connection:
        connection.create_function("poisoned", 1, lambda value: json.dumps(_poisoned(json.loads(value), text)))
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            if table.startswith(("sqlite_", "_sqlite")):
                continue
            for _, column, kind, *_ in connection.execute(f"PRAGMA table_info({table})").fetchall():
                if kind != "TEXT" or column in OURS.get(table, set()):
                    continue
                value = f'poisoned("{column}")' if (table, column) in _JSON else f'"{column}" || ?'
                parameters = () if (table, column) in _JSON else (text,)
                sql = f'UPDATE {table} SET "{column}" = {value} WHERE "{column}" IS NOT NULL'
                changed += connection.execute(sql, parameters).rowcount
    return changed


def _poisoned(value: Any, text: str) -> Any:
    match value:
        case str():
            return value + text
        case list():
            return [_poisoned(part, text) for part in value]
        case dict():
            return {key: _poisoned(part, text) for key, part in value.items()}
    return value
