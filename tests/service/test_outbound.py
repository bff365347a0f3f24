"""Mail that asks for TLS, from the client to the next host and to who asks what became of it (RFC 8689)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.authority import issue, trust
from tests.harness.dnssec import SignedDns
from tests.harness.ports import free_port
from tests.harness.sink import Sink
from tests.harness.site import Site
from tests.harness.waiting import until

ROOT = issue("root of the tests", authority=True)
BODY = b"Subject: plan\r\nMessage-ID: <1@client.test>\r\n\r\nhello\r\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Sink, Sink]]:
    """A service, a host that keeps to REQUIRETLS (able.test; dane.test by DANE), one that does not (old.test)."""
    folder = tmp_path_factory.mktemp("outbound")
    port = free_port("127.0.0.51")
    shown = issue("mx.able.test", ROOT)
    zones = {
        "able.test": "@ MX 10 mx\nmx A 127.0.0.51",
        "old.test": "@ MX 10 mx\nmx A 127.0.0.52",
        "dane.test": f"@ MX 10 mx\nmx A 127.0.0.51\n_{port}._tcp.mx TLSA {shown.tlsa(3)}",
    }
    able = shown.server(folder)
    with (
        SignedDns(folder / "dns", zones, signed=["dane.test"]) as dns,
        Sink(host="127.0.0.51", port=port, tls=able, extensions=("PIPELINING", "REQUIRETLS")) as good,
        Sink(host="127.0.0.52", port=port) as old,
        Site(folder / "site") as site,
    ):
        site.configure(dns.settings + f"[delivery]\nport = {port}\n")
        site.configure(f'[outbound]\nca_file = "{trust(folder, ROOT)}"\n')
        site.add_user("alice@example.org")
        yield site.start(), good, old


def send(site: Site, recipient: str, *, required: bool, text: bytes = BODY) -> str:
    """A message by TLS; its queue id."""
    with site.wire() as wire:
        assert "REQUIRETLS" not in wire.extensions()
        wire.must(220, "STARTTLS")
        wire.start_tls()
        assert "REQUIRETLS" in wire.extensions()
        wire.must(250, f"MAIL FROM:<alice@example.org>{' REQUIRETLS' if required else ''}")
        wire.must(250, f"RCPT TO:<{recipient}>")
        wire.must(354, "DATA")
        wire.send(text + b".\r\n")
        return wire.expect(250).lines[0].rpartition(" ")[2]


def sentences(site: Site, message: str) -> str:
    """What the helpdesk would read out."""
    return " ".join(step["sentence"] for step in site.cli_json("trace", "show", message)["steps"])


def test_it_is_for_tls_only(service: tuple[Site, Sink, Sink]) -> None:
    with service[0].wire() as wire:
        wire.must(250, "EHLO client.test")
        assert wire.must(530, "MAIL FROM:<alice@example.org> REQUIRETLS").status == "5.7.10"
        wire.must(250, "MAIL FROM:<alice@example.org>")


def test_it_goes_on_to_who_keeps_to_it(service: tuple[Site, Sink, Sink]) -> None:
    site, good, _ = service
    message = send(site, "bob@able.test", required=True)
    site.queue_empty()
    assert "REQUIRETLS" in good.messages[-1].mail
    assert good.messages[-1].tls
    assert "verified" in sentences(site, message)


def test_it_comes_back_from_who_does_not(service: tuple[Site, Sink, Sink]) -> None:
    site, _, old = service
    message = send(site, "bob@old.test", required=True)
    [report] = site.inbox("alice@example.org")
    assert b"Status: 5.7.10" in report
    assert b"hello" not in report
    assert not old.count("MAIL")
    until(lambda: "Not delivered" in sentences(site, message))
    assert "encrypted" in sentences(site, message)


def test_dane_from_the_wire_to_the_helpdesk(service: tuple[Site, Sink, Sink]) -> None:
    site, good, _ = service
    message = send(site, "bob@dane.test", required=False)
    until(lambda: "verified by DANE" in sentences(site, message))
    assert good.messages[-1].tls
    answer = site.cli_json("tls", "check", "dane.test")
    assert [(host["name"], host["level"]) for host in answer["hosts"]] == [("mx.dane.test", "dane")]
    assert b"MTA-STS     none" in site.cli("tls", "check", "dane.test").stdout

    def counted() -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = site.cli_json("tls", "results", "dane.test")["rows"]
        return rows

    [row] = until(counted, every=0.5)
    assert (row["policy"], row["result"], row["number"]) == ("tlsa", "", 1)


def test_a_report_of_somebody_else(service: tuple[Site, Sink, Sink], tmp_path: Path) -> None:
    site = service[0]
    report = {
        "organization-name": "Elsewhere",
        "date-range": {"start-datetime": "2026-11-23T00:00:00Z", "end-datetime": "2026-11-23T23:59:59Z"},
        "report-id": "R1",
        "policies": [
            {
                "policy": {"policy-type": "no-policy-found", "policy-domain": "example.org"},
                "summary": {"total-successful-session-count": 9, "total-failure-session-count": 2},
            }
        ],
    }
    file = tmp_path / "report.json.gz"
    file.write_bytes(gzip.compress(json.dumps(report).encode()))
    assert b"2 failed sessions" in site.cli("tls", "import", str(file)).stdout
    assert b"1 of them known already" in site.cli("tls", "import", "-", stdin=file.read_bytes()).stdout
    assert b"9 well, 2 failed" in site.cli("tls", "reports").stdout
    assert site.cli("tls", "import", str(tmp_path / "none"), check=False).returncode == 2


def test_tls_required_no_is_kept(service: tuple[Site, Sink, Sink]) -> None:
    site, _, old = service
    site.configure('[[outbound.domain]]\ndomain = "old.test"\ntls = "must"')
    site.reload()
    held = send(site, "bob@old.test", required=False)
    until(lambda: "Waiting" in sentences(site, held))
    message = send(site, "bob@old.test", required=False, text=b"TLS-Required: No\r\n" + BODY)
    until(lambda: "Passed on" in sentences(site, message))
    assert len(old.messages) == 1
    assert "not encrypted" in sentences(site, message)
    assert "Waiting" in sentences(site, held)
