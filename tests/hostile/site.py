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
    logins,
    messages,
    operators,
    quarantine,
    trace,
    vacations,
)
from backend.store.bodies import Body
from backend.store.database import Store, Transaction
from backend.store.messages import Message, Remote
from backend.store.quarantine import Wanted
from backend.store.vacations import Vacation

ALICE = "alice@example.org"
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
    "access.list": [],
    "access.check": ["--ip", "192.0.2.1", "--sender", "ann@client.test"],
    "access.export": ["csv"],
    "deletions": [],
    "virus.list": [],
    "virus.engines": [],
    "scan": ["{file}"],
    "quarantine.list": [],
    "quarantine.show": ["{quarantine}"],
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
    alerts.note(transaction, "incoming", "x", "yara: infected: x", hours=24, peer="192.0.2.1", account=ALICE)
    transaction.execute("UPDATE queue SET error = '451 4.4.1 no answer', attempts = 2")
    helo = {"helo": "evil.test", "reply": "550 5.7.1 refused", "reason": "relay"}
    trace.add(transaction, "rcpt", "rejected", session="S2", peer="192.0.2.9", sender="x@evil.test", detail=helo)
    trace.add(
        transaction, "remote", "deferred", message=number, recipient="bob@remote.test", detail={"reply": "451 no"}
    )
    audit.add(transaction, actor="olga", role="helpdesk", origin="ssh x", action="user.reset", arguments={"a": "b"})
