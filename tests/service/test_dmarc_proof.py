"""DMARC with what SPF and DKIM prove, over real sockets; for each of the two once the service has it."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from backend.config import Settings
from backend.policy.chain import CHECKS
from tests.backend.policy.dmarc.conftest import txt
from tests.harness.dns import Dns
from tests.harness.site import Site

_NAMES = {check.name for check in CHECKS}
STRANGER, OTHER = "127.0.0.7", "127.0.0.8"
_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_PUBLIC = base64.b64encode(
    _KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
).decode()
ZONE = f"""@ A 127.0.0.1
@ MX 10 @
@ TXT "v=spf1 ip4:{STRANGER} ?all"
bounce TXT "v=spf1 ip4:{STRANGER} ?all"
_dmarc TXT "v=DMARC1; p=reject; rua=mailto:rua@good.test"
s1._domainkey TXT {txt(f"v=DKIM1; k=rsa; p={_PUBLIC}")}
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("proof")
    zones = {"good.test": ZONE, "elsewhere.test": "@ A 127.0.0.1\n@ MX 10 @"}
    sections = [name for name in ("spf", "dkim", "dmarc") if hasattr(Settings(), name)]
    with Dns(folder / "nsd", zones) as server, Site(folder / "site") as made:
        made.configure(server.settings + "".join(f"[{name}]\nenabled = true\n" for name in sections))
        made.add_user("bob@example.org")
        yield made.start()


def send(site: Site, data: bytes, *, sender: str, source: str) -> str:
    with site.wire(source=source) as wire:
        wire.must(250, "EHLO client.test")
        return str(wire.message(sender, ["bob@example.org"], data))


def message(author: str = "ann@good.test") -> bytes:
    head = f"From: Ann <{author}>\r\nTo: bob@example.org\r\nSubject: hi\r\nMessage-ID: <{time.time_ns()}@good.test>\r\n"
    return f"{head}Date: Tue, 24 Nov 2026 12:00:00 +0000\r\n\r\nhello\r\n".encode()


def signed(data: bytes) -> bytes:
    """By dkimpy."""
    dkim: Any = pytest.importorskip("dkim")
    pem = _KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    signature: bytes = dkim.sign(data, b"s1", b"good.test", pem, include_headers=[b"From", b"Subject", b"Message-ID"])
    return signature + data


def test_nothing_proves_it(service: Site) -> None:
    answer = send(service, message(), sender="x@elsewhere.test", source=OTHER)
    assert answer.startswith("550 5.7.26 good.test asks to refuse"), answer


@pytest.mark.skipif("spf" not in _NAMES, reason="SPF is not there yet")
def test_spf_proves_it(service: Site) -> None:
    assert send(service, message(), sender="x@bounce.good.test", source=STRANGER).startswith("250")
    assert b"dmarc=pass" in service.inbox("bob@example.org")[-1]
    answer = send(service, message(), sender="x@elsewhere.test", source=STRANGER)
    assert answer.startswith("550 5.7.26"), answer


@pytest.mark.skipif("dkim" not in _NAMES, reason="DKIM is not there yet")
def test_dkim_proves_it(service: Site) -> None:
    data = signed(message("ann@sub.good.test"))
    assert send(service, data, sender="x@elsewhere.test", source=OTHER).startswith("250")
    assert any(b"dmarc=pass" in one for one in service.inbox("bob@example.org"))
    changed = signed(message()).replace(b"Subject: hi", b"Subject: ho")
    answer = send(service, changed, sender="x@elsewhere.test", source=OTHER)
    assert answer.startswith("550 5.7.26"), answer
