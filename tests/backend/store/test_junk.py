"""Where mail that is marked as spam goes, decided in the transaction that delivers it."""

from __future__ import annotations

import pytest

from backend import ids
from backend.address import parse
from backend.store import accounts, deletions, mailboxes, messages, trace, vacations
from backend.store.bodies import Body
from backend.store.database import Store, Transaction
from backend.store.mailboxes import INBOX, JUNK
from backend.store.messages import Local, Message
from backend.store.vacations import Vacation

NAMES = ("alice", "bob")


@pytest.fixture
def inboxes(store: Store) -> dict[str, int]:
    """Of alice and bob."""

    def add(transaction: Transaction) -> dict[str, int]:
        found = {}
        for name in NAMES:
            account = accounts.add_account(transaction, parse(f"{name}@example.org"), None)
            found[name] = mailboxes.mailboxes_of(transaction, account.id)[0].id
        return found

    return store.write(add)


def wants(store: Store, name: str, junk: bool | None) -> None:
    store.write(lambda transaction: accounts.set_junk(transaction, f"{name}@example.org", junk))


def arrive(store: Store, inboxes: dict[str, int], junk: bool | None, sender: str = "x@y.test") -> int:
    """A message for both; its id."""
    number = ids.new()
    body = b"Subject: x\r\n\r\nhello\r\n"
    message = Message(number, sender, Body(size=len(body), data=body), junk=junk)
    local = [Local(inboxes[name], f"{name}@example.org", f"{name}@example.org") for name in NAMES]
    store.write(lambda transaction: messages.accept(transaction, message, local))
    return number


def held(store: Store, name: str) -> dict[str, int]:
    """How many messages are in each mailbox."""

    def read(reader: Transaction) -> dict[str, int]:
        account = accounts.account(reader, f"{name}@example.org")
        assert account is not None
        return {box.name: box.messages for box in mailboxes.mailboxes_of(reader, account.id)}

    return store.read(read)  # type: ignore[arg-type]


def test_each_recipient_gets_it_where_they_want_it(store: Store, inboxes: dict[str, int]) -> None:
    wants(store, "alice", True)
    number = arrive(store, inboxes, junk=False)
    assert held(store, "alice") == {INBOX: 0, JUNK: 1}
    assert held(store, "bob") == {INBOX: 1}
    events = store.read(lambda reader: trace.of_message(reader, number))
    assert {e.recipient: e.detail for e in events if e.verdict == "delivered"} == {
        "alice@example.org": {"mailbox": JUNK},
        "bob@example.org": {},
    }


def test_who_has_not_said_gets_it_as_the_site_says(store: Store, inboxes: dict[str, int]) -> None:
    wants(store, "bob", False)
    arrive(store, inboxes, junk=True)
    arrive(store, inboxes, junk=True)
    assert held(store, "alice") == {INBOX: 0, JUNK: 2}
    assert held(store, "bob") == {INBOX: 2}
    wants(store, "bob", None)
    arrive(store, inboxes, junk=True)
    assert held(store, "bob") == {INBOX: 2, JUNK: 1}


def test_what_is_not_marked_goes_to_the_inbox_of_everybody(store: Store, inboxes: dict[str, int]) -> None:
    wants(store, "alice", True)
    arrive(store, inboxes, junk=None)
    assert held(store, "alice") == {INBOX: 1}


def test_what_is_not_marked_costs_no_further_statement(store: Store, inboxes: dict[str, int]) -> None:
    seen: list[str] = []

    def watched(junk: bool | None) -> int:
        seen.clear()

        def accept(transaction: Transaction) -> None:
            connection = transaction._connection
            connection.set_trace_callback(seen.append)
            try:
                body = b"Subject: x\r\n\r\n"
                message = Message(ids.new(), "", Body(size=len(body), data=body), junk=junk)
                messages.accept(transaction, message, [Local(inboxes["bob"], "bob@example.org", "bob@example.org")])
            finally:
                connection.set_trace_callback(None)

        store.write(accept)
        return len(seen)

    assert watched(False) == watched(None) + 1


def test_uids_and_references_are_those_of_the_mailbox_that_has_it(store: Store, inboxes: dict[str, int]) -> None:
    wants(store, "alice", True)
    number = arrive(store, inboxes, junk=False)
    junk = store.read(lambda reader: reader.value("SELECT id FROM mailboxes WHERE name = ? AND account > 0", (JUNK,)))
    (mail,) = store.read(lambda reader: mailboxes.mail_of(reader, junk))
    assert (mail.uid, mail.message) == (1, number)
    assert store.read(lambda reader: reader.value("SELECT refs FROM messages WHERE id = ?", (number,))) == 2


def test_spam_in_junk_gets_no_vacation_answer(store: Store, inboxes: dict[str, int]) -> None:
    def away(transaction: Transaction) -> None:
        for name in NAMES:
            account = accounts.account(transaction, f"{name}@example.org")
            assert account is not None
            vacations.put(transaction, Vacation(account.id, True, None, None, "Away", "Away.", 7, transaction.now))

    store.write(away)
    wants(store, "alice", True)
    arrive(store, inboxes, junk=False)
    due = store.read(lambda reader: vacations.due(reader))
    bob = store.read(lambda reader: accounts.account(reader, "bob@example.org"))
    assert bob is not None
    assert [one.account for one in due] == [bob.id]


def test_an_account_that_is_deleted_put_back_and_purged(store: Store, inboxes: dict[str, int]) -> None:
    wants(store, "alice", True)
    arrive(store, inboxes, junk=False)

    def delete(transaction: Transaction, until: float) -> int:
        content = accounts.delete_account(transaction, "alice@example.org", "example.org")
        return deletions.keep(
            transaction, until=until, actor="olga", action="user.delete", summary="alice", content=content
        )

    batch = store.write(lambda transaction: delete(transaction, transaction.now + 60))
    arrive(store, inboxes, junk=True)  # its mailbox is still there; nothing breaks
    store.write(lambda transaction: deletions.put_back(transaction, batch))
    alice = store.read(lambda reader: accounts.account(reader, "alice@example.org"))
    assert alice is not None
    assert alice.junk is True
    assert held(store, "alice")[JUNK] == 1
    store.write(lambda transaction: delete(transaction, transaction.now - 1))
    while store.write(deletions.purge):
        pass
    left = store.read(lambda reader: reader.value("SELECT count(*) FROM mailboxes WHERE account = ?", (alice.id,)))
    assert left == 0
    assert store.read(lambda reader: reader.value("SELECT count(*) FROM messages WHERE refs < 1")) == 0
