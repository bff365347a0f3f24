"""DMARC over real sockets, with policies in a real name server; reports in by mail and by file."""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backend.delivery.dmarc.test_reading import record
from tests.backend.policy.dmarc.conftest import policy
from tests.harness.dns import BROKEN, Dns
from tests.harness.site import Site
from tests.harness.waiting import until

STRANGER = "127.0.0.7"
ZONES = {
    "bank.test": policy("v=DMARC1; p=reject; rua=mailto:rua@bank.test"),
    "careful.test": policy("v=DMARC1; p=quarantine"),
    "plain.test": "@ A 127.0.0.1",
    "broken.test": BROKEN,
}
ON = """
[dmarc]
enabled = true
report_address = "dmarc-reports@example.org"
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("dmarc")
    with Dns(folder / "nsd", ZONES) as server, Site(folder / "site") as made:
        made.configure(server.settings + ON)
        made.add_user("bob@example.org")
        made.add_user("dmarc-reports@example.org")
        yield made.start()


def send(
    site: Site, author: str, *, to: str = "bob@example.org", sender: str = "x@elsewhere.test", text: str = "hi"
) -> str:
    """The last reply to a message of a stranger."""
    with site.wire(source=STRANGER) as wire:
        wire.must(250, "EHLO client.test")
        head = f"From: {author}\r\nMessage-ID: <{time.time_ns()}@client.test>\r\n".encode()
        return str(wire.message(sender, [to], head + text.encode()))


def test_what_is_not_theirs_is_refused_and_told(service: Site) -> None:
    answer = send(service, "Bank <service@bank.test>")
    assert answer.startswith("550 5.7.26 bank.test asks to refuse mail in its name"), answer
    assert "questions: postmaster@example.org" in answer

    def story() -> str:
        rows = (
            service.cli_json("trace", "find", "bob@example.org")["rows"]
            or service.cli_json("trace", "find", STRANGER)["rows"]
        )
        return next((row["sentence"] for row in rows if "DMARC" in row["sentence"]), "")

    assert "whoever runs that domain must mend its SPF or DKIM" in until(story, why="the trace has it")


def test_marked_noted_or_put_off(service: Site) -> None:
    assert send(service, "a@careful.test").startswith("250")
    assert send(service, "a@plain.test").startswith("250")
    (quarantined, plain) = service.inbox("bob@example.org", 2)[:2]
    assert b"dmarc=fail (p=quarantine dis=quarantine) header.from=careful.test policy.dmarc=quarantine" in quarantined
    assert b"dmarc=none header.from=plain.test" in plain
    assert send(service, "a@broken.test").startswith("451 4.4.3")
    answer = send(service, "a@plain.test\r\nFrom: b@plain.test")
    assert answer.startswith("550 5.6.0"), answer
    marks = service.cli_json("trace", "find", "bob@example.org")["rows"]
    story = next(
        view
        for row in marks
        if (view := service.cli_json("trace", "show", row["id"]))["steps"][0]["facts"].get("marks")
    )
    facts = story["steps"][0]["facts"]
    assert facts["marks"] == ["dmarc: quarantine"]
    assert facts["checks"] == {"dmarc": "fail"}


def test_our_own_people_may_write_anything(service: Site) -> None:
    with service.wire() as wire:  # 127.0.0.1 is in [relay] networks
        wire.must(250, "EHLO client.test")
        assert wire.message("x@bank.test", ["bob@example.org"], b"From: a@bank.test\r\n\r\nhi\r\n").code == 250


def test_everything_is_counted(service: Site) -> None:
    for _ in range(3):
        assert send(service, "a@bank.test").startswith("550")

    def counted() -> bool:
        figures = {
            f"{one['check']}.{one['value']}": sum(one["numbers"])
            for one in service.cli_json("authentication", "figures")["series"]
        }
        rows = service.cli_json("authentication", "domains", "--check", "dmarc", "--value", "fail")["rows"]
        numbers = {row["domain"]: row["number"] for row in rows}
        return bool(figures.get("dmarc.fail", 0) >= 3 and numbers.get("bank.test", 0) >= 3)

    until(counted, why="three failures of bank.test are counted")
    assert service.status()["minutes"]


def report(name: str) -> bytes:
    begin = int(time.time()) - 90_000
    return gzip.compress(
        f"<feedback><report_metadata><org_name>reporter.test</org_name><report_id>{name}</report_id><date_range>"
        f"<begin>{begin}</begin><end>{begin + 80_000}</end></date_range></report_metadata><policy_published>"
        f"<domain>example.org</domain><p>none</p></policy_published>{record('192.0.2.66', '5')}</feedback>".encode()
    )


def test_a_report_by_mail(service: Site) -> None:
    words = "Content-Type: application/gzip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    text = words + base64.encodebytes(report("by mail")).decode().replace("\n", "\r\n")
    assert send(service, "noreply@plain.test", to="dmarc-reports@example.org", text=text).startswith("250")

    def found() -> list[dict[str, object]]:
        return [row for row in service.cli_json("dmarc", "reports")["rows"] if row["report"] == "by mail"]

    (one,) = until(found, every=0.5, why="the report is read")
    assert (one["organisation"], one["messages"], one["failed"], one["proven"]) == ("reporter.test", 5, 5, False)
    assert "192.0.2.66" in service.cli("dmarc", "report", str(one["id"])).stdout.decode()
    sources = service.cli_json("dmarc", "sources", "example.org")["rows"]
    assert sources[0]["source"] == "192.0.2.66"


def test_a_report_from_a_file(service: Site, tmp_path: Path) -> None:
    file = tmp_path / "report.xml"
    file.write_bytes(gzip.decompress(report("by file")))
    assert (
        "messages 5, addresses 1, not proven to be ours 5." in service.cli("dmarc", "import", str(file)).stdout.decode()
    )
    assert service.cli_json("dmarc", "import", str(file))["new"] is False
    done = service.cli("dmarc", "import", "-", stdin=report("by pipe"))
    assert b"reporter.test on example.org" in done.stdout
    audit = service.cli_json("audit-log", "list")["rows"]
    row = next(row for row in audit if row["action"] == "dmarc.import")
    assert "file" not in json.dumps(row["arguments"])
    file.write_bytes(b"<!DOCTYPE x><feedback/>")
    refused = service.cli("dmarc", "import", str(file), check=False)
    assert refused.returncode == 2
    assert b"document type" in refused.stderr
    missing = service.cli("dmarc", "import", str(tmp_path / "nothing"), check=False)
    assert missing.returncode == 2
