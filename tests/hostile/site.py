"""A site with something of everything in it, whose texts can then be poisoned."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from backend import ids, site
from backend.address import parse
from backend.management.registry import find
from backend.management.roles import SYSADMIN, Caller
from backend.settings_file import load
from backend.store import (
    accounts,
    app_passwords,
    audit,
    dmarc_reports,
    dmarc_results,
    findings,
    logins,
    messages,
    operators,
    trace,
    vacations,
)
from backend.store.bodies import Body
from backend.store.database import Store, Transaction
from backend.store.dmarc_reports import Report, ReportRow
from backend.store.dmarc_results import Day
from backend.store.messages import Message, Remote
from backend.store.vacations import Vacation

ALICE = "alice@example.org"
_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHg6BWXCzv+fXw9+PqlrTjRFS2UfD1pAXgPl9SNSrYFN olga@desk"
_NO_DNS = '[dns]\nnameservers = ["127.0.0.1:9"]\ntimeout_seconds = 0.2\nlifetime_seconds = 0.3\n'  # a port of nobody's
# The words behind each verb that make it show what came from outside; {entry}, {message} are of the mail in the queue.
ARGUMENTS: dict[str, list[str]] = {
    "status": [],
    "problems": [],
    "queue.list": [],
    "queue.show": ["{entry}"],
    "queue.headers": ["{entry}"],
    "queue.read": ["{entry}", "--why", "a test"],
    "trace.find": ["--since", "2h"],
    "trace.show": ["{message}"],
    "user.list": [],
    "user.show": [ALICE],
    "user.logins": [ALICE],
    "alias.list": [],
    "domain.list": [],
    "mailbox.list": [ALICE],
    "vacation.show": [ALICE],
    "vacation.preview": [ALICE],
    "audit-log.list": [],
    "audit-log.verify": [],
    "settings.list": [],
    "operator.list": [],
    "session.list": [],
    "me.show": [],
    "rule.list": [],
    "deletions": [],
    "dns.check": [],
    "dns.zone": [],
    "authentication.figures": [],
    "authentication.domains": [],
    "dmarc.reports": [],
    "dmarc.report": ["1"],
    "dmarc.sources": [],
    "dmarc.sent": [],
}


@dataclass(frozen=True, slots=True)
class Site:
    """Where it is, and the names of what is in it."""

    config: Path
    data: Path
    names: dict[str, str] = field(default_factory=dict)


def populated(folder: Path, text: str = "") -> Site:
    """The site in a new folder; `text` is in the mail itself."""
    made = site.init(folder, "mail.example.org", "example.org", 20_000)
    made.settings.write_text(f"{made.settings.read_text()}\n{_NO_DNS}")
    settings = load(made.settings)
    store = Store.open(settings.site.data)
    number = ids.new()
    try:
        store.write(lambda transaction: _fill(transaction, number, text))
        entry = f"{ids.text(number)}-1"
        caller = Caller("olga", SYSADMIN, "test")

        def act(name: str, **arguments: object) -> None:
            find(name)(store, settings, caller, arguments)

        act("rule.add", sender="ann@client.test", peer="192.0.2.1", reason="a test")
        act("queue.hold", ids=[entry], why="a test")
        act("alias.add", address="old@example.org", target=[ALICE])
        act("alias.delete", address="old@example.org")
    finally:
        store.close()
    return Site(made.settings, settings.site.data, {"entry": entry, "message": ids.text(number)})


def _fill(transaction: Transaction, number: int, text: str) -> None:
    alice = accounts.add_account(transaction, parse(ALICE), "x")
    accounts.add_alias(transaction, parse("sales@example.org"), parse(ALICE))
    app_passwords.add(transaction, alice.id, "phone", "x", 5)
    logins.record(transaction, ALICE, "192.0.2.7", "submission", logins.WRONG)
    vacations.put(transaction, Vacation(alice.id, True, None, None, "Away", "I am away.", 7, transaction.now))
    olga = operators.add(transaction, "olga", "helpdesk", "x", must_change=False)
    algorithm, blob, comment = _KEY.split()
    operators.add_key(transaction, olga.name, "SHA256:x", algorithm, blob, comment)
    raw = f'Subject: {text}\r\nX-{text[:20]}: {text}\r\nContent-Type: text/plain; name="{text}"\r\n\r\n{text}\r\n'
    data = raw.encode("utf-8", "replace")
    message = Message(
        number,
        "ann@client.test",
        Body(size=len(data), data=data),
        peer="192.0.2.1",
        session="S1",
        message_id="<m@client.test>",
        detail={"helo": "client.test", "protocol": "ESMTP"},
    )
    messages.accept(transaction, message, remote=[Remote("bob@remote.test", "remote.test")])
    transaction.execute("UPDATE queue SET error = '451 4.4.1 no answer', attempts = 2")
    helo = {"helo": "evil.test", "reply": "550 5.7.1 refused", "reason": "relay"}
    trace.add(transaction, "rcpt", "rejected", session="S2", peer="192.0.2.9", sender="x@evil.test", detail=helo)
    trace.add(
        transaction, "remote", "deferred", message=number, recipient="bob@remote.test", detail={"reply": "451 no"}
    )
    audit.add(transaction, actor="olga", role="helpdesk", origin="ssh x", action="user.reset", arguments={"a": "b"})
    _reports(transaction)


def _reports(transaction: Transaction) -> None:
    """What checks found, a DMARC report of somebody, and one of ours."""
    findings.count(transaction, [("dmarc", "fail", "evil.test"), ("spf", "pass", "client.test")])
    signed = {"method": "dkim", "domain": "x.test", "selector": "s", "result": "fail"}
    row = ReportRow("192.0.2.7", 3, "none", "fail", "fail", "example.org", "x.test", "other", [signed])
    now = transaction.now
    report = Report("reporter", "a@b.c", "1", "example.org", "p=none", now - 86_400, now, 3, 3, 1, 0, sender="x.test")
    dmarc_reports.add(transaction, report, [row])
    day = Day(int(now) // 86_400 - 1, "client.test", "v=DMARC1; p=none")
    dmarc_results.note_sent(transaction, day, "rua@client.test", (1, 3), "not sent: a test", None)
