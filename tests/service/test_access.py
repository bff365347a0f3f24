"""White and black lists over the wire: each kind of rule, who goes before whom, and what is counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from backend.management import client
from tests.harness.dns import BROKEN, Dns
from tests.harness.site import Site
from tests.harness.waiting import until
from tests.harness.wire import Reply, Wire

REVERSE = """\
7 PTR mail.partner.test.
8 PTR mail.partner.test.
9 PTR one.broken.test.
10 PTR xn--bcher-kva.test.
"""
ZONES = {
    "0.0.127.in-addr.arpa": REVERSE,
    "partner.test": "mail A 127.0.0.7",
    "broken.test": BROKEN,
    "xn--bcher-kva.test": "@ A 127.0.0.10",
}
SETTINGS = """
[relay]
networks = ["127.0.0.1/32"]

[access]
enabled = true
"""


class Lists(Site):
    """A site whose lists are changed over the management socket: without the start of a command."""

    def call(self, name: str, **arguments: Any) -> Any:
        return client.call(self.folder / "run" / "management.sock", name, arguments)

    @contextmanager
    def rules(self, *rules: str) -> Iterator[list[int]]:
        """These rules, `deny host .dyn.test`, for a while."""
        numbers = []
        for rule in rules:
            verdict, *kind, what = rule.split()
            given = {"kind": kind[0]} if kind else {}
            made = self.call("access.add", verdict=verdict, what=what, why="a test", wide=True, **given)
            numbers.append(made["rule"]["id"])
        try:
            yield numbers
        finally:
            self.call("access.delete", ids=[str(number) for number in numbers])

    def hits(self, number: int) -> int:
        rows = self.call("access.list", limit=1_000)["rows"]
        found: int = next(row["hits"] for row in rows if row["id"] == number)
        return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lists]:
    with Dns(tmp_path_factory.mktemp("dns"), ZONES) as names, Lists(tmp_path_factory.mktemp("lists") / "site") as made:
        made.configure(SETTINGS + names.settings)
        made.add_user("alice@example.org")
        made.add_user("bob@example.org")
        made.start()
        yield made


def rcpt(
    site: Site,
    source: str = "127.0.0.99",
    helo: str = "client.test",
    sender: str = "ann@client.test",
    recipient: str = "alice@example.org",
) -> Reply:
    """The answer to RCPT."""
    host = "::1" if source == "::1" else "127.0.0.1"
    with Wire(host, site.smtp, source="" if source == "::1" else source) as wire:
        wire.must(250, f"EHLO {helo}")
        utf8 = "" if sender.isascii() else " SMTPUTF8"
        wire.must(250, f"MAIL FROM:<{sender}>{utf8}")
        return wire.ask(f"RCPT TO:<{recipient}>")


@pytest.mark.parametrize(
    ("rule", "client", "fits"),
    [
        ("deny 127.0.0.99", {}, True),
        ("deny 127.0.0.98", {}, False),
        ("deny 127.0.0.96/29", {}, True),
        ("deny 127.0.0.0/29", {}, False),
        ("deny ::1", {"source": "::1"}, True),
        ("deny ::/64", {"source": "::1"}, True),
        ("deny ::/64", {}, False),
        ("deny client.test", {}, True),
        ("deny client.test", {"sender": "ann@a.client.test"}, False),
        ("deny .client.test", {"sender": "ann@a.client.test"}, True),
        ("deny .client.test", {"sender": "ann@Client.TEST"}, True),
        ("deny .client.test", {"sender": "ann@otherclient.test"}, False),
        ("deny *.client.test", {}, False),
        ("deny *.client.test", {"sender": "ann@a.client.test"}, True),
        ("deny client.test", {"sender": ""}, False),
        ("deny ann@client.test", {"sender": "ANN@client.test"}, True),
        ("deny ann@client.test", {"sender": "ann+x@client.test"}, False),
        ("deny a*@client.test", {}, True),
        ("deny *@*.client.test", {"sender": "ann@a.b.client.test"}, True),
        ("deny ann@*", {"sender": "ann@anywhere.test"}, True),
        ("deny <>", {"sender": ""}, True),
        ("deny <>", {}, False),
        ("deny bücher.test", {"sender": "ann@bücher.test"}, True),
        ("deny bücher.test", {"sender": "ann@xn--bcher-kva.test"}, True),
        ("deny xn--bcher-kva.test", {"sender": "ann@BÜCHER.test"}, True),
        ("deny recipient alice@example.org", {}, True),
        ("deny recipient alice@example.org", {"recipient": "bob@example.org"}, False),
        ("deny recipient a*@example.org", {"recipient": "Alice@Example.org"}, True),
        ("deny helo client.test", {}, True),
        ("deny helo .client.test", {"helo": "A.client.test"}, True),
        ("deny helo [127.0.0.99]", {"helo": "[127.0.0.99]"}, True),
        ("deny helo *dynamic*", {"helo": "dsl-dynamic-7.isp.test"}, True),
        ("deny helo *dynamic*", {}, False),
        ("deny host mail.partner.test", {"source": "127.0.0.7"}, True),
        ("deny host .partner.test", {"source": "127.0.0.7"}, True),
        ("deny host m*.partner.test", {"source": "127.0.0.7"}, True),
        ("deny host mail.partner.test", {"source": "127.0.0.8"}, False),  # its reverse DNS lies
        ("deny host mail.partner.test", {"source": "127.0.0.11", "helo": "mail.partner.test"}, False),  # it has none
        ("deny host bücher.test", {"source": "127.0.0.10"}, True),
    ],
)
def test_each_kind_of_rule(site: Lists, rule: str, client: dict[str, str], fits: bool) -> None:
    with site.rules(rule) as [number]:
        answer = rcpt(site, **client)
        if fits:
            assert (answer.code, answer.status) == (550, "5.7.1")
            assert f"(rule {number} of our access list); questions: postmaster@example.org" in answer.text
            until(lambda: site.hits(number) == 1)
        else:
            assert answer.code == 250, answer
    until(lambda: rcpt(site, **client).code == 250, why="a deleted rule refuses nobody")


def test_a_name_that_the_dns_cannot_say_waits(site: Lists) -> None:
    with site.rules("deny host mail.partner.test"):
        answer = rcpt(site, source="127.0.0.9")
        assert (answer.code, answer.status) == (451, "4.4.3")
        with site.rules("allow 127.0.0.9"):
            assert rcpt(site, source="127.0.0.9").code == 250
    assert rcpt(site, source="127.0.0.9").code == 250  # no rule is about names


def test_allow_goes_before_deny_whichever_is_older(site: Lists) -> None:
    with site.rules("deny 127.0.0.99", "allow client.test", "deny ann@client.test") as [_, allow, _]:
        assert rcpt(site).code == 250
        until(lambda: site.hits(allow) == 1)
        assert rcpt(site, sender="ann@other.test").code == 550
    with site.rules("allow host mail.partner.test", "deny 127.0.0.0/28"):
        assert rcpt(site, source="127.0.0.7").code == 250
        assert rcpt(site, source="127.0.0.8").code == 550


def test_the_older_of_two_decides(site: Lists) -> None:
    with site.rules("deny 127.0.0.0/24", "deny 127.0.0.99") as [older, newer]:
        assert f"rule {older} " in rcpt(site).text
        until(lambda: site.hits(older) == 1)
        assert site.hits(newer) == 0


def test_a_rule_for_one_recipient_is_for_no_other(site: Lists) -> None:
    with (
        site.rules("deny 127.0.0.99", "allow recipient bob@example.org") as [deny, allow],
        site.wire(source="127.0.0.99") as wire,
    ):
        wire.must(250, "EHLO client.test")
        wire.must(250, "MAIL FROM:<ann@client.test>")
        for name, code in (("bob", 250), ("alice", 550), ("bob", 250), ("alice", 550)):
            wire.must(code, f"RCPT TO:<{name}@example.org>")
        wire.must(354, "DATA")
        wire.send(b"Subject: x\r\n\r\nx\r\n.\r\n")
        wire.expect(250)
        until(lambda: (site.hits(deny), site.hits(allow)) == (2, 2))
    detail = accepted(site)["facts"]
    assert "allowed" not in detail  # of the message as a whole nobody said so
    assert f"rule {allow} for <bob@example.org>" in str(detail["marks"])


def accepted(site: Lists) -> dict[str, Any]:
    """The first step of the newest story, with its facts."""
    newest = site.call("trace.find", limit=1)["rows"][0]["id"]
    steps = site.call("trace.show", id=newest)["steps"]
    found: dict[str, Any] = next(step for step in steps if step["stage"] == "accept")
    return found


def test_the_trace_says_by_which_rule(site: Lists) -> None:
    with site.rules("allow client.test") as [number], site.wire(source="127.0.0.99") as wire:
        wire.must(250, "EHLO client.test")
        assert (
            wire.message("ann@client.test", ["alice@example.org", "bob@example.org"], b"Subject: x\r\n\r\nx\r\n").code
            == 250
        )
    step = accepted(site)
    assert step["facts"]["allowed"] == f"rule {number}"
    assert step["sentence"].endswith(f"; rule {number} of the white lists vouches for it.")
    with site.rules("deny 127.0.0.99") as [number]:
        assert rcpt(site, sender="traced@client.test").code == 550

    def refused() -> str:
        rows = site.call("trace.find", subject="traced@client.test")["rows"]
        return str(rows[0]["sentence"]) if rows else ""

    sentence = until(refused)
    assert f"127.0.0.99 is on our black list by rule {number}; our postmaster can say why" in sentence


def test_a_rule_ends(site: Lists) -> None:
    made = site.call("access.add", verdict="deny", what="127.0.0.99", why="a test", lasts=6)["rule"]
    assert rcpt(site).code == 550
    until(lambda: rcpt(site).code == 250)
    [row] = site.call("access.list", expired=True)["rows"]
    assert (row["id"], row["over"]) == (made["id"], True)
    site.call("access.delete", ids=[str(made["id"])])


def test_hits_are_counted_across_workers_and_kept_when_they_stop(site: Lists) -> None:
    assert len(site.role_pids("smtp")) > 1
    with site.rules("deny 127.0.0.0/25") as [number]:
        for count in range(40):
            assert rcpt(site, source=f"127.0.0.{20 + count}").code == 550
        site.restart()
        assert site.hits(number) == 40


def test_our_own_are_not_asked_about_and_the_desks_hear_everybody(site: Lists) -> None:
    with site.rules("deny 127.0.0.0/8", "deny .example.org", "deny helo *"):
        assert rcpt(site, source="127.0.0.1").code == 250
        assert rcpt(site).code == 550
        for desk in ("postmaster", "Abuse"):
            assert rcpt(site, recipient=f"{desk}@example.org").code == 250
        with site.rules("deny recipient abuse@example.org"):
            assert rcpt(site, recipient="abuse@example.org").code == 550
        assert rcpt(site, recipient="nobody@example.org").status == "5.1.1"  # as without any list
        assert rcpt(site, recipient="x@elsewhere.test").status == "5.7.1"


def test_the_lists_are_switched_off(site: Lists) -> None:
    with site.rules("deny 127.0.0.99"):
        assert rcpt(site).code == 550
        site.configure("[access]\nenabled = false\n")
        site.reload()
        until(lambda: rcpt(site).code == 250)
        assert site.call("access.check", ip="127.0.0.99")["sentence"] == "No rule is asked: [access] enabled is false."
        site.configure("[access]\nenabled = true\n")
        site.reload()
        until(lambda: rcpt(site).code == 550)


HOSTILE = ['"*"@x.test', '"a@b"@x.test', '"<>"@x.test', "%s@x.test", "'--@x.test", "a" * 64 + "@x.test", "_@_.x.test",
           "x@" + "a." * 120 + "test", "x@[127.0.0.99]", "x@[IPv6:::1]"]  # fmt: skip


def test_hostile_values_meet_rules_of_every_shape(site: Lists) -> None:
    rules = ["deny 127.0.0.0/30", "allow no.test", "allow .no.test", "allow no@no.test", "allow n*@no.test",
             "allow n*@.no.test", "allow sender *zzz*", "allow helo *zzz*", "allow helo .no.test",
             "allow recipient n*@*"]  # fmt: skip
    with site.rules(*rules):
        for sender in HOSTILE:
            assert rcpt(site, sender=sender).code == 250, sender
        for helo in ("[::]", "*", "..", "-", "_", "%00", "a" * 255, "ü" * 100, "x." * 120 + "x", "[IPv6:::1]"):
            with site.wire(source="127.0.0.99") as wire:
                if wire.ask(f"EHLO {helo}").code == 250:
                    wire.must(250, "MAIL FROM:<ann@client.test>")
                    wire.must(250, "RCPT TO:<alice@example.org>")
    assert "Traceback" not in site.log_text()


def test_lists_come_in_by_the_command_line_and_count_at_once(site: Lists, tmp_path: Path) -> None:
    file = tmp_path / "access"
    file.write_text("127.0.0.99\tREJECT\nclient.test OK\n10 REJECT\n")
    done = site.cli("access", "import", str(file), "postfix", "--about", "client", "--dry-run", check=False)
    assert b"3 lines: 2 rules would be added." in done.stdout
    assert rcpt(site).code == 250
    done = site.cli("access", "import", str(file), "postfix", "--about", "client", "--why", "a test", check=False)
    assert (done.returncode, b"1 too wide" in done.stdout) == (1, True)
    assert rcpt(site).code == 550
    exported = site.cli("access", "export", "postfix", "--about", "client").stdout.decode()
    assert "127.0.0.99 REJECT\n" in exported
    assert "client.test OK\n" in exported
    site.cli("access", "delete", "--all", "--yes")

    assert rcpt(site).code == 250
    assert site.cli_json("access", "list")["total"] == 0
