"""Questions of SPF over the wire: what is kept and for how long, what is too much, what is hostile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.config import Dns, HostPort
from backend.policy import spf_query
from backend.policy.spf_query import Checker, Outcome
from backend.resolver.answer import Answer
from backend.resolver.lookups import Lookups
from backend.resolver.resolver import Resolver
from tests.harness.name_server import SERVFAIL, SILENCE, NameServer, Rule

PEER = "192.0.2.7"


def _text(record: str) -> Rule:
    return [("TXT", [record.encode()])]


def _hosts(number: int) -> Rule:
    """A record that lets the mail hosts send, and so many of them."""
    return [("TXT", [b"v=spf1 mx -all"]), *(("MX", f"{n} m{n}.mx.test.") for n in range(number))]


def _padded(length: int, term: int = 400) -> Rule:
    """A record of so many characters that lets PEER send, in its last term."""
    end = f" ip4:{PEER} -all"
    record = "v=spf1"
    while len(record) < length - len(end):
        record += " x=" + "y" * min(term - 2, length - len(end) - len(record) - 3)
    return _text(record + end)


ZONE: dict[str, Rule] = {
    "good.test": _text(f"v=spf1 ip4:{PEER} -all exp=why.good.test"),
    "why.good.test": _text("%{s} may not come from %{i}"),
    "user.test": _text("v=spf1 exists:%{l}.users.test -all"),
    "ann.users.test": [("A", "127.0.0.2")],
    "upper.test": _text("v=spf1 exists:%{L}.users.test -all"),
    "helo.test": _text("v=spf1 exists:%{h}.users.test -all"),
    "ann.test.users.test": [("A", "127.0.0.2")],
    "where.test": _text("v=spf1 exists:%{i}.%{d2}.users.test -all"),
    f"{PEER}.where.test.users.test": [("A", "127.0.0.2")],
    "broken.test": SERVFAIL,
    "includes.test": _text("v=spf1 include:broken.test -all"),
    "ptr.test": _text("v=spf1 ptr -all"),
    "7.2.0.192.in-addr.arpa": [("PTR", f"n{number}.ptr.test.") for number in range(30)],
    "n1.ptr.test": SERVFAIL,
    **{f"n{number}.ptr.test": [("A", PEER if number == 9 else "192.0.2.99")] for number in (0, *range(2, 30))},
    "mx.test": _hosts(10),
    **{f"m{number}.mx.test": [("A", "192.0.2.99")] for number in range(10)},
    "slow.test": SILENCE,
    "long.test": _padded(8_192),
    "longer.test": _padded(8_193),
    "term.test": _padded(1_000, 512),
    "terms.test": _padded(1_000, 513),
    "square.test": _text("v=spf1 a:x." + "a" * 8_000 + "! -all"),
    "empty.test": [("TXT", [b""]), ("TXT", [b"v=spf1 ", b"-all"])],
    "loop.test": [("CNAME", "loop.test.")],
    "utf8.test": _text("v=spf1 exists:%{l}.users.test ip4:192.0.2.9 -all"),
    "slash.test": _text("v=spf1 exists:%{l}.users.test -all"),
    "a\\.b.users.test": [("A", "127.0.0.2")],
}


@pytest.fixture
def server() -> Iterator[NameServer]:
    with NameServer(ZONE) as running:
        yield running


@pytest.fixture
def asks(server: NameServer) -> Lookups:
    return _asks(server)


def _asks(server: NameServer, number: int = 1_000, seconds: float = 20) -> Lookups:
    dns = Dns((HostPort("127.0.0.1", server.port),), timeout_seconds=seconds / 2, lifetime_seconds=seconds)
    return Lookups(Resolver(dns), number, 20)


async def _check(checker: Checker, asks: Lookups, sender: str, helo: str = "h.test", peer: str = PEER) -> Outcome:
    return await checker.check(asks, peer, sender, helo, 20)


async def test_a_verdict_is_kept_as_long_as_its_answers(server: NameServer) -> None:
    server.ttl = 1
    asks, checker = _asks(server), Checker()
    assert (await _check(checker, asks, "ann@good.test")).value == "pass"
    number = server.asked.total()
    for sender in ("bob@good.test", "carl@GOOD.test"):
        assert (await _check(checker, asks, sender)).value == "pass"
    assert server.asked.total() == number
    server.zone["good.test"] = _text("v=spf1 -all")
    resolver = asks._resolver
    assert isinstance(resolver, Resolver)
    resolver._kept.clear()  # as after its time
    assert (await _check(checker, asks, "ann@good.test")).value == "fail"


async def test_what_one_may_another_may_not(asks: Lookups) -> None:
    checker = Checker()
    for domain in ("user.test", "upper.test"):
        for sender, value in (("ann", "pass"), ("bob", "fail"), ("ann", "pass")):
            assert (await _check(checker, asks, f"{sender}@{domain}")).value == value
    for helo, value in (("ann.test", "pass"), ("bob.test", "fail")):
        assert (await _check(checker, asks, "x@helo.test", helo)).value == value
    for peer, value in ((PEER, "pass"), ("192.0.2.8", "fail")):
        assert (await _check(checker, asks, "x@where.test", peer=peer)).value == value


async def test_the_explanation_is_asked_for_when_it_is_wanted(server: NameServer, asks: Lookups) -> None:
    checker = Checker()
    assert (await _check(checker, asks, "ann@good.test")).explanation == ""
    assert ("why.good.test", "TXT") not in server.asked
    for sender in ("ann@good.test", "bob@good.test"):
        outcome = await _check(checker, asks, sender, peer="192.0.2.8")
        assert outcome.explanation == f"{sender} may not come from 192.0.2.8"


async def test_failures_are_no_answers_and_are_not_kept(server: NameServer) -> None:
    checker = Checker()
    for domain in ("broken.test", "includes.test"):
        assert (await _check(checker, _asks(server), f"ann@{domain}")).value == "temperror"
    server.zone["broken.test"] = _text(f"v=spf1 ip4:{PEER} -all")
    for domain in ("broken.test", "includes.test"):
        assert (await _check(checker, _asks(server), f"ann@{domain}")).value == "pass"


async def test_a_failure_that_does_not_count_is_not_kept_either(server: NameServer) -> None:
    server.zone["7.2.0.192.in-addr.arpa"] = SERVFAIL
    asks, checker = _asks(server), Checker()
    assert (await _check(checker, asks, "ann@ptr.test")).value == "fail"
    assert not checker._kept
    server.zone["7.2.0.192.in-addr.arpa"] = [("PTR", "n9.ptr.test.")]
    assert (await _check(checker, _asks(server), "ann@ptr.test")).value == "pass"


async def test_ten_names_of_the_address_are_looked_at(server: NameServer, asks: Lookups) -> None:
    asked = [name for name, _ in server.asked]
    value = (await _check(Checker(), asks, "ann@ptr.test")).value
    names = {name for name, kind in server.asked if name.endswith(".ptr.test") and kind == "A"}
    assert len(names - set(asked)) == 10
    assert value in ("pass", "fail")  # whether n9 was among the first ten is up to the order of the answer


async def test_many_names_are_no_more_work_than_ten(server: NameServer, asks: Lookups) -> None:
    server.zone["7.2.0.192.in-addr.arpa"] = [("PTR", f"n{number}.x.") for number in range(150)]
    assert (await _check(Checker(), asks, "ann@ptr.test")).value == "fail"
    assert sum(name.endswith(".x") for name, _ in server.asked) == 10


async def test_ten_mail_hosts_and_not_eleven(server: NameServer) -> None:
    assert (await _check(Checker(), _asks(server), "ann@mx.test")).value == "fail"
    server.zone["mx.test"] = _hosts(11)
    outcome = await _check(Checker(), _asks(server), "ann@mx.test")
    assert (outcome.value, outcome.problem) == ("permerror", "more than 10 mail hosts")


@pytest.mark.parametrize(
    ("domain", "value"),
    [("long", "pass"), ("longer", "permerror"), ("term", "pass"), ("terms", "permerror"), ("square", "permerror")],
)
async def test_what_is_made_to_keep_us_busy(asks: Lookups, domain: str, value: str) -> None:
    outcome = await _check(Checker(), asks, f"ann@{domain}.test")
    assert outcome.value == value
    assert value == "pass" or outcome.problem == "the record is too long"


@pytest.mark.parametrize(
    ("sender", "helo", "value"),
    [
        ("ann@empty.test", "h.test", "fail"),
        ("ann@loop.test", "h.test", "temperror"),
        ("ann@[192.0.2.7]", "h.test", "none"),
        ("ann@localhost", "h.test", "none"),
        ("", "", "none"),
        ("", "[192.0.2.7]", "none"),
        ("", "h", "none"),
        ("", "..", "none"),
        ("", "\x00.\xff", "none"),
        ("", "good.test", "pass"),
        ("ännchen@utf8.test", "h.test", "fail"),  # RFC 8616 §4: such a macro never matches
        ("a\\.b@slash.test", "h.test", "pass"),
        (f"{'x' * 300}@user.test", "h.test", "fail"),
        ("@good.test", "h.test", "pass"),
        ("a@b@good.test", "h.test", "none"),
    ],
)
async def test_odd_names(asks: Lookups, sender: str, helo: str, value: str) -> None:
    assert (await _check(Checker(), asks, sender, helo)).value == value


async def test_it_waits_no_longer_than_it_may(server: NameServer) -> None:
    outcome = await Checker().check(_asks(server), PEER, "ann@slow.test", "h.test", 0.2)
    assert (outcome.value, outcome.problem) == ("temperror", "The DNS took too long to answer.")


async def test_the_message_s_share_of_look_ups_is_kept(server: NameServer) -> None:
    assert (await _check(Checker(), _asks(server, 1), "ann@good.test")).value == "pass"
    assert (await _check(Checker(), _asks(server, 0), "ann@good.test")).value == "temperror"


async def test_who_waits_for_the_dns_holds_no_thread(server: NameServer) -> None:
    server.zone |= {f"{number}.slow.test": SILENCE for number in range(20)}
    checker, asks = Checker(), _asks(server, seconds=6)
    waiting = [asyncio.create_task(_check(checker, asks, f"ann@{number}.slow.test")) for number in range(20)]
    while sum(name.endswith(".slow.test") for name, _ in list(server.asked)) < 20:
        await asyncio.sleep(0.01)
    assert (await _check(checker, asks, "ann@good.test")).value == "pass"
    assert not any(task.done() for task in waiting)
    assert sum(thread.name.startswith("spf") for thread in threading.enumerate()) <= 2
    assert {(await task).value for task in waiting} == {"temperror"}


async def test_verdicts_do_not_pile_up(asks: Lookups, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spf_query, "_KEPT", 3)
    checker = Checker()
    for number in range(5):
        await _check(checker, asks, "ann@where.test", peer=f"192.0.2.{number}")
    assert len(checker._kept) == 3


class _Says:
    """Answers every question for a TXT with one record, and for anything else with nothing."""

    def __init__(self, record: bytes) -> None:
        self.answer = Answer((type("Text", (), {"strings": (record,)})(),), True, 60)

    async def ask(self, name: str, kind: str) -> Answer:
        """The record."""
        found = self.known(name, kind)
        assert found is not None
        return found

    def known(self, name: str, kind: str) -> Answer | None:
        """The same."""
        return self.answer if kind == "TXT" else Answer((), True, 60)


_PIECES = st.sampled_from(
    [b"v=spf1", b" ", b"-all", b"+", b"a", b"mx", b"include:", b"redirect=", b"exp=", b"exists:", b"ip4:", b"ip6:",
     b"ptr", b"%{", b"}", b"%", b"%{l9999999999r.-+}", b"%{d0}", b"/", b"//", b"128", b"1.2.3.4", b"::", b"x.test",
     b"=", b":", b"\x00", b"\xff", b"..", b"%{p}", b"%{S}", b"%{ir}.%{v}", b"[", b"\\"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(_PIECES, max_size=30).map(b"".join), st.booleans())
def test_any_record_has_an_outcome(record: bytes, begins: bool) -> None:
    asks = _Says(b"v=spf1 " + record if begins else record)
    for peer in (PEER, "2001:db8::7"):
        outcome = asyncio.run(Checker().check(asks, peer, "ann@x.test", "h.test", 20))
        assert outcome.value in spf_query._VALUES
