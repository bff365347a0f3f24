"""`init`: the folder of a new site."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from backend import site, tls
from backend.errors import BadInput
from backend.settings_file import load, sources
from backend.store import accounts
from backend.store.database import Store


def test_a_new_site(tmp_path: Path) -> None:
    made = site.init(tmp_path / "site", "Mail.Example.org", "example.org", 20_000)
    settings = load(made.settings)
    assert (settings.site.hostname, settings.site.domain) == ("mail.example.org", "example.org")
    assert (settings.listen.smtp, settings.listen.submission, settings.listen.submissions) == (20_025, 20_587, 20_465)
    assert settings.listen.addresses == ("127.0.0.1", "::1")
    assert settings.tls.key.stat().st_mode & 0o077 == 0
    assert settings.site.data.stat().st_mode & 0o077 == 0
    assert isinstance(tls.server_context(settings.tls), ssl.SSLContext)
    store = Store.open(settings.site.data)
    assert store.read(accounts.own_domains) == {"example.org"}
    assert store.read(lambda reader: accounts.account(reader, "postmaster@example.org")) is not None
    store.close()


def test_only_decisions_are_set(tmp_path: Path) -> None:
    made = site.init(tmp_path / "site", "mail.example.org", "example.org")
    assert {key.partition(".")[0] for key in sources(made.settings)} == {"site", "listen"}
    assert load(made.settings).listen.smtp == 25


@pytest.mark.parametrize(
    ("hostname", "domain", "base", "sentence"),
    [
        ("mail example", "example.org", None, "mail address"),
        ("mail.example.org", "", None, "mail address"),
        ("mail.example.org", "example.org", 0, "--port-base is 1 to 64540"),
        ("mail.example.org", "example.org", 64_541, "--port-base"),
    ],
)
def test_what_cannot_be(tmp_path: Path, hostname: str, domain: str, base: int | None, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        site.init(tmp_path / "site", hostname, domain, base)
    assert not (tmp_path / "site").exists()


def test_a_site_is_never_overwritten(tmp_path: Path) -> None:
    made = site.init(tmp_path, "mail.example.org", "example.org")
    before = made.certificate.read_bytes()
    with pytest.raises(BadInput, match="There is a site in"):
        site.init(tmp_path, "mail.example.org", "example.org")
    assert made.certificate.read_bytes() == before
