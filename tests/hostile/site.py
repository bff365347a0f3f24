"""A site with something of everything in it, whose texts can then be poisoned."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from backend import ids, site
from backend.address import parse
from backend.management.registry import find
from backend.management.roles import SYSADMIN, Caller
from backend.settings_file import load
from backend.store import (
    accounts,
    alerts,
    app_passwords,
    audit,
    dmarc_reports,
    dmarc_results,
    dnslists,
    findings,
    logins,
    messages,
    operators,
    overrides,
    probes,
    quarantine,
    sending,
    spam_reports,
    spam_scores,
    sts_policies,
    tls_received,
    tls_results,
    trace,
    vacations,
    webhooks,
)
from backend.store.bodies import Body
from backend.store.database import Store, Transaction
from backend.store.dmarc_reports import Report, ReportRow
from backend.store.dmarc_results import Day
from backend.store.messages import Message, Remote
from backend.store.probes import Probe
from backend.store.quarantine import Wanted
from backend.store.sts_policies import Kept
from backend.store.tls_received import Received
from backend.store.tls_results import Counted
from backend.store.vacations import Vacation
from tests.harness import toml

ALICE = "alice@example.org"
REMOTE = "remote.test"
_NO_DNS = """
[dns]
nameservers = ["127.0.0.1:9"]
timeout_seconds = 0.2
lifetime_seconds = 0.3
[alerts]
webhook = "https://localhost:9/"
"""
_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHg6BWXCzv+fXw9+PqlrTjRFS2UfD1pAXgPl9SNSrYFN olga@desk"
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
    "explain": ["--ip", "127.0.0.1", "--helo", "[/nope]", "--from", '"[/nope]"@client.test', "--to", ALICE],
    "spam.score": [str(Path(__file__).with_name("corpus.py"))],
    "spam.figures": [],
    "spam.scores": [],
    "spam.list": [],
    "spam.try": ["1.5"],
    "spam.reports": [],
    "user.list": [],
    "user.show": [ALICE],
    "user.logins": [ALICE],
    "alias.list": [],
    "domain.list": [],
    "dkim.list": [],
    "dkim.text": ["example.org"],
    "mailbox.list": [ALICE],
    "tls.check": [REMOTE],
    "tls.results": [],
    "tls.policy": [],
    "tls.reports": [],
    "vacation.show": [ALICE],
    "vacation.preview": [ALICE],
    "audit-log.list": [],
    "audit-log.verify": [],
    "settings.list": [],
    "operator.list": [],
    "session.list": [],
    "me.show": [],
    "rule.list": [],
    "access.list": [],
    "access.check": ["--ip", "192.0.2.1", "--sender", "ann@client.test"],
    "access.export": ["csv"],
    "dnslist.list": [],
    "dnslist.check": ["192.0.2.7"],
    "rate.list": [],
    "deletions": [],
    "dns.check": [],
    "dns.zone": [],
    "authentication.figures": [],
    "authentication.domains": [],
    "dmarc.reports": [],
    "dmarc.report": ["1"],
    "dmarc.sources": [],
    "dmarc.sent": [],
    "virus.list": [],
    "virus.show": ["1"],
    "virus.figures": [],
    "virus.engines": [],
    "scan": ["{file}"],
    "quarantine.list": [],
    "quarantine.show": ["{quarantine}"],
    "probe.list": [],
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
    made.settings.write_text(toml.merged(made.settings.read_text(), _NO_DNS))
    settings = load(made.settings)
    store = Store.open(settings.site.data)
    number = ids.new()
    try:
        store.write(lambda transaction: _fill(transaction, number, text))
        entry = f"{ids.text(number)}-1"
        caller = Caller("olga", SYSADMIN, "test")

        def act(name: str, **arguments: object) -> None:
            find(name)(store, settings, caller, arguments)

        act("dkim.make", domain="example.org")
        act("rule.add", sender="ann@client.test", peer="192.0.2.1", reason="a test")
        act("access.add", verdict="deny", what="192.0.2.0/24", why="a test")
        act("access.add", verdict="allow", what="ann@client.test", why="a test")
        act("queue.hold", ids=[entry], why="a test")
        act("alias.add", address="old@example.org", target=[ALICE])
        act("alias.delete", address="old@example.org")
    finally:
        store.close()
    (folder / "letter.eml").write_text(text or "hello", errors="replace")
    names = {"entry": entry, "message": ids.text(number), "file": str(folder / "letter.eml"), "quarantine": "1"}
    return Site(made.settings, settings.site.data, names)


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
    quarantine.put(
        transaction,
        replace(message, id=ids.new()),
        [Wanted(ALICE)],
        reason="infected",
        words="yara: infected: x",
        engines={"yara": "infected: x"},
        subject="hello",
        until=transaction.now + 86_400,
    )
    _alerts(transaction)
    probes.add(transaction, [Probe(transaction.now, "in", "eicar", "missed", "It got through: 250 queued.")])
    webhooks.put(transaction, ids.new(), "{}")
    transaction.execute("UPDATE webhooks SET made = made - 3600, words = 'it answered 500'")
    transaction.execute("UPDATE queue SET error = '451 4.4.1 no answer', attempts = 2")
    helo = {"helo": "evil.test", "reply": "550 5.7.1 refused", "reason": "relay"}
    trace.add(transaction, "rcpt", "rejected", session="S2", peer="192.0.2.9", sender="x@evil.test", detail=helo)
    trace.add(
        transaction, "remote", "deferred", message=number, recipient="bob@remote.test", detail={"reply": "451 no"}
    )
    dnslists.tested(transaction, "zen.spamhaus.org", "it lists everybody", "127.0.0.2", "127.0.0.2")
    dnslists.set_own_listings(
        transaction, {("bl.spamcop.net", "192.0.2.25"): "listed"}, [("bl.spamcop.net", "192.0.2.25")]
    )
    sending.slow_down(transaction, alice.id, ALICE, 900, 3.0, transaction.now + 3_600)
    _fill_tls(transaction)
    _fill_spam(transaction, number)
    _reports(transaction)
    audit.add(transaction, actor="olga", role="helpdesk", origin="ssh x", action="user.reset", arguments={"a": "b"})


def _fill_spam(transaction: Transaction, number: int) -> None:
    """A message that was marked, one that was not, a report, and a threshold of somebody's."""
    for identity, points in ((number, 7.0), (ids.new(), 2.0)):
        detail = {"points": points, "marked": points > 5, "reasons": {"WORDS": points, "a symbol": 1.0}}
        spam_scores.note(transaction, identity, "ann@client.test", detail)
    marked = spam_scores.get(transaction, number)
    assert marked is not None
    spam_reports.put(transaction, "d1", "ham", "olga", marked)
    overrides.put(transaction, overrides.SPAM_THRESHOLD, "4.5", "olga")


def _alerts(transaction: Transaction) -> None:
    said = "yara: infected: x"
    parts = [("address", "192.0.2.1"), ("account", ALICE), ("verdict", said), ("story", "S2")]
    for kind in ("incoming", "outgoing", "engine"):
        alerts.note(transaction, kind, "x", said, hours=24, peer="192.0.2.1", account=ALICE, disagree=True, parts=parts)
    transaction.count("virus.in looked at")


def _fill_tls(transaction: Transaction) -> None:
    now = transaction.now
    day, host = int(now) // 86_400, "mx.remote.test"
    failed = Counted(day, REMOTE, "tlsa", "{}", "certificate-expired", host, "192.0.2.1", "", "a reason", 3)
    tls_results.add(transaction, [failed])
    transaction.execute("UPDATE tls_domains SET failing_since = 5")
    sts_policies.put(transaction, Kept(REMOTE, "1", "enforce", (host,), 86_400, now, now + 86_400, now))
    details = ({"result-type": "certificate-expired", "failed-session-count": 2, "receiving-mx-hostname": host},)
    tls_received.add(transaction, [Received(now, "Them", "a@b.test", "R1", 0, 1, "example.org", "sts", 4, 2, details)])


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
