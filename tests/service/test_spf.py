"""SPF on the wire: a service, a client from another address, a real name server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from tests.harness.dns import Dns, Silence
from tests.harness.name_server import SERVFAIL, SILENCE, NameServer, Rule
from tests.harness.site import Site
from tests.harness.waiting import until

_OUTSIDE = "127.0.0.7"
_ZONES = {
    "good.test": '@ TXT "v=spf1 ip4:127.0.0.7 -all"',
    "forged.test": '@ TXT "v=spf1 ip4:192.0.2.1 -all exp=why.forged.test"\n'
    'why TXT "Not from %{i}, see http://forged.test/%{o}. \\027[31mred\\010\\013\\010250 2.0.0 OK"',
    "soft.test": '@ TXT "v=spf1 ~all"',
    "neutral.test": '@ TXT "v=spf1 ?all"',
    "nothing.test": "@ A 127.0.0.9",
    "faulty.test": '@ TXT "v=spf1 ipv4:127.0.0.7 -all"',
    "helo.test": 'good TXT "v=spf1 ip4:127.0.0.7 -all"\nliar TXT "v=spf1 -all"',
    "ten.test": '@ TXT "v=spf1 '
    + " ".join(f"a:a{number}.ten.test" for number in range(10))
    + ' -all"\n'
    + "\n".join(f"a{number} A 127.0.0.{7 if number == 9 else 9}" for number in range(10)),
    "eleven.test": '@ TXT "v=spf1 '
    + " ".join(f"a:a{number}.eleven.test" for number in range(11))
    + ' -all"\n'
    + "\n".join(f"a{number} A 127.0.0.{7 if number == 10 else 9}" for number in range(11)),
    "void.test": '@ TXT "v=spf1 a:no1.void.test a:no2.void.test ip4:127.0.0.7 -all"',
    "voids.test": '@ TXT "v=spf1 a:no1.voids.test a:no2.voids.test a:no3.voids.test ip4:127.0.0.7 -all"',
}
_ON = "[spf]\nenabled = true\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service that asks a name server of its own."""
    folder = tmp_path_factory.mktemp("spf")
    with Dns(folder / "dns", _ZONES) as dns, Site(folder / "site") as site:
        site.configure(_ON + dns.settings)
        site.add_user("alice@example.org")
        yield site.start()


def rcpt(site: Site, sender: str, *, helo: str = "client.invalid", source: str = _OUTSIDE) -> str:
    """What RCPT is answered."""
    with site.wire(source=source) as wire:
        wire.must(250, f"EHLO {helo}")
        wire.must(250, f"MAIL FROM:<{sender}>")
        return str(wire.ask("RCPT TO:<alice@example.org>"))


def arrived(site: Site, sender: str, *, helo: str = "client.invalid") -> tuple[str, dict[str, object]]:
    """The header section of a message that was taken, and its step in the trace."""
    with site.wire(source=_OUTSIDE) as wire:
        wire.must(250, f"EHLO {helo}")
        subject = f"{sender} {helo}"
        answer = wire.message(sender, ["alice@example.org"], f"Subject: {subject}\r\n\r\nhello\r\n".encode())
    assert answer.code == 250
    identity = answer.lines[0].rpartition(" ")[2]
    story = site.cli_json("trace", "show", identity)
    text = next(m for m in site.inbox("alice@example.org") if f"Subject: {subject}\n".encode() in m.replace(b"\r", b""))
    return text.decode(), next(step for step in story["steps"] if step["stage"] == "accept")


@pytest.mark.parametrize(
    ("sender", "value"),
    [
        ("ann@good.test", "pass"),
        ("ann@soft.test", "softfail"),
        ("ann@neutral.test", "neutral"),
        ("ann@nothing.test", "none"),
        ("ann@faulty.test", "permerror"),
        ("ann@ten.test", "pass"),
        ("ann@eleven.test", "permerror"),
        ("ann@void.test", "pass"),
        ("ann@voids.test", "permerror"),
    ],
)
def test_what_is_not_forbidden_is_taken_and_marked(service: Site, sender: str, value: str) -> None:
    text, step = arrived(service, sender)
    domain = sender.partition("@")[2]
    assert f"spf={value} smtp.mailfrom={domain}" in text
    facts = step["facts"]
    assert isinstance(facts, dict)
    assert facts["checks"]["spf"] == value


def test_a_forged_sender_is_refused_and_the_explanation_is_clean(service: Site) -> None:
    answer = rcpt(service, "ann@forged.test")
    assert answer.startswith("550 5.7.23 SPF: 127.0.0.7 may not send for forged.test; forged.test explains: Not from")
    assert "http://forged.test/forged.test" in answer
    assert "questions: postmaster@example.org" in answer
    assert answer.isprintable()
    assert answer.isascii()
    rows = until(lambda: service.cli_json("trace", "find", "ann@forged.test")["rows"])
    assert rows[0]["sentence"].startswith("Refused: the domain of ann@forged.test says that 127.0.0.7 may not send")
    story = service.cli("trace", "show", rows[0]["id"]).stdout.decode()
    assert all(line.isprintable() for line in story.split("\n"))


def test_who_is_refused_can_complain(service: Site) -> None:
    with service.wire(source=_OUTSIDE) as wire:
        wire.must(250, "EHLO client.invalid")
        wire.must(250, "MAIL FROM:<ann@forged.test>")
        wire.must(550, "RCPT TO:<alice@example.org>")
        for desk in ("postmaster@example.org", "Postmaster", "abuse@example.org"):
            wire.must(250, f"RCPT TO:<{desk}>")
        wire.must(550, "RCPT TO:<alice@example.org>")


def test_our_own_network_may_send_as_anybody(service: Site) -> None:
    assert rcpt(service, "ann@forged.test", source="").startswith("250")


def test_the_null_sender_is_judged_by_helo(service: Site) -> None:
    text, _ = arrived(service, "", helo="good.helo.test")
    assert "spf=pass smtp.helo=good.helo.test" in text
    assert rcpt(service, "", helo="liar.helo.test").startswith("550 5.7.23 SPF: 127.0.0.7 may not send for liar.helo")
    assert rcpt(service, "", helo="[127.0.0.7]").startswith("250")
    assert rcpt(service, "", helo="localhost").startswith("250")


def test_a_name_that_is_not_its_own_is_refused_unless_the_sender_passes(service: Site) -> None:
    answer = rcpt(service, "ann@nothing.test", helo="liar.helo.test")
    assert answer.startswith("550 5.7.23 SPF: 127.0.0.7 may not call itself liar.helo.test")
    text, _ = arrived(service, "ann@good.test", helo="liar.helo.test")
    assert "spf=pass smtp.mailfrom=good.test" in text
    assert "spf=fail smtp.helo=liar.helo.test" in text


def test_no_answer_is_not_a_no(tmp_path: Path) -> None:
    with Silence() as dead, Site(tmp_path / "site") as site:
        site.configure(f'{_ON}[dns]\nnameservers = ["{dead.address}"]\ntimeout_seconds = 0.5\nlifetime_seconds = 1.0\n')
        site.add_user("alice@example.org")
        site.start()
        answer = rcpt(site, "ann@forged.test")
        assert answer.startswith("451 4.7.24 SPF: the DNS does not answer for forged.test; try again")
        rows = until(lambda: site.cli_json("trace", "find", "ann@forged.test")["rows"])
        assert rows[0]["sentence"].startswith("Put off: the name servers of the domain of ann@forged.test do not")
        assert rcpt(site, "ann@forged.test", source="").startswith("250")
        site.configure('[spf]\ntemperror = "mark"\n')
        site.reload()
        until(lambda: rcpt(site, "ann@forged.test").startswith("250"), every=0.5)


def test_settings_decide_what_is_marked(tmp_path: Path) -> None:
    zone: dict[str, Rule] = {
        "forged.test": [("TXT", [b"v=spf1 -all"])],
        "faulty.test": [("TXT", [b"v=spf1 moo -all"])],
        "broken.test": SERVFAIL,
    }
    with NameServer(zone) as dns, Site(tmp_path / "site") as site:
        site.configure(f'{_ON}fail = "mark"\npermerror = "reject"\ntemperror = "mark"\n{dns.settings}')
        site.add_user("alice@example.org")
        site.start()
        assert rcpt(site, "ann@forged.test").startswith("250")
        assert rcpt(site, "ann@broken.test").startswith("250")
        assert rcpt(site, "ann@faulty.test").startswith("550 5.7.24 SPF: the record of faulty.test is faulty: Unknown")
        site.configure('[spf]\nfail = "reject"\ntrusted_forwarders = ["127.0.0.7/32"]\n')
        site.reload()
        until(lambda: rcpt(site, "a@forged.test", source="127.0.0.8")[:3] == "550", every=0.5)
        assert rcpt(site, "ann@forged.test").startswith("250")


def test_a_slow_domain_delays_nobody_else(tmp_path: Path) -> None:
    zone: dict[str, Rule] = {"slow.test": SILENCE, "good.test": [("TXT", [b"v=spf1 ip4:127.0.0.7 -all"])]}
    with NameServer(zone) as dns, Site(tmp_path / "site") as site:
        site.configure(
            f'{_ON}[workers]\nsmtp = 1\n[dns]\nnameservers = ["{dns.address}"]\n'
            "timeout_seconds = 12.0\nlifetime_seconds = 12.0\n"
        )
        site.add_user("alice@example.org")
        site.start()
        answers: list[str] = []
        stuck = [
            Thread(target=lambda n=number: answers.append(rcpt(site, f"ann@{n}.slow.test"))) for number in range(20)
        ]
        dns.zone |= {f"{number}.slow.test": SILENCE for number in range(20)}
        for thread in stuck:
            thread.start()
        until(lambda: sum(name.endswith("slow.test") for name, _ in list(dns.asked)) >= 20, every=0.05)
        assert not answers
        assert rcpt(site, "ann@good.test").startswith("250")
        assert not answers  # they still wait, more of them than there are threads
        for thread in stuck:
            thread.join(120)
        assert len(answers) == 20
        assert all(answer.startswith("451 4.7.24") for answer in answers)
