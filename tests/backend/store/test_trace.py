"""Stories: what is recognised, what is found, and what is read of them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from backend import ids
from backend.store import messages, queue, stories, trace
from backend.store.bodies import Body
from backend.store.database import Store, Transaction
from backend.store.messages import Local, Message, Remote
from backend.store.stories import Found, Story


def accept(store: Store, *remote: str, local: tuple[Local, ...] = (), **fields: Any) -> int:
    """The id of a message that was taken."""
    given: dict[str, Any] = {"sender": "ann@client.test", "peer": "192.0.2.1", "message_id": "<one@client.test>"}
    message = Message(ids.new(), body=Body(4, data=b"body"), **(given | fields))
    to = [Remote(one, one.rpartition("@")[2]) for one in remote]
    store.write(lambda transaction: messages.accept(transaction, message, local, to))
    return message.id


def refuse(store: Store, **fields: Any) -> int:
    """The number of a session in which a recipient was refused."""
    session = ids.new()
    given: dict[str, Any] = {
        "session": ids.text(session), "peer": "192.0.2.1", "sender": "eve@client.test", "recipient": "no@example.org"
    }  # fmt: skip
    store.write(lambda transaction: trace.add(transaction, "rcpt", "rejected", **(given | fields)))
    return session


def find(store: Store, text: str, **span: Any) -> Found:
    """What a search answers."""
    return store.read(lambda reader: stories.find(reader, stories.subject(text), **span))


def story(store: Store, number: int) -> Story:
    """A story that is there."""
    found = store.read(lambda reader: stories.story(reader, number))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "kind", "as_text"),
    [
        ("", "everything", ""),
        ("  ", "everything", ""),
        ("*", "everything", ""),
        ("alice@example.org", "address", "alice@example.org"),
        ('"a b"@example.org', "address", '"a b"@example.org'),
        (" ali ", "fragment", "ali"),
        ("*ali*", "fragment", "ali"),
        ("@x.org", "fragment", "@x.org"),
        ("alice@", "fragment", "alice@"),
        ("192.0.2.1", "host", "192.0.2.1"),
        ("[192.0.2.1]", "host", "192.0.2.1"),
        ("[IPv6:2001:DB8:0::1]", "host", "2001:db8::1"),
        ("::ffff:192.0.2.1", "host", "192.0.2.1"),
        ("192.0.2.9/24", "network", "192.0.2.0/24"),
        ("2001:db8::/32", "network", "2001:db8::/32"),
        ("192.0.2.1/33", "fragment", "192.0.2.1/33"),
        ("<one@client.test>", "Message-ID", "<one@client.test>"),
        ("<no brackets", "fragment", "<no brackets"),
        ("0CNF3QTBT041Z", "id", "0CNF3QTBT041Z"),
        ("0cnf3qtbt041z-12", "id", "0CNF3QTBT041Z"),
        ("administrator", "fragment", "administrator"),
        ("0CNF3QTBT041Z-x", "fragment", "0CNF3QTBT041Z-x"),
    ],
)
def test_a_subject_says_what_it_is(text: str, kind: str, as_text: str) -> None:
    found = stories.subject(text)
    assert (found.kind, found.text) == (kind, as_text)


def test_a_message_is_found_by_everything_about_it(store: Store) -> None:
    other = accept(store, "x@other.test", sender="y@other.test", peer="198.51.100.7", message_id="<two@other.test>")
    one = accept(store, "Bob_B@Remote.test")
    for text in (
        "ann@client.test", "ANN@client.test", "ann", "@client.test", "Bob_B@Remote.test", "bob_b@remote.TEST",
        "b_b@rem", "<one@client.test>", "one@client.test", "192.0.2.1", "192.0.2.0/24", "192.0.0.0/14",
        ids.text(one), f"{ids.text(one)}-1", "<ann@client.test>", "nn@client.tes",
    ):  # fmt: skip
        assert find(store, text).numbers == (one,), text
    assert find(store, "").numbers == (one, other)
    assert find(store, "0.0.0.0/0").numbers == (one, other)
    for text in (
        "nobody",
        "nobody@remote.test",
        "<none@client.test>",
        "192.0.2.2",
        "10.0.0.0/8",
        "::/0",
        "b%b",
        "bobXb",
    ):
        assert find(store, text).numbers == (), text


def test_a_whole_address_is_not_found_inside_others(store: Store) -> None:
    accept(store, "malice@x.test")
    one = accept(store, "alice@x.test")
    assert find(store, "alice@x.test").numbers == (one,)
    assert find(store, "lice@x.test").subject.kind == "fragment"
    assert len(find(store, "lice@x.test").numbers) == 2


def test_networks_of_ipv6_whatever_way_addresses_are_written(store: Store) -> None:
    inside = {refuse(store, peer=peer) for peer in ("2001:db8::1", "2001:db8:0:1::", "2001:db8:ffff::9")}
    outside = {refuse(store, peer=peer) for peer in ("2001:db9::1", "2001:d::1", "::1", "192.0.2.1")}
    assert set(find(store, "2001:db8::/32").numbers) == inside
    assert set(find(store, "2001:db8::/33").numbers) < inside
    assert set(find(store, "2001:db8:0:1::/64").numbers) < inside
    assert set(find(store, "::/0").numbers) == inside | (outside - set(find(store, "192.0.2.1").numbers))


def test_refused_recipients_of_a_session_are_one_story(store: Store) -> None:
    session = refuse(store)
    refuse(store, session=ids.text(session), recipient="neither@example.org")
    assert find(store, "192.0.2.1").numbers == (session,)
    assert find(store, "neither@").numbers == (session,)
    assert [event.recipient for event in story(store, session).events] == ["no@example.org", "neither@example.org"]


def test_a_log_in_alone_is_no_story_but_part_of_the_message(store: Store) -> None:
    session = ids.text(ids.new())

    def log_in(transaction: Transaction) -> None:
        trace.add(transaction, "auth", "accepted", session=session, peer="192.0.2.1", detail={"account": "a@x.test"})

    store.write(log_in)
    assert find(store, "192.0.2.1").numbers == ()
    first = accept(store, "b@x.test", session=session)
    refuse(store, session=session)
    second = accept(store, "c@x.test", session=session)
    assert [event.stage for event in story(store, first).events] == ["auth", "accept"]
    assert [event.stage for event in story(store, second).events] == ["auth", "rcpt", "accept"]


def test_an_alias_is_found(store: Store) -> None:
    one = accept(store, local=(Local(1, "postmaster@example.org", "info@example.org"),))
    assert find(store, "info@example.org").numbers == (one,)
    assert find(store, "postmaster@example.org").numbers == (one,)
    assert [(event.stage, event.detail) for event in story(store, one).events][1:] == [
        ("alias", {"to": ["postmaster@example.org"]}), ("local", {}),
    ]  # fmt: skip


def test_an_alias_that_leads_elsewhere_is_found(store: Store) -> None:
    one = Message(ids.new(), "ann@client.test", Body(4, data=b"body"))
    remote = [
        Remote("bob@remote.test", "remote.test", orcpt="rfc822;sales@example.org"),
        Remote("eve@remote.test", "remote.test", orcpt="rfc822;eve@remote.test"),
        Remote("joe@remote.test", "remote.test", orcpt="x400;unknown"),
    ]
    store.write(lambda transaction: messages.accept(transaction, one, remote=remote))
    assert find(store, "sales@example.org").numbers == (one.id,)
    assert [event.recipient for event in story(store, one.id).events] == [None, "sales@example.org"]


def test_times_are_found_by_bisection(store: Store) -> None:
    numbers = [refuse(store) for _ in range(20)]
    store.write(lambda transaction: transaction.execute("UPDATE events SET time = (id - 1) * 3600.0"))
    assert find(store, "", since=5 * 3600.0, until=7 * 3600.0).numbers == tuple(numbers[5:7][::-1])
    assert find(store, "no@example.org", since=17.5 * 3600).numbers == tuple(numbers[18:][::-1])
    assert find(store, "192.0.2.0/24", until=1.0).numbers == (numbers[0],)
    assert find(store, "", since=time.time()).numbers == ()
    store.write(lambda transaction: trace.forget(transaction, 5 * 3600.0))
    assert find(store, "", until=6 * 3600.0).numbers == (numbers[5],)
    store.write(lambda transaction: trace.forget(transaction, 1e12))
    assert find(store, "", since=1.0, until=2.0).numbers == ()


def test_a_search_has_an_end_and_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [refuse(store) for _ in range(5)]
    monkeypatch.setattr(stories, "MOST", 3)
    found = find(store, "no@example.org")
    assert (found.numbers, found.more) == (tuple(numbers[:1:-1]), True)
    first = store.read(lambda reader: stories.find(reader, stories.subject("no@example.org"), oldest=True))
    assert (first.numbers, first.more) == (tuple(numbers[:3]), True)


def test_of_a_very_long_story_the_middle_is_left_out(store: Store) -> None:
    one = accept(store, *(f"user{number}@remote.test" for number in range(3)))
    rows = [entry.row for entry in store.read(lambda reader: queue.entries(reader, [ids.text(one)]))]
    for _ in range(400):
        store.write(lambda transaction: queue.hold(transaction, rows))
        store.write(lambda transaction: queue.release(transaction, rows))
    whole = story(store, one)
    assert (len(whole.events), whole.left_out) == (1_000, 1_401)
    assert whole.events[0].stage == "accept"
    assert whole.events[-1].verdict == "released"
    [short] = store.read(lambda reader: stories.stories(reader, [one]))
    assert (len(short.events), len(short.entries)) == (120, 3)


def test_nothing_is_known_of_a_number_that_never_was(store: Store) -> None:
    assert store.read(lambda reader: stories.story(reader, 5)) is None
    assert store.read(lambda reader: stories.stories(reader, [5])) == []
