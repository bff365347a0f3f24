"""The tables, as migrations. Plain SQL types and indexes only, so that the same shapes fit PostgreSQL.

Times are seconds since 1970 in UTC (REAL). A message is stored once; rows of `mail` (mailboxes), `queue` and
`notices` point to it and are counted in `messages.refs`.
"""

from __future__ import annotations

import sqlite3

from sqlite_utils import Database, Migrations

from backend.store.database import VERSION

migrations = Migrations("mailconsole")


@migrations()
def m001_mail(db: Database) -> None:
    """Directory, messages, mailboxes, queue, notices, events, statistics, audit log."""
    db.table("domains").create({"name": str, "created": float}, pk="name", not_null={"created"})
    db.table("accounts").create(
        {"id": int, "address": str, "password": str, "state": str, "quota": int, "created": float},
        pk="id",
        not_null={"address", "state", "quota", "created"},
    )
    db.table("accounts").create_index(["address"], unique=True)
    db.table("aliases").create(
        {"id": int, "address": str, "target": str, "created": float}, pk="id", not_null={"address", "target"}
    )
    db.table("aliases").create_index(["address", "target"], unique=True)
    db.table("aliases").create_index(["target"])
    # Failed log-ins in a row, by account or by network address: `a:alice@example.org`, `i:192.0.2.1`.
    db.table("lockouts").create(
        {"key": str, "failures": int, "lockouts": int, "until": float, "last": float},
        pk="key",
        not_null={"failures", "lockouts", "until", "last"},
    )

    # Body bytes: head + data, or head + the file named by digest from offset skip on.
    db.table("messages").create(
        {
            "id": int,
            "received": float,
            "sender": str,
            "account": str,
            "peer": str,
            "message_id": str,
            "envid": str,
            "ret": str,
            "smtputf8": int,
            "size": int,
            "refs": int,
            "digest": str,
            "skip": int,
            "head": bytes,
            "data": bytes,
        },
        pk="id",
        not_null={"received", "sender", "size", "refs"},
    )
    db.execute("CREATE INDEX idx_messages_digest ON messages(digest) WHERE digest IS NOT NULL")

    db.table("mailboxes").create(
        {
            "id": int,
            "account": int,
            "name": str,
            "uidvalidity": int,
            "uidnext": int,
            "modseq": int,
            "messages": int,
            "bytes": int,
        },
        pk="id",
        not_null={"account", "name", "uidvalidity", "uidnext", "modseq", "messages", "bytes"},
    )
    db.table("mailboxes").create_index(["account", "name"], unique=True)
    db.table("mail").create(
        {
            "id": int,
            "mailbox": int,
            "uid": int,
            "message": int,
            "modseq": int,
            "flags": str,
            "internal_date": float,
            "size": int,
            "prefix": bytes,
        },
        pk="id",
        not_null={"mailbox", "uid", "message", "modseq", "flags", "internal_date", "size", "prefix"},
    )
    db.table("mail").create_index(["mailbox", "uid"], unique=True)

    # One row a recipient. `due` is when it may be tried; a lease moves it into the future, a hold to the end of time.
    db.table("queue").create(
        {
            "id": int,
            "message": int,
            "ordinal": int,
            "sender": str,
            "recipient": str,
            "domain": str,
            "size": int,
            "received": float,
            "state": str,
            "due": float,
            "attempts": int,
            "lease": str,
            "notify": str,
            "orcpt": str,
            "delayed": int,
            "error": str,
        },
        pk="id",
        not_null={
            "message",
            "ordinal",
            "sender",
            "recipient",
            "domain",
            "size",
            "received",
            "state",
            "due",
            "attempts",
        },
    )
    db.table("queue").create_index(["message", "ordinal"], unique=True)
    db.table("queue").create_index(["domain", "due"])
    db.table("queue").create_index(["domain", "id"])
    db.table("queue").create_index(["due"])
    db.execute("CREATE INDEX idx_queue_deferred ON queue(id) WHERE state = 'deferred'")
    db.execute("CREATE INDEX idx_queue_held ON queue(id) WHERE state = 'held'")
    db.execute("CREATE INDEX idx_queue_lease ON queue(lease) WHERE lease IS NOT NULL")
    # A row for each domain in the queue: its counts, and a lower bound of its entries' `due`.
    db.table("destinations").create(
        {"domain": str, "total": int, "deferred": int, "held": int, "due": float},
        pk="domain",
        not_null={"total", "deferred", "held", "due"},
    )
    db.table("destinations").create_index(["due"])
    db.table("destinations").create_index(["total"])
    # What senders are still to be told (RFC 3461): one row a recipient, one DSN a message.
    db.table("notices").create(
        {
            "id": int,
            "message": int,
            "recipient": str,
            "orcpt": str,
            "action": str,
            "status": str,
            "reply": str,
            "mta": str,
            "time": float,
            "until": float,
        },
        pk="id",
        not_null={"message", "recipient", "action", "status", "time"},
    )
    db.table("notices").create_index(["message"])

    db.table("events").create(
        {
            "id": int,
            "time": float,
            "stage": str,
            "verdict": str,
            "message": int,
            "session": str,
            "peer": str,
            "sender": str,
            "recipient": str,
            "message_id": str,
            "detail": str,
        },
        pk="id",
        not_null={"time", "stage", "verdict"},
    )
    for column in ("message", "peer", "sender", "recipient", "message_id"):
        db.execute(f"CREATE INDEX idx_events_{column} ON events({column}) WHERE {column} IS NOT NULL")
    db.table("minutes").create({"minute": int, "name": str, "number": int}, pk=("minute", "name"), not_null={"number"})

    db.table("audit").create(
        {
            "id": int,
            "time": float,
            "actor": str,
            "role": str,
            "origin": str,
            "key": str,
            "action": str,
            "arguments": str,
            "before": str,
            "after": str,
            "reason": str,
            "outcome": str,
            "hash": str,
        },
        pk="id",
        not_null={"time", "actor", "role", "origin", "action", "arguments", "outcome", "hash"},
    )


@migrations()
def m002_people(db: Database) -> None:
    """Operators and their keys, log-ins, app passwords, vacations, what can be undone, hold rules."""
    # Refusals by session; an accepted message is found by its own id, so its way is not made longer.
    db.execute("CREATE INDEX idx_events_session ON events(session) WHERE session IS NOT NULL AND message IS NULL")
    db.table("operators").create(
        {
            "id": int,
            "name": str,
            "role": str,
            "password": str,
            "totp": str,  # the secret, base32
            "totp_step": int,  # the last time step that was used: a code opens one session
            "must_change": int,
            "state": str,
            "created": float,
            "seen": float,
            "theme": str,
        },
        pk="id",
        not_null={"name", "role", "totp_step", "must_change", "state", "created", "theme"},
    )
    db.table("operators").create_index(["name"], unique=True)
    db.table("operator_keys").create(
        {
            "id": int,
            "operator": int,
            "fingerprint": str,
            "algorithm": str,
            "blob": str,
            "comment": str,
            "created": float,
            "used": float,
        },
        pk="id",
        not_null={"operator", "fingerprint", "algorithm", "blob", "comment", "created"},
    )
    db.table("operator_keys").create_index(["operator", "fingerprint"], unique=True)

    # A one-time password is good until `expires`, and only to choose another.
    db.table("accounts").add_column("must_change", int, not_null_default=0)
    db.table("accounts").add_column("expires", float)
    db.table("accounts").add_column("password_changed", float)
    db.table("accounts").add_column("seen", float)  # the last log-in
    db.table("app_passwords").create(
        {"id": int, "account": int, "name": str, "password": str, "created": float, "used": float},
        pk="id",
        not_null={"account", "name", "password", "created"},
    )
    db.table("app_passwords").create_index(["account", "name"], unique=True)
    # Log-ins that opened an account, or did not and why: `account` is an address as it was tried.
    db.table("logins").create(
        {
            "id": int,
            "account": str,
            "time": float,
            "peer": str,
            "service": str,
            "way": str,
            "outcome": str,
            "number": int,
        },
        pk="id",
        not_null={"account", "time", "peer", "service", "way", "outcome", "number"},
    )
    db.table("logins").create_index(["account", "time"])
    db.table("logins").create_index(["time"])

    db.table("vacations").create(
        {
            "account": int,
            "enabled": int,
            "starts": float,
            "ends": float,
            "subject": str,
            "text": str,
            "days": int,
            "changed": float,
        },
        pk="account",
        not_null={"enabled", "subject", "text", "days", "changed"},
    )
    db.table("vacation_answers").create(
        {"account": int, "sender": str, "time": float}, pk=("account", "sender"), not_null={"time"}
    )
    db.table("vacation_answers").create_index(["time"])
    # Messages that may want an answer, counted in messages.refs until the delivery role has decided.
    db.table("vacation_due").create(
        {"id": int, "message": int, "account": int}, pk="id", not_null={"message", "account"}
    )

    db.table("audit").create_index(["actor", "id"])
    db.table("audit").create_index(["action", "id"])
    db.table("audit").create_index(["time"])
    # What was deleted, with all that it takes to put it back, until `until`.
    db.table("deletions").create(
        {
            "id": int,
            "batch": int,
            "time": float,
            "until": float,
            "actor": str,
            "action": str,
            "summary": str,
            "rows": str,
        },
        pk="id",
        not_null={"batch", "time", "until", "actor", "action", "summary", "rows"},
    )
    db.table("deletions").create_index(["until"])
    db.table("deletions").create_index(["batch"])
    db.table("hold_rules").create(
        {
            "id": int,
            "key": str,
            "sender": str,
            "recipient": str,
            "peer": str,
            "owner": str,
            "reason": str,
            "created": float,
            "until": float,
            "hits": int,
            "last_hit": float,
        },
        pk="id",
        not_null={"key", "owner", "reason", "created", "hits"},
    )
    db.table("hold_rules").create_index(["key"])


@migrations()
def m003_access(db: Database) -> None:
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


@migrations()
def m004_client(db: Database) -> None:
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


@migrations()
def m005_spf(db: Database) -> None:
    """The sender that an entry of the queue leaves with, where an alias sends it on."""
    db.table("queue").add_column("leaves_as", str)


@migrations()
def m006_dkim(db: Database) -> None:
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


@migrations()
def m008_outbound(db: Database) -> None:
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


@migrations()
def m007_dmarc(db: Database) -> None:
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


@migrations()
def m011_spam(db: Database) -> None:
    """What the site has learnt of spam."""
    # The weight of the tokens that have this hash.
    db.table("spam_weights").create({"place": int, "weight": float}, pk="place", not_null={"weight"})
    db.table("spam_lessons").create(
        {"digest": str, "kind": str, "step": float, "time": float}, pk="digest", not_null={"kind", "step", "time"}
    )
    db.table("spam_lessons").create_index(["kind"])


@migrations()
def m010_content(db: Database) -> None:
    """What engines against viruses found: alerts, and the quarantine."""
    db.table("quarantine").create(
        {
            "id": int,
            "message": int,
            "time": float,
            "until": float,
            "reason": str,
            "words": str,
            "engines": str,
            "sender": str,
            "account": str,
            "peer": str,
            "subject": str,
            "size": int,
            "recipients": str,
        },
        pk="id",
        not_null={"message", "time", "until", "reason", "words", "engines", "sender", "subject", "size", "recipients"},
    )
    db.table("quarantine").create_index(["until"])
    db.table("alerts").create(
        {
            "id": int,
            "kind": str,
            "subject": str,
            "words": str,
            "peer": str,
            "account": str,
            "first": float,
            "last": float,
            "count": int,
            "told": float,
        },
        pk="id",
        not_null={"kind", "subject", "words", "first", "last", "count", "told"},
    )
    db.table("alerts").create_index(["kind", "subject", "last"])
    db.table("alerts").create_index(["last"])


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables to VERSION. Runs in the caller's exclusive moment; each migration is one transaction."""
    migrations.apply(Database(connection))
    connection.execute(f"PRAGMA user_version = {VERSION}")
