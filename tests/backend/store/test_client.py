"""What is kept of clients: DNS lists, our own listings, the greylist, how much an account sends."""

from __future__ import annotations

from backend.address import parse
from backend.store import accounts, dnslists, greylist, sending
from backend.store.database import Reader, Store, Transaction
from backend.store.dnslists import Count
from backend.store.greylist import Rules, Triplet

RULES = Rules(delay=300, retry=86_400, keep=10 * 86_400, passes=2)
ANN = Triplet("192.0.2.0/24", "ann@client.test", "alice@example.org")


def stages(reader: Reader) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in reader.rows("SELECT stage, verdict FROM events ORDER BY id")]


def test_a_list_goes_off_and_on_with_an_event_each(store: Store) -> None:
    def test(trouble: str) -> bool:
        return store.write(lambda t: dnslists.tested(t, "black.test", trouble, "127.0.0.2", "not listed"))

    assert [test(""), test("it lists everybody"), test("it lists everybody")] == [False, True, False]
    assert store.read(dnslists.off) == {"black.test"}
    since = store.read(dnslists.everything)["black.test"].since
    assert test("it lists nobody") is False
    assert store.read(dnslists.everything)["black.test"].since == since
    assert test("") is True
    assert store.read(dnslists.off) == frozenset()
    assert store.read(stages) == [("dnslist", "off"), ("dnslist", "on")]


def test_counts_of_workers_add_up(store: Store) -> None:
    for _ in range(2):
        store.write(lambda t: dnslists.count(t, [("black.test", Count(10, 2)), ("white.test", Count(5, 0, 1, "odd"))]))
    store.write(lambda t: dnslists.tested(t, "black.test", "", "127.0.0.2", "not listed"))
    known = store.read(dnslists.everything)
    assert (known["black.test"].asked, known["black.test"].hits, known["black.test"].error) == (20, 4, None)
    assert known["black.test"].last_hit is not None
    assert known["white.test"].last_hit is None
    assert (known["white.test"].errors, known["white.test"].error, known["white.test"].state) == (2, "odd", "well")


def test_own_listings_come_and_go(store: Store) -> None:
    pairs = [("black.test", "192.0.2.25"), ("black.test", "192.0.2.26")]
    store.write(lambda t: dnslists.set_own_listings(t, {pairs[0]: "spam"}, pairs))
    store.write(lambda t: dnslists.set_own_listings(t, {pairs[0]: "more spam"}, pairs))
    assert [(one.address, one.words) for one in store.read(dnslists.own_listings)] == [("192.0.2.25", "more spam")]
    store.write(lambda t: dnslists.set_own_listings(t, {}, []))  # no list answered
    assert len(store.read(dnslists.own_listings)) == 1
    store.write(lambda t: dnslists.set_own_listings(t, {}, pairs))
    assert store.read(dnslists.own_listings) == []
    assert store.read(stages) == [("dnslist", "listed"), ("dnslist", "cleared")]
    store.write(lambda t: dnslists.set_own_listings(t, {pairs[0]: "spam"}, pairs))
    store.write(lambda t: dnslists.forget_own_listings(t, ["other.test"], ["192.0.2.25"]))
    assert store.read(dnslists.own_listings) == []


def come(store: Store, who: Triplet, now: float) -> float:
    wait = store.read(lambda reader: greylist.wait(reader, who, RULES, now))
    store.write(lambda t: greylist.seen(t, who, RULES, now, passes=wait == 0))
    return wait


def test_a_triplet_waits_comes_back_and_is_known(store: Store) -> None:
    assert come(store, ANN, 1_000) == 300
    assert come(store, ANN, 1_299) == 1
    assert come(store, ANN, 1_300) == 0
    assert come(store, ANN, 1_300 + RULES.keep) == 0  # it has written meanwhile
    assert come(store, ANN, 1_301 + 2 * RULES.keep) == 300


def test_who_comes_back_too_late_begins_anew(store: Store) -> None:
    assert come(store, ANN, 1_000) == 300
    assert come(store, ANN, 1_001 + RULES.retry) == 300
    assert come(store, ANN, 1_301 + RULES.retry) == 0


def test_a_network_passes_after_some(store: Store) -> None:
    for number in range(2):
        who = ANN._replace(sender=f"s{number}@client.test")
        assert come(store, who, 1_000) == 300
        assert come(store, who, 1_300) == 0
    assert come(store, ANN, 1_400) == 0
    assert come(store, ANN._replace(network="198.51.100.0/24"), 1_400) == 300


def test_the_greylist_is_cleaned(store: Store) -> None:
    come(store, ANN, 1_000)
    for now in (1_000, 1_300):
        come(store, ANN._replace(sender="known@client.test"), now)
    assert store.write(lambda t: greylist.forget(t, 1_000, 0, 100)) == 0
    assert store.write(lambda t: greylist.forget(t, 1_001, 0, 100)) == 1  # who did not come back
    assert store.write(lambda t: greylist.forget(t, 2_000, 2_000, 100)) == 1


def alice(store: Store) -> int:
    def add(transaction: Transaction) -> int:
        accounts.found_site(transaction, "example.org")
        return accounts.add_account(transaction, parse("alice@example.org"), "x").id

    return store.write(add)


def test_a_usual_day_is_the_average_of_days_with_mail(store: Store) -> None:
    account = alice(store)
    assert store.read(lambda reader: sending.usual(reader, account, 30 * sending.DAY)) == 0

    def fill(transaction: Transaction) -> None:
        for day, number in ((1, 900), (10, 10), (20, 30), (30, 500)):
            transaction.now = day * sending.DAY + 5.0
            sending.count(transaction, [(account, number - 1), (account, 1)])

    store.write(fill)
    assert store.read(lambda reader: sending.usual(reader, account, 30 * sending.DAY + 9)) == 20  # not today, not day 1


def test_slowed_down_once_and_forgiven(store: Store) -> None:
    account = alice(store)
    now = store.write(lambda t: t.now)

    def slow(until: float) -> tuple[sending.State, bool]:
        return store.write(lambda t: sending.slow_down(t, account, "alice@example.org", 900, 3.0, until))

    assert [slow(now + 3_600), slow(now + 3_600)] == [("slow", True), ("slow", False)]
    found = store.write(lambda t: sending.forgive(t, account, now + 7_200))
    assert found is not None
    assert (found.address, found.recipients) == ("alice@example.org", 900)
    assert store.write(lambda t: sending.forgive(t, account, now + 7_200)) is None
    assert slow(now + 3_600) == ("forgiven", False)  # a person has let it
    assert [one.state for one in store.read(lambda reader: sending.throttles(reader, now))] == ["forgiven"]
    assert store.read(lambda reader: sending.throttles(reader, now + 7_201)) == []
    assert store.read(stages) == [("rate", "throttled"), ("rate", "forgiven")]
    store.write(sending.forget)
