"""`mailconsole explain`: what would happen, check by check; and nothing happens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backend.content.spam.rules import GTUBE
from backend.limits import Limits
from backend.policy.chain import CHECKS
from tests.harness.name_server import NameServer, Rule
from tests.harness.site import Site
from tests.harness.waiting import until

_ZONE: dict[str, Rule] = {
    "good.test": [("TXT", [b"v=spf1 ip4:192.0.2.7 ip6:2001:db8::/32 -all"])],
    "forged.test": [("TXT", [b"v=spf1 -all exp=why.forged.test"])],
    "why.forged.test": [("TXT", [b"\x1b[31mgo away [/nope]"])],
}
_MESSAGE = b"From: ann@good.test\nSubject: hello\n\tfolded\nMessage-ID: <1@good.test>\n\ngr\xfc\xdfe\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service with SPF on, and nothing that could make a count pass a limit but this test."""
    with NameServer(_ZONE) as dns, Site(tmp_path_factory.mktemp("explain") / "site") as site:
        site.configure(f"[spf]\nenabled = true\n{dns.settings}[limits]\nmessages_per_ip_per_minute = 3\n")
        site.add_user("alice@example.org")
        site.add_alias("both@example.org", "alice@example.org", "bob@remote.test")
        yield site.start()


def explain(site: Site, *words: str, sender: str = "ann@good.test", to: str = "alice@example.org", **more: Any) -> Any:
    """The answer as JSON."""
    case = ("--ip", "192.0.2.7", "--helo", "mx.good.test", "--from", sender, "--to", to)
    return json.loads(site.cli("explain", *case, *words, "--json", **more).stdout)


def step(answer: Any, check: str) -> Any:
    """What one check says."""
    return next(step for step in answer["steps"] if step["check"] == check)


def test_every_check_is_asked_in_its_order(service: Site) -> None:
    answer = explain(service)
    assert [one["check"] for one in answer["steps"]] == [check.name for check in CHECKS if check.stage != "message"]
    assert (answer["verdict"], answer["decided"]) == ("accepted", "")
    assert "give the message too" in answer["sentence"]
    assert step(answer, "spf")["found"] == "pass"
    assert step(answer, "spf")["sentence"] == "SPF: 192.0.2.7 may send for good.test."
    assert step(answer, "spf")["milliseconds"] > 0
    assert answer["goes_to"] == ["alice@example.org"]
    assert "spf=pass smtp.mailfrom=good.test" in answer["results"]


def test_who_decides(service: Site) -> None:
    answer = explain(service, sender="ann@forged.test", to="nobody@example.org")
    assert (answer["verdict"], answer["decided"]) == ("rejected", "recipient")
    assert answer["reply"].startswith("550 5.1.1 There is no <nobody@example.org> here")
    assert answer["sentence"].startswith("Refused: there is no address nobody@example.org here")
    spf = step(answer, "spf")  # would refuse too, and does not decide
    assert (spf["verdict"], spf["decides"]) == ("reject", False)
    answer = explain(service, sender="ann@forged.test")
    assert answer["decided"] == "spf"
    assert step(answer, "spf")["decides"] is True
    assert explain(service, to="somebody@elsewhere.test")["decided"] == "relay"
    assert explain(service, to="both@example.org")["goes_to"] == ["alice@example.org", "bob@remote.test"]
    assert explain(service, sender="<>", to="postmaster")["verdict"] == "accepted"


def test_words_at_the_command_line_are_clean(service: Site) -> None:
    case = ("--ip", "192.0.2.7", "--from", "ann@forged.test", "--to", "alice@example.org")
    shown = service.cli("explain", *case).stdout.decode()
    assert shown.startswith("rejected: 550 5.7.23 SPF: 192.0.2.7 may not send for forged.test")
    assert "->" in shown
    assert all(line.isprintable() for line in shown.split("\n"))


def test_a_message_is_looked_at_too(service: Site, tmp_path: Path) -> None:
    file = tmp_path / "message.eml"
    file.write_bytes(_MESSAGE)
    answer = explain(service, str(file))
    assert answer["message"] is True
    assert answer["sentence"] == "It would be accepted."
    assert step(answer, "loops")["stage"] == "content"
    file.write_bytes(b"Received: from somewhere\n" * (Limits().received_headers + 1) + _MESSAGE)
    answer = explain(service, str(file))
    assert (answer["verdict"], answer["decided"]) == ("rejected", "loops")
    assert "it goes in circles" in answer["sentence"]
    assert explain(service, "-", stdin=_MESSAGE)["message"] is True
    file.write_bytes(_MESSAGE + b"x" * (700_000 - len(_MESSAGE)))
    assert explain(service, str(file))["message"] is True
    file.write_bytes(b"x" * 700_001)
    done = service.cli("explain", "--ip", "192.0.2.7", "--to", "alice@example.org", str(file), check=False)
    assert done.returncode == 2
    assert b"too large" in done.stderr


def test_nothing_is_changed(service: Site, tmp_path: Path) -> None:
    def state() -> tuple[Any, ...]:
        counters = (service.folder / "run" / "counters").read_bytes()
        events = service.cli_json("trace", "find")["total"]
        return counters, events, service.cli_json("audit-log", "verify"), service.status()["queue"]

    (tmp_path / "m.eml").write_bytes(_MESSAGE)
    before = state()
    for _ in range(5):  # more than the messages a minute that are let in
        assert explain(service, str(tmp_path / "m.eml"))["verdict"] == "accepted"
    assert state() == before
    assert service.mailboxes("alice@example.org") == []


def test_counts_are_seen(service: Site) -> None:
    for _ in range(3):
        with service.wire(source="127.0.0.9") as wire:
            wire.must(250, "EHLO client.invalid")
            wire.must(250, "MAIL FROM:<>")
    case = ("--ip", "127.0.0.9", "--to", "alice@example.org")
    answer = json.loads(service.cli("explain", *case, "--json").stdout)
    assert (answer["verdict"], answer["decided"]) == ("deferred", "message rate")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--ip", "nonsense", "--to", "alice@example.org"), b"no IP address"),
        (("--ip", "192.0.2.7", "--to", "nonsense"), b"not a mail address"),
        (("--ip", "192.0.2.7", "--to", "a@b.test", "--from", "@@"), b"not a mail address"),
        (("--ip", "192.0.2.7"), b"--to"),
        (("--ip", "192.0.2.7", "--to", "a@b.test", "--helo", "x" * 256), b"at most 255"),
        (("--ip", "192.0.2.7", "--to", "a@b.test", "/nowhere/at/all"), b"cannot be read"),
    ],
)
def test_wrong_use_is_said(service: Site, words: tuple[str, ...], why: bytes) -> None:
    done = service.cli("explain", *words, check=False)
    assert done.returncode == 2
    assert why in done.stderr


def test_it_works_while_the_service_is_down(tmp_path: Path) -> None:
    with NameServer(_ZONE) as dns, Site(tmp_path / "site") as site:
        site.configure(f"[spf]\nenabled = true\n{dns.settings}")
        site.add_user("alice@example.org")
        assert explain(site, sender="ann@forged.test")["decided"] == "spf"
        assert not (site.folder / "run" / "counters").exists()


def test_what_would_be_marked_as_spam(service: Site, tmp_path: Path) -> None:
    service.configure("[spam]\nenabled = true\nseconds = 20.0\n")  # the command looks for itself, and reads the file
    service.reload()
    file = tmp_path / "m.eml"
    file.write_bytes(_MESSAGE + GTUBE.encode())
    before = service.cli_json("trace", "find")["total"]

    def explained() -> Any:
        return explain(service, str(file))

    answer = until(lambda: (one := explained())["sentence"].endswith("marked as spam.") and one, within=20, every=0.5)
    assert answer["verdict"] == "accepted"
    spam = step(answer, "spam")
    assert (spam["stage"], spam["verdict"], spam["decides"]) == ("content", "mark", False)
    assert "GTUBE +" in spam["sentence"]
    assert "SPF_PASS -" in spam["sentence"]  # what the checks found counts, as it would on the wire
    service.cli("spam", "threshold", "100", "--yes")
    file.write_bytes(_MESSAGE)
    answer = explained()
    assert answer["sentence"] == "It would be accepted."
    assert step(answer, "spam")["verdict"] == "passed"
    assert "points of spam" in step(answer, "spam")["sentence"]
    assert service.cli_json("trace", "find")["total"] == before
    assert service.cli_json("spam", "figures")["kept"] == 0
