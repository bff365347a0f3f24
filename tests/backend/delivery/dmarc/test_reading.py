"""Reports of others, good and hostile."""

from __future__ import annotations

import base64
import contextlib
import gzip
import io
import time
import tracemalloc
import zipfile
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backend.delivery.dmarc import unpacking
from backend.delivery.dmarc.reader import read
from backend.errors import BadInput

OWN = frozenset({"example.org"})
NOW = 1_795_521_600.0
BEGIN = int(NOW) - 90_000
HEAD = f"""<?xml version="1.0"?>
<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0"><report_metadata><org_name>reporter.test</org_name>
<email>noreply@reporter.test</email><report_id>1</report_id>
<date_range><begin>{BEGIN}</begin><end>{BEGIN + 86_399}</end></date_range></report_metadata>
<policy_published><domain>Example.ORG</domain><p>none</p></policy_published>"""
TAIL = "</feedback>"


def record(source: str = "192.0.2.1", count: str = "1", header_from: str = "example.org", spf: str = "fail") -> str:
    return (
        f"<record><row><source_ip>{source}</source_ip><count>{count}</count><policy_evaluated>"
        f"<disposition>none</disposition><dkim>fail</dkim><spf>{spf}</spf></policy_evaluated></row>"
        f"<identifiers><header_from>{header_from}</header_from></identifiers>"
        "<auth_results><spf><domain>example.org</domain><result>pass</result></spf></auth_results></record>"
    )


def zipped(name: str, data: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr(name, data)
    return file.getvalue()


WHOLE = (HEAD + record(count="2") + record("2001:db8::1", "3", spf="pass") + TAIL).encode()


WIDE = WHOLE.decode().replace('1.0"?', "1.0\" encoding='utf-16'?").encode("utf-16")


@pytest.mark.parametrize(
    "file",
    [WHOLE, b"\xef\xbb\xbf" + WHOLE, gzip.compress(WHOLE), gzip.compress(WHOLE) + b"\0" * 9,
     zipped("a!b!1!2.xml", WHOLE), zipped("A.XML", WHOLE, zipfile.ZIP_STORED), WIDE],
    ids=["plain", "mark", "gzip", "zeros", "zip", "stored", "utf-16"],
)  # fmt: skip
def test_however_it_is_packed(file: bytes) -> None:
    found, rows = read(file, OWN, NOW, 10)
    assert (found.organisation, found.domain, found.messages, found.failed) == ("reporter.test", "example.org", 5, 2)
    assert [(row.source, row.number, row.failed) for row in rows] == [("2001:db8::1", 3, False), ("192.0.2.1", 2, True)]


def test_rows_that_cannot_be_are_left_out() -> None:
    rows = "".join(
        record(*one)
        for one in [("nowhere",), ("192.0.2.1", "-1"), ("192.0.2.1", "x"), ("192.0.2.1", "0"), ("192.0.2.1", "9" * 30)]
    )
    found, kept = read((HEAD + rows + record() + TAIL).encode(), OWN, NOW, 10)
    assert (found.messages, found.left_out, len(kept)) == (1, 5, 1)


def test_only_the_most_are_kept_and_all_are_counted() -> None:
    rows = "".join(record(f"192.0.2.{n}", str(n)) for n in range(1, 101))
    found, kept = read((HEAD + rows + TAIL).encode(), OWN, NOW, 7)
    assert (found.messages, found.sources, found.left_out) == (5050, 100, 93)
    assert [row.number for row in kept] == [100, 99, 98, 97, 96, 95, 94]


BOMB = b"""<?xml version="1.0"?><!DOCTYPE feedback [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><feedback>&b;</feedback>"""
OUTSIDE = b"""<!DOCTYPE feedback [<!ENTITY x SYSTEM "file:///etc/passwd">]><feedback>&x;</feedback>"""


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (BOMB, "document type"),
        (OUTSIDE, "document type"),
        (gzip.compress(BOMB, mtime=0), "document type"),
        (b"<!DOCTYPE feedback SYSTEM 'http://192.0.2.1/x.dtd'><feedback/>", "document type"),
        (b"<feedback>&x;</feedback>", "no XML"),
        (b"", "neither"),
        (b"hello", "neither"),
        (b"{}", "neither"),
        (b"<feedback>", "no XML"),
        (b"<html></html>", "no DMARC report"),
        (b"<?xml version='1.0' encoding='nonsense'?><feedback/>", "XML"),
        (b"<?xml version='1.0' encoding='rot13'?><feedback/>", "XML"),
        (b"<?xml version='1.0' encoding='zlib'?><feedback/>", "XML"),
        (b"<feedback></feedback>", "not ours"),
        (WHOLE.replace(b"Example.ORG", b"elsewhere.test"), "not ours"),
        (WHOLE.replace(b"Example.ORG", b"notexample.org"), "not ours"),
        (WHOLE.replace(str(BEGIN).encode(), b"1"), "time"),
        (WHOLE.replace(str(BEGIN).encode(), b"9999999999"), "time"),
        ((HEAD + TAIL).encode(), "no mail"),
        (b"<a>" * 1_000, "nested"),
        (gzip.compress(WHOLE, mtime=0)[:-30], "cut off"),
        (gzip.compress(WHOLE, mtime=0)[:10] + b"\xff" * 50, "damaged"),
        (zipped("a.txt", WHOLE), "no XML file"),
        (zipped("a.xml", WHOLE)[:-60], "damaged"),
        (zipped("a.xml", WHOLE, zipfile.ZIP_LZMA), "packed in a way"),
        (b"PK\x03\x04" + b"\0" * 500, "damaged"),
    ],
)
def test_what_is_refused(file: bytes, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        read(file, OWN, NOW, 10)


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: zipped("a.xml", data), zlib.compress])
def test_bombs_go_off_small(pack: object) -> None:
    """300 MB of blanks are refused before they are anywhere."""
    file = pack(HEAD.encode() + b" " * 300_000_000)  # type: ignore[operator]
    tracemalloc.start()
    began = time.monotonic()
    with pytest.raises(BadInput):
        read(file, OWN, NOW, 10)
    assert tracemalloc.get_traced_memory()[1] < 8_000_000
    tracemalloc.stop()
    assert time.monotonic() - began < 20


def test_a_long_text_and_many_facts_cost_no_memory() -> None:
    noise = "".join(f"<x{n}>{'y' * 5_000}</x{n}>" for n in range(2_000))
    found, _ = read((HEAD + noise + record(header_from="z" * 100_000) + TAIL).encode(), OWN, NOW, 10)
    assert found.messages == 1


def test_too_large_before_it_is_looked_at() -> None:
    with pytest.raises(BadInput, match="at the most"):
        read(b"<" * (unpacking.PACKED + 1), OWN, NOW, 10)


def test_control_characters_of_names_go() -> None:
    found, _ = read(WHOLE.replace(b"reporter.test</org", b"re\nport&#9;er</org"), OWN, NOW, 10)
    assert found.organisation == "re port er"


@given(st.binary(max_size=200))
@example(b"<feedback><record/></feedback>")
@example(b"<feedback><record><auth_results><spf/><dkim/></auth_results></record></feedback>")
@example(b"<feedback><record><auth_results><spf><domain><x/></domain></spf></auth_results></record></feedback>")
@example(b"<a:feedback xmlns:a='x'><a:record/></a:feedback>")
def test_no_bytes_break_it(data: bytes) -> None:
    for file in (data, gzip.compress(data), zipped("a.xml", data)):
        with pytest.raises(BadInput):
            read(file, OWN, NOW, 10)


@given(st.lists(st.sampled_from([*HEAD.split("<"), *record().split("<")]), max_size=60))
def test_no_order_of_elements_breaks_it(parts: list[str]) -> None:
    with contextlib.suppress(BadInput):
        read(("<feedback><" + "<".join(parts) + "</feedback>").encode(), OWN, NOW, 10)


MAIL = """From: noreply@reporter.test\r
Content-Type: multipart/mixed; boundary=b\r
\r
--b\r
Content-Type: text/plain\r
\r
hello\r
--b\r
Content-Type: application/octet-stream\r
Content-Transfer-Encoding: base64\r
\r
{}\r
--b--\r
"""


def test_the_file_in_a_mail() -> None:
    packed = gzip.compress(WHOLE)
    assert unpacking.files(MAIL.format(base64.b64encode(packed).decode()).encode()) == [packed]
    archive = zipped("a.xml", WHOLE)
    head = b"Content-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    assert unpacking.files(head + base64.b64encode(archive)) == [archive]


NESTED = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"


@pytest.mark.parametrize(
    "mail",
    [b"", b"\r\n", b"Content-Type: multipart/mixed\r\n\r\nx", b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b",
     b"Content-Transfer-Encoding: base64\r\n\r\n\xff\xfe===", MAIL.format("!!!").encode(),
     NESTED + (b"--b\r\n" + NESTED) * 3_000],
)  # fmt: skip
def test_broken_mail_holds_no_report(mail: bytes) -> None:
    for file in unpacking.files(mail):
        with pytest.raises(BadInput):
            read(file, OWN, NOW, 10)
