"""OpenSSL's own DANE and ldns agree with ours about certificates and records."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.backend.delivery.trust.test_dane import HOST, MIDDLE, OTHER, ROOT, matches
from tests.harness.authority import issue
from tests.harness.web import SILENT, Web

NAME = "mx.remote.test"
HOSTS = {
    "right": HOST,
    "other name": issue("mx.other.test", MIDDLE),
    "wildcard": issue("x", MIDDLE, names=("*.remote.test",)),
    "expired": issue(NAME, MIDDLE, days=-1),
    "expired authority": issue(NAME, issue("old", ROOT, authority=True, days=-1)),
    "other authority": issue(NAME, OTHER),
    "by no authority": issue(NAME, issue("none", ROOT)),
    "by itself": issue(NAME),
    "not strict": issue(NAME, issue("small", ROOT, authority=True, strict=False), strict=False),
}
RECORDS = {
    f"{usage} {selector} {matching} of {name}": one.tlsa(usage, selector, matching)
    for name, one in (("host", HOST), ("root", ROOT), ("middle", MIDDLE))
    for usage in (2, 3)
    for selector, matching in ((0, 1), (1, 1), (1, 2))
    if (usage == 3) is (one is HOST)
}


def openssl(port: int, *records: str) -> bool:
    """Whether OpenSSL takes the server for the one that the records name."""
    words = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", NAME, "-verify_return_error"]
    words += ["-dane_tlsa_domain", NAME, "-dane_ee_no_namechecks", "-no-CAfile", "-no-CApath"]
    for record in records:
        words += ["-dane_tlsa_rrdata", record]
    done = subprocess.run(words, input=b"", capture_output=True, timeout=120, check=False)
    return b"Verify return code: 0 (ok)" in done.stdout and done.returncode == 0


@pytest.mark.parametrize("name", HOSTS)
def test_openssl(tmp_path: Path, name: str) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    one = HOSTS[name]
    own = {"3 1 1 of itself": one.tlsa(3), "3 0 2 of itself": one.tlsa(3, 0, 2)}
    with Web(one.server(tmp_path), SILENT) as web:
        verdicts = {words: openssl(web.port, record) for words, record in {**RECORDS, **own}.items()}
    assert verdicts == {words: matches(one, record, names=(NAME,)) for words, record in {**RECORDS, **own}.items()}
    assert verdicts["3 1 1 of itself"]


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_ldns_makes_the_same_records(tmp_path: Path, selector: int, matching: int) -> None:
    tool = shutil.which("ldns-dane")
    if tool is None:
        pytest.skip("ldns-dane is not installed")
    file = tmp_path / "host.pem"
    file.write_bytes(HOST.certificate.public_bytes(Encoding.PEM))
    words = [tool, "-c", str(file), "create", NAME, "25", "3", str(selector), str(matching)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    record = done.stdout.split("TLSA", 1)[1].split()
    assert matches(HOST, " ".join([*record[:3], "".join(record[3:])]))
