"""Access rules: what they are about, and that looking up by key finds what a look at every rule would."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.errors import BadInput
from backend.store import access, access_patterns, deletions
from backend.store.access import Rule
from backend.store.access_patterns import KINDS, Pattern, Subject, parse
from backend.store.database import Store, Transaction


@pytest.mark.parametrize(
    ("kind", "written", "is_kind", "what"),
    [
        (None, "192.0.2.7", "address", "192.0.2.7"),
        (None, "192.0.2.7/24", "network", "192.0.2.0/24"),
        (None, "192.0.2.7/32", "address", "192.0.2.7"),
        (None, "[2001:DB8::0007]", "address", "2001:db8::7"),
        (None, "2001:db8::/48", "network", "2001:db8::/48"),
        (None, "::ffff:192.0.2.7", "address", "192.0.2.7"),
        (None, "::ffff:192.0.2.0/120", "network", "192.0.2.0/24"),
        (None, "Spam.TEST.", "domain", "spam.test"),
        (None, ".spam.test", "domain", ".spam.test"),
        (None, "*.spam.test", "domain", "*.spam.test"),
        (None, "bücher.test", "domain", "xn--bcher-kva.test"),
        (None, ".bücher.test", "domain", ".xn--bcher-kva.test"),
        (None, "Ann@Spam.test", "sender", "ann@spam.test"),
        (None, "ÄNN@bücher.test", "sender", "änn@xn--bcher-kva.test"),
        (None, "News-*@spam.test", "sender", "news-*@spam.test"),
        (None, "*@.spam.test", "sender", "*@.spam.test"),
        (None, "ann@*", "sender", "ann@*"),
        (None, "<>", "sender", "<>"),
        ("host", "mail.spam.test", "host", "mail.spam.test"),
        ("host", "dyn-*.spam.test", "host", "dyn-*.spam.test"),
        ("helo", "[192.0.2.7]", "helo", "[192.0.2.7]"),
        ("helo", "192.0.2.7", "helo", "192.0.2.7"),
        ("helo", "localhost", "helo", "localhost"),
        ("recipient", "Bob@example.org", "recipient", "bob@example.org"),
    ],
)
def test_the_right_form(kind: str | None, written: str, is_kind: str, what: str) -> None:
    found = parse(written, kind)
    assert (found.kind, found.what) == (is_kind, what)
    assert parse(found.what, found.kind) == found
    assert found.wide == ""


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        (None, ""), (None, "  "), (None, "a b"), (None, "x" * 321), (None, "192.0.2.0/33"), (None, "192.0.2.300"),
        (None, "192.0.2"), (None, "2001:db8::/129"), (None, "fe80::1%eth0"), (None, "@spam.test"),
        (None, "a\x1b@x.test"), (None, "-x.test"), (None, "x..test"), (None, "a@b@c.test"), ("nothing", "x.test"),
        (None, "." + "a." * 11 + "test"), ("host", "a@b.test"), ("host", "192.0.2.7"), ("recipient", "<>"),
        ("sender", "nonsense"), ("sender", ".x.test"), ("helo", "[/bold]"), ("host", "*[/nope]*"),
        ("sender", "*@[nope]"), ("network", "here"),
    ],
)  # fmt: skip
def test_what_is_no_pattern(kind: str | None, written: str) -> None:
    with pytest.raises(BadInput):
        parse(written, kind)


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        (None, "0.0.0.0/0"), (None, "10.0.0.0/8"), (None, "10.0.0.0/15"), (None, "::/0"), (None, "2001::/31"),
        (None, "com"), (None, ".com"), (None, "*.com"), ("host", ".com"), ("helo", "*"), ("host", "*-*"), (None, "*@*"),
        (None, "*@com"), (None, "*@*.com"), ("sender", "*"), ("recipient", "*"), ("domain", "*"), ("sender", "a@*"),
    ],
)  # fmt: skip
def test_what_takes_in_too_much(kind: str | None, written: str) -> None:
    assert parse(written, kind).wide


def test_what_is_wide_begins_where_it_says() -> None:
    assert not parse("10.0.0.0/16").wide
    assert not parse("2001:db8::/32").wide


@given(st.text(max_size=60), st.sampled_from([None, *KINDS]))
def test_any_text_is_a_pattern_or_bad_input(text: str, kind: str | None) -> None:
    try:
        found = parse(text, kind)
    except BadInput:
        return
    assert parse(found.what, found.kind).what == found.what
    assert found.what.isprintable()


# -- looking up


_names = st.lists(st.sampled_from(["a", "b", "ab"]), min_size=2, max_size=4).map(".".join)
_deep = st.lists(st.sampled_from(["a", "b"]), min_size=9, max_size=14).map(".".join)
_any_name = _names | _deep
_locals = st.sampled_from(["a", "b", "ab", "aab"])
_addresses = st.tuples(_locals, _any_name).map("@".join)
_name_patterns = st.one_of(
    _any_name, _names.map("*.{}".format), _names.map(".{}".format), st.sampled_from(["*a*", "a*b", "*.a*", "b.*", "*"])
)
_address_patterns = st.tuples(st.sampled_from(["a", "b", "*", "a*", "*b"]), _name_patterns).map("@".join)
_peers = st.tuples(st.integers(0, 3), st.integers(0, 3)).map(
    lambda pair: ipaddress.ip_address(f"10.0.{pair[0]}.{pair[1]}")
) | st.integers(0, 3).map(lambda low: ipaddress.ip_address(f"2001:db8::{low}"))
_networks = st.tuples(_peers, st.integers(0, 32)).map(lambda pair: f"{pair[0]}/{pair[1]}") | st.tuples(
    st.integers(0, 3), st.integers(96, 128)
).map(lambda pair: f"2001:db8::{pair[0]}/{pair[1]}")
_patterns = st.one_of(
    _networks.map(lambda text: ("network", text)),
    st.tuples(st.sampled_from(["host", "domain", "helo"]), _name_patterns),
    st.tuples(st.sampled_from(["sender", "recipient"]), _address_patterns),
    st.just(("sender", "<>")),
)
_subjects = st.builds(
    Subject,
    st.none() | _peers,
    st.lists(_any_name, max_size=2).map(tuple),
    st.none() | _any_name,
    st.none() | st.just("<>") | _addresses,
    st.none() | _addresses,
)


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder: Path = tmp_path_factory.mktemp("access") / "data"
    Store.create(folder)
    store = Store.open(folder)
    yield store
    store.close()


def put(transaction: Transaction, rules: list[tuple[str, Pattern]]) -> None:
    transaction.execute("DELETE FROM access_rules")
    for verdict, pattern in rules:
        access.add(transaction, verdict, pattern, owner="o", reason="r", until=None)


def naive(rule: Rule, subject: Subject) -> bool:
    """Whether it fits, by other means than the store's."""
    match rule.kind:
        case "address" | "network":
            return subject.peer is not None and subject.peer in ipaddress.ip_network(rule.what)
        case "host":
            return any(_name(rule.what, host) for host in subject.hosts)
        case "helo":
            return subject.helo is not None and _name(rule.what, subject.helo)
        case "domain":
            return bool(subject.sender and "@" in subject.sender) and _name(
                rule.what, str(subject.sender).split("@")[1]
            )
    value = subject.sender if rule.kind == "sender" else subject.recipient
    if value is None or "<>" in (value, rule.what):
        return value == rule.what
    local, name = value.split("@")
    wanted_local, wanted_name = rule.what.split("@")
    return _glob(wanted_local, local) and _name(wanted_name, name)


def _name(pattern: str, name: str) -> bool:
    if pattern.startswith(".") and "*" not in pattern:
        return name == pattern[1:] or name.endswith(pattern)
    return _glob(pattern, name)


def _glob(pattern: str, text: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), text) is not None


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["allow", "deny"]), _patterns), max_size=30),
    st.lists(_subjects, min_size=1, max_size=5),
)
def test_by_key_is_what_a_look_at_every_rule_finds(
    lists: Store, rules: list[tuple[str, tuple[str, str]]], subjects: list[Subject]
) -> None:
    made = [(verdict, parse(text, kind)) for verdict, (kind, text) in rules]
    lists.write(lambda transaction: put(transaction, made))
    everything = lists.read(lambda reader: access.find(reader, access.Filter(), "age", 1_000))
    for subject in subjects:
        found = lists.read(lambda reader, subject=subject: access.fitting(reader, subject))  # type: ignore[misc]
        assert found == [rule for rule in everything if naive(rule, subject)]


def test_a_message_asks_for_a_bounded_number_of_keys(lists: Store) -> None:
    """Also when rules of every shape there is are in use, and every name is as deep as a name can be."""
    deepest = ".".join("a" * 127)
    subject = Subject(ipaddress.ip_address("2001:db8::1"), (deepest,), deepest, f"a@{deepest}", f"a@{deepest}")
    shapes = [f"6/{width}" for width in range(129)] + [f"4/{width}" for width in range(33)]
    shapes += [kind + form for kind in KINDS for form in "=.*@"]
    keys = [key for part in subject.parts() for key in access_patterns.keys(*part, shapes)]
    assert len(keys) == len(set(keys)) <= 129 + 5 * (access_patterns.LABELS + 3)


def test_rules_that_crowd_under_one_key_are_refused(lists: Store) -> None:
    def fill(transaction: Transaction) -> None:
        transaction.execute("DELETE FROM access_rules")
        for number in range(access.CROWD):
            access.add(transaction, "deny", parse(f"n{number}-*@x.test"), owner="o", reason="r", until=None)

    def one_more(what: str) -> int | None:
        pattern = parse(what)
        return lists.write(lambda t: access.add(t, "deny", pattern, owner="o", reason="r", until=None))

    lists.write(fill)
    with pytest.raises(BadInput, match="There are 200 rules like"):
        one_more("more-*@x.test")
    assert one_more("more@x.test")
    assert one_more("more-*@y.test")


# -- changing


def add(store: Store, what: str, verdict: str = "deny", until: float | None = None) -> int | None:
    return store.write(lambda t: access.add(t, verdict, parse(what), owner="o", reason="r", until=until))


def test_the_same_rule_is_there_once_and_begins_again_when_it_is_over(store: Store) -> None:
    first = add(store, "192.0.2.7")
    assert add(store, "192.0.2.7") is None
    assert add(store, "192.0.2.7", "allow") not in (None, first)
    over = add(store, "spam.test", until=1.0)
    assert add(store, "spam.test", until=9e9) == over
    assert add(store, "spam.test") is None


def test_no_number_is_given_twice(store: Store) -> None:
    first = add(store, "192.0.2.7")
    assert first is not None
    kept = store.write(lambda t: access.delete(t, [first]))
    second = add(store, "192.0.2.8")
    assert second not in (None, first)

    def keep(transaction: Transaction) -> int:
        return deletions.keep(
            transaction, until=9e9, actor="o", action="access.delete", summary="", content={"access_rules": kept}
        )

    batch = store.write(keep)
    assert store.write(lambda t: deletions.put_back(t, batch)) == 1
    found = store.read(lambda reader: access.find(reader, access.Filter(), "age"))
    assert [(rule.id, rule.what) for rule in found] == [(first, "192.0.2.7"), (second, "192.0.2.8")]


def test_what_is_there_again_is_not_put_back(store: Store) -> None:
    first = add(store, "192.0.2.7")
    assert first is not None
    kept = store.write(lambda t: access.delete(t, [first]))
    batch = store.write(
        lambda t: deletions.keep(
            t, until=9e9, actor="o", action="access.delete", summary="", content={"access_rules": kept}
        )
    )
    add(store, "192.0.2.7")
    with pytest.raises(BadInput, match=r"There is a rule to deny address 192.0.2.7 again"):
        store.write(lambda t: deletions.put_back(t, batch))


def test_hits_leave_what_others_remember(store: Store) -> None:
    number = add(store, "192.0.2.7")
    assert number is not None
    before = store.generation.number
    store.write(lambda t: access.count_hits(t, {number: 3, 77: 1}, 100.0))
    store.write(lambda t: access.count_hits(t, {number: 2}, 50.0))
    rule = store.read(lambda reader: access.one(reader, number))
    assert rule is not None
    assert (rule.hits, rule.last_hit) == (5, 100.0)
    assert store.generation.number == before
    add(store, "192.0.2.8")
    assert store.generation.number > before
