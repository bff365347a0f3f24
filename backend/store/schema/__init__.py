"""The tables, as migrations, a file each. Plain SQL types and indexes only, so that the same shapes fit PostgreSQL.

Times are seconds since 1970 in UTC (REAL). A message is stored once; rows of `mail` (mailboxes), `queue` and
`notices` point to it and are counted in `messages.refs`.
"""

from __future__ import annotations

import importlib
import pkgutil
import sqlite3

from sqlite_utils import Database, Migrations

from backend.store.database import VERSION

migrations = Migrations("mailconsole")
for _module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
    migrations(name=_module)(importlib.import_module(f"{__name__}.{_module}").migrate)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables to VERSION. Runs in the caller's exclusive moment; each migration is one transaction."""
    migrations.apply(Database(connection))
    connection.execute(f"PRAGMA user_version = {VERSION}")
