"""Reports as we write them: as RFC 7489 wants them, and read by our own reader as they were meant."""

from __future__ import annotations

import email
import gzip
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend import ids
from backend.delivery.dmarc import feedback
from backend.delivery.dmarc.feedback import Reporter
from backend.delivery.dmarc.reader import read
from backend.policy.dmarc.record import parse
from backend.store.dmarc_results import DAY, Day, Seen

REPORTER = Reporter(
    "Example & Sons", "dmarc-reports@example.org", "postmaster@example.org", "example.org", "mail.example.org"
)
RECORD = "v=DMARC1; p=reject; sp=quarantine; adkim=s; pct=50; rua=mailto:rua@sender.test"
TODAY = Day(20_000, "sender.test", RECORD)
NOW = 20_001 * DAY + 100.0
OWN = frozenset({"sender.test"})
SPF = {"method": "spf", "domain": "sender.test", "scope": "mfrom", "result": "pass"}
DKIM = {"method": "dkim", "domain": "sender.test", "selector": "s1", "result": "fail"}
GOOD = Seen("192.0.2.1", "none", "pass", "fail", "", "", "sender.test", "bounce.sender.test", [DKIM, SPF])
BAD = Seen("2001:db8::7", "reject", "fail", "fail", "", "", "sub.sender.test", "", [])
SPARED = Seen("192.0.2.3", "none", "fail", "fail", "mailing_list", "list=<a>&b", "sender.test", "lists.test", [SPF])
ROWS = [(GOOD, 40), (BAD, 2), (SPARED, 1)]


def report(rows: list[tuple[Seen, int]]) -> bytes:
    return feedback.xml(TODAY, parse(RECORD), REPORTER, rows)


@pytest.mark.skipif(not shutil.which("xmllint"), reason="xmllint is not here")
def test_the_schema_of_the_rfc(tmp_path: Path) -> None:
    odd = replace(BAD, results=[{"method": "dkim", "domain": "x", "selector": "", "result": "strange"}])
    (tmp_path / "report.xml").write_bytes(report([*ROWS, (odd, 1)]))
    schema = Path(__file__).with_name("report.xsd")
    command = ["xmllint", "--noout", "--schema", str(schema), str(tmp_path / "report.xml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_we_write_we_read_the_same() -> None:
    found, rows = read(feedback.packed(report(ROWS)), OWN, NOW, 100)
    assert (found.organisation, found.contact) == ("Example & Sons", "dmarc-reports@example.org")
    assert (found.domain, found.report) == ("sender.test", "20000.sender.test@example.org")
    assert found.policy == "p=reject sp=quarantine adkim=s aspf=r pct=50"
    assert (found.begins, found.ends) == (20_000 * DAY, 20_001 * DAY - 1)
    assert (found.messages, found.failed, found.sources, found.left_out) == (43, 3, 3, 0)
    assert [(row.source, row.number) for row in rows] == [("192.0.2.1", 40), ("2001:db8::7", 2), ("192.0.2.3", 1)]
    for row, (seen, _) in zip(rows, ROWS, strict=True):
        assert (row.disposition, row.spf, row.dkim, row.reason) == (seen.disposition, seen.spf, seen.dkim, seen.reason)
        assert (row.header_from, row.envelope_from) == (seen.header_from, seen.envelope_from)
    assert list(rows[0].results) == [DKIM, SPF]
    assert not rows[0].failed
    assert rows[1].failed


@given(st.text(max_size=50), st.text(max_size=50))
def test_no_name_breaks_the_xml(comment: str, name: str) -> None:
    seen = replace(SPARED, comment=comment, header_from=name, results=[{**DKIM, "selector": comment}])
    found, rows = read(report([(seen, 3)]), OWN, NOW, 10)
    assert found.messages == rows[0].number == 3


def test_the_mail() -> None:
    file = feedback.packed(report(ROWS))
    assert file == feedback.packed(report(ROWS))
    text = feedback.mail(ids.new(), NOW, TODAY, REPORTER, "rua@sender.test", (3, 43), file)
    assert max(len(line) for line in text.split(b"\r\n")) <= 100
    assert b"\n" not in text.replace(b"\r\n", b"")
    mail = email.message_from_bytes(text)
    subject = " ".join(str(mail["Subject"]).split())
    assert subject == ("Report Domain: sender.test Submitter: example.org Report-ID: <20000.sender.test@example.org>")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["From"] == "<dmarc-reports@example.org>"
    words, attached = (part for part in mail.walk() if not part.is_multipart())
    assert "43 messages from 3 addresses" in str(words.get_payload())
    assert attached.get_content_type() == "application/gzip"
    begin = 20_000 * DAY
    assert attached.get_filename() == f"example.org!sender.test!{begin}!{begin + DAY - 1}.xml.gz"
    content: Any = attached.get_payload(decode=True)
    assert gzip.decompress(content) == report(ROWS)
