"""Keys that sign: made, listed, published, used, revoked, deleted; and never shown."""

from __future__ import annotations

import base64
import json
from contextlib import closing
from sqlite3 import connect

import pytest

from backend.config import Settings
from backend.errors import BadInput, Denied
from backend.management.roles import AUDITOR, HELPDESK, POSTMASTER
from backend.policy.dkim.key import read
from backend.store import dkim_keys
from backend.store.database import Store
from tests.backend.management.conftest import Act

DOMAIN = "example.org"


def states(act: Act) -> list[tuple[str, str]]:
    return [(row["selector"], row["state"]) for row in act("dkim.list")["rows"]]


def test_a_pair_is_made_and_waits(act: Act) -> None:
    made = act("dkim.make", domain="Example.ORG")
    [ed, rsa] = made["records"]
    assert ed["name"].endswith("-ed._domainkey.example.org")
    assert rsa["name"].endswith("-rsa._domainkey.example.org")
    assert (read(ed["text"].encode()).kind, read(rsa["text"].encode()).bits) == ("ed25519", 2048)
    assert [state for _, state in states(act)] == ["waiting", "waiting"]
    assert act("dkim.text", domain=DOMAIN)["records"] == made["records"]
    assert act("dkim.list", domain=DOMAIN) == act("dkim.list")
    assert act("dkim.list", domain="other.test")["rows"] == []


def test_the_zone_text_has_strings_that_fit(act: Act) -> None:
    made = act("dkim.make", domain=DOMAIN)
    strings = made["zone"].split('"')[1::2]
    assert "".join(strings) == "".join(row["text"] for row in made["records"])
    assert max(map(len, strings)) == 255
    assert made["zone"].count(" 3600 IN TXT ") == 2


@pytest.mark.parametrize(
    ("action", "words", "sentence"),
    [
        ("dkim.make", {"domain": "other.test"}, "other.test is not one of our domains"),
        ("dkim.make", {"domain": DOMAIN}, "has keys already"),
        ("dkim.rotate", {"domain": DOMAIN}, "has new keys that wait already"),
        ("dkim.text", {"domain": "other.test"}, "other.test has no keys"),
        ("dkim.use", {"domain": "other.test"}, "has no keys that wait"),
        ("dkim.rotate", {"domain": "other.test"}, "is not one of our domains"),
        ("dkim.revoke", {"domain": DOMAIN, "selector": "nothing"}, "has no key 'nothing'"),
        ("dkim.delete", {"domain": DOMAIN, "selector": "nothing"}, "has no key 'nothing'"),
        ("dkim.make", {"domain": "not a domain"}, "is no domain name"),
    ],
)
def test_what_makes_no_sense(act: Act, action: str, words: dict[str, str], sentence: str) -> None:
    act("dkim.make", domain=DOMAIN)
    with pytest.raises(BadInput, match=sentence):
        act(action, **words)


def test_there_is_nothing_to_rotate(act: Act) -> None:
    with pytest.raises(BadInput, match="makes the first ones"):
        act("dkim.rotate", domain=DOMAIN)


def test_a_life_by_hand(act: Act) -> None:
    act("dkim.make", domain=DOMAIN)
    act("dkim.use", domain=DOMAIN)
    first = [selector for selector, state in states(act) if state == "active"]
    assert len(first) == 2
    act("dkim.rotate", domain=DOMAIN)
    second = [selector for selector, state in states(act) if state == "waiting"]
    assert sorted(second) == sorted(name.replace("-", "b-") for name in first)
    with pytest.raises(Denied, match="is active: mail that it signed is still under way"):
        act("dkim.delete", domain=DOMAIN, selector=first[0])
    act("dkim.use", domain=DOMAIN)
    assert dict(states(act)) == {**dict.fromkeys(first, "retiring"), **dict.fromkeys(second, "active")}
    revoked = act("dkim.revoke", domain=DOMAIN, selector=first[0])
    assert [row["text"].rpartition("; ")[2] for row in revoked["records"]] == ["p="]
    with pytest.raises(BadInput, match="is revoked already"):
        act("dkim.revoke", domain=DOMAIN, selector=first[0])
    act("dkim.delete", domain=DOMAIN, selector=first[0])
    assert first[0] not in dict(states(act))


def test_a_key_that_nobody_can_find_is_a_problem(act: Act, store: Store) -> None:
    def rows() -> list[tuple[str, str]]:
        return [(row["severity"], row["sentence"]) for row in act("problems")["rows"] if "key" in row["sentence"]]

    def shown(dns: str) -> None:
        for key in store.read(dkim_keys.everything):
            store.write(lambda transaction, key=key: dkim_keys.looked(transaction, key.id, dns))  # type: ignore[misc]

    act("dkim.make", domain=DOMAIN)
    shown("missing")
    assert rows() == []
    store.write(lambda transaction: transaction.execute("UPDATE dkim_keys SET created = created - 90000"))
    assert [severity for severity, _ in rows()] == ["warn", "warn"]
    act("dkim.use", domain=DOMAIN)
    assert {severity for severity, _ in rows()} == {"bad"}
    assert "Mail of example.org fails DKIM: the DNS does not show its key" in rows()[0][1]
    shown("different")
    assert "the DNS has another text for its key" in rows()[0][1]
    for dns in ("silent", "right"):
        shown(dns)
        assert rows() == []


def test_only_the_sysadmin_changes_keys(act: Act) -> None:
    for role in (POSTMASTER, HELPDESK, AUDITOR):
        for name in ("make", "rotate", "use"):
            with pytest.raises(Denied):
                act(f"dkim.{name}", role, domain=DOMAIN)
        for name in ("revoke", "delete"):
            with pytest.raises(Denied):
                act(f"dkim.{name}", role, domain=DOMAIN, selector="x")
    assert act("dkim.list", POSTMASTER) == act("dkim.list", AUDITOR) == {"rows": []}
    with pytest.raises(Denied):
        act("dkim.list", HELPDESK)


def test_nothing_shows_a_private_key(act: Act, store: Store, settings: Settings) -> None:
    act("dkim.make", domain=DOMAIN)
    act("dkim.use", domain=DOMAIN)
    act("dkim.rotate", domain=DOMAIN)
    private = store.read(lambda reader: dkim_keys.signing(reader, DOMAIN))
    assert [one.algorithm for one in private] == ["rsa-sha256", "ed25519-sha256"]
    old = [one.selector for one in private]
    secrets = [form(one.data)[-24:] for one in private for form in (base64.b64encode, lambda data: data.hex().encode())]
    answers = [act("dkim.list"), act("dkim.text", domain=DOMAIN), act("dkim.use", domain=DOMAIN)]
    answers += [act("dkim.revoke", domain=DOMAIN, selector=name) for name in old]
    answers += [act("audit-log.list"), act("deletions"), act("trace.find"), repr(private)]
    shown = json.dumps(answers).encode()
    assert not [secret for secret in secrets if secret in shown]
    with closing(connect(settings.site.data / "mail.db")) as connection:
        rows = connection.execute("SELECT state, private IS NULL FROM dkim_keys").fetchall()
    assert sorted(rows) == [("active", 0), ("active", 0), ("revoked", 1), ("revoked", 1)]
