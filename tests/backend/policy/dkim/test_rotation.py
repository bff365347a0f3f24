"""Keys and the DNS: what is shown, who signs when, and that a message's process has the right ones at hand."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from backend.config import Dkim, Settings
from backend.policy.dkim import generate, publish, sign
from backend.policy.dkim.keyring import Keyring
from backend.policy.dkim.letter import letter
from backend.policy.dkim.outgoing import signed
from backend.policy.dkim.rotation import Rotation
from backend.policy.dkim.verify import Rules, verify
from backend.store import accounts, audit, dkim_keys
from backend.store.database import Store
from backend.store.dkim_keys import DkimKey
from tests.harness.keys import BROKEN, Records

DOMAIN = "example.org"
NOW = 1_800_000_000.0
TEXT = b"From: alice@example.org\r\nSubject: x\r\n\r\nhello\r\n"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    Store.create(tmp_path / "data")
    opened = Store.open(tmp_path / "data")
    opened.write(lambda transaction: accounts.found_site(transaction, DOMAIN))
    yield opened
    opened.close()


def settings(**words: int) -> Settings:
    return replace(Settings(), dkim=Dkim(**{"settle_minutes": 0, **words}))  # type: ignore[arg-type]


def make(store: Store, called: str = "m1", domain: str = DOMAIN) -> dict[str, str]:
    """A pair; its records."""
    keys = store.write(lambda transaction: dkim_keys.add(transaction, domain, called, generate.pair(called)))
    return {name: text for name, _, text in publish.records(domain, keys)}


def states(store: Store) -> dict[str, tuple[str, str]]:
    return {one.selector: (one.state, one.dns) for one in store.read(dkim_keys.everything)}


def look(store: Store, records: dict[str, str], **words: int) -> None:
    """One look, with a name server that has these records."""

    async def go() -> None:
        mine = Store.open(store.folder)
        await Rotation(settings(**words), mine).once(Records(records))
        mine.close()

    asyncio.run(go())


def test_a_pair_signs_when_all_of_it_is_shown(store: Store) -> None:
    records = make(store)
    look(store, {})
    assert states(store) == {"m1-rsa": ("waiting", "missing"), "m1-ed": ("waiting", "missing")}
    half = {name: text for name, text in records.items() if "-ed" in name}
    look(store, half)
    assert states(store) == {"m1-rsa": ("waiting", "missing"), "m1-ed": ("waiting", "right")}
    look(store, {**half, "m1-rsa._domainkey.example.org": "v=DKIM1; p=AAAA"})
    assert states(store)["m1-rsa"] == ("waiting", "different")
    look(store, dict.fromkeys(records, BROKEN))
    assert states(store) == {"m1-rsa": ("waiting", "silent"), "m1-ed": ("waiting", "silent")}
    look(store, records, settle_minutes=60)
    assert states(store) == {"m1-rsa": ("waiting", "right"), "m1-ed": ("waiting", "right")}
    look(store, records)
    assert states(store) == {"m1-rsa": ("active", "right"), "m1-ed": ("active", "right")}
    [row] = store.read(lambda reader: audit.find(reader, audit.Filter()))
    assert (row.actor, row.action, row.after) == ("mailconsole", "dkim.use", ["m1-ed", "m1-rsa"])


def test_the_old_pair_stays_for_the_overlap(store: Store) -> None:
    old = make(store)
    look(store, old)
    new = make(store, "m2")
    look(store, old)  # not there yet: nothing changes
    assert [one.selector for one in store.read(lambda reader: dkim_keys.signing(reader, DOMAIN))] == ["m1-rsa", "m1-ed"]
    look(store, old | new)
    assert {name: state for name, (state, _) in states(store).items()} == {
        "m1-rsa": "retiring", "m1-ed": "retiring", "m2-rsa": "active", "m2-ed": "active",
    }  # fmt: skip
    look(store, old | new, overlap_days=1)
    assert states(store)["m1-rsa"] == ("retiring", "right")
    look(store, old | new, overlap_days=0)
    assert states(store)["m1-rsa"][0] == "revoked"
    look(store, old | new)
    assert states(store)["m1-rsa"] == ("revoked", "different")
    keys = store.read(lambda reader: dkim_keys.everything(reader, DOMAIN))
    look(store, {name: text for name, _, text in publish.records(DOMAIN, keys)})
    assert {dns for _, dns in states(store).values()} == {"right"}


def test_a_waiting_pair_that_vanishes_begins_anew(store: Store) -> None:
    records = make(store)
    look(store, records, settle_minutes=60)
    assert all(one.published for one in store.read(dkim_keys.everything))
    look(store, dict.fromkeys(records, BROKEN), settle_minutes=60)
    assert all(one.published for one in store.read(dkim_keys.everything))  # silence says nothing
    look(store, {}, settle_minutes=60)
    assert not any(one.published for one in store.read(dkim_keys.everything))


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        ([], "missing"),
        (["v=DKIM1; k=rsa; p={p}"], "right"),
        (["v=DKIM1;k=rsa;p={p}"], "right"),
        (["p={p}; t=s"], "right"),
        (["v=DKIM1; k=rsa; p={p}AAAA"], "different"),
        (["v=DKIM1; k=ed25519; p={p}"], "different"),
        (["v=DKIM1; k=rsa; p={p}; h=sha1"], "different"),
        (["v=DKIM1; k=rsa; p="], "different"),
        (["v=DKIM1; k=rsa; p={p}", "v=DKIM1; k=rsa; p={p}"], "different"),
        (["v=spf1 -all"], "different"),
    ],
)
def test_what_the_dns_shows(found: list[str], shown: str) -> None:
    made = generate.pair("m1")[0]
    one = DkimKey(1, DOMAIN, made.selector, "m1", made.algorithm, "active", made.public, 0, None, 0, None, "")
    texts = [text.format(p=made.public).encode() for text in found]
    assert publish.shown(one, texts) == shown


def test_names_of_pairs() -> None:
    assert generate.name(0, ()) == "m19700101"
    assert generate.name(0, {"m19700101"}) == "m19700101b"
    taken = {generate.name(0, set())}
    for _ in range(25):
        taken.add(generate.name(0, taken))
    assert len(taken) == 26
    with pytest.raises(Exception, match="tomorrow"):
        generate.name(0, taken)


def test_a_process_signs_with_what_counts_now(store: Store) -> None:
    async def go() -> None:
        mine = Store.open(store.folder)
        ring, rules = Keyring(mine), Rules(NOW)
        assert await signed(TEXT, ring, settings(), NOW) == TEXT
        records = Records(make(store))
        assert await ring.keys(DOMAIN) == ()
        store.write(lambda transaction: dkim_keys.use(transaction, DOMAIN))
        keys = await ring.keys(DOMAIN)
        assert [key.algorithm for key in keys] == ["rsa-sha256", "ed25519-sha256"]
        assert await ring.keys(DOMAIN) is keys  # at hand, and no query
        text = await signed(TEXT, ring, settings(), NOW)
        assert [one.value for one in await verify(letter(text), records, rules)] == ["pass", "pass"]
        assert await signed(TEXT, ring, settings(sign=False), NOW) == TEXT
        store.write(lambda transaction: dkim_keys.revoke(transaction, DOMAIN, "m1-rsa"))
        [left] = await ring.keys(DOMAIN)
        assert "PRIVATE" not in repr(left)
        assert repr(left) == "SigningKey(m1-ed._domainkey.example.org)"
        store.write(lambda transaction: transaction.execute("DELETE FROM domains"))
        store.write(lambda transaction: accounts.add_domain(transaction, "other.test"))
        assert await ring.keys(DOMAIN) == ()  # it is ours no more
        mine.close()

    asyncio.run(go())


def test_nothing_is_signed_without_keys() -> None:
    assert sign.sign(b"From: a@b.test\r\n", b"", (), NOW) == b""
