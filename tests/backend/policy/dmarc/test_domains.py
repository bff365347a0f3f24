"""Whose a domain is, by the public suffix list that is installed."""

from __future__ import annotations

import pytest

from backend.policy.dmarc.domains import aligned, organisational


@pytest.mark.parametrize(
    ("domain", "owner"),
    [
        ("example.org", "example.org"),
        ("mail.example.org", "example.org"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("co.uk", "co.uk"),
        ("org", "org"),
        ("a.b.github.io", "b.github.io"),  # a private suffix: its users are strangers to each other
        ("www.caha.es", "caha.es"),
        ("a.b.test", "b.test"),  # a name of no suffix on the list: the last label is one
        ("a.www.ck", "www.ck"),  # an exception on the list
        ("a.b.ck", "a.b.ck"),
        ("mail.xn--bcher-kva.example.com", "example.com"),
        ("a.xn--55qx5d.cn", "a.xn--55qx5d.cn"),  # listed in its own letters
    ],
)
def test_organisational_domains(domain: str, owner: str) -> None:
    assert organisational(domain) == owner


def test_alignment() -> None:
    assert aligned("bounce.example.org", "example.org", strict=False)
    assert aligned("example.org", "news.example.org", strict=False)
    assert not aligned("bounce.example.org", "example.org", strict=True)
    assert aligned("example.org", "example.org", strict=True)
    assert not aligned("example.net", "example.org", strict=False)
    assert not aligned("a.github.io", "b.github.io", strict=False)
    assert not aligned("co.uk", "example.co.uk", strict=False)
