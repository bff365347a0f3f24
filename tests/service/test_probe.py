"""The probe against a running service with real engines: what is found, what is missed, what stays behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from backend.delivery.probe import daily, letter
from backend.delivery.probe.daily import Daily
from backend.errors import Temporary
from backend.settings_file import load
from backend.store import probes
from backend.store.database import Store, Transaction
from tests.harness.clamd import MISSING, Clamd
from tests.harness.site import Site

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)
_ON = "[antivirus]\nenabled = true\n[spam]\nenabled = true\n[workers]\nsmtp = 1\n"
_STRICT = """
[reverse_dns]
enabled = true
unconfirmed = "refuse"
[spf]
enabled = true
[dkim]
enabled = true
[dmarc]
enabled = true
[greylist]
enabled = true
[dns]
nameservers = ["127.0.0.1:9"]
timeout_seconds = 0.2
lifetime_seconds = 0.3
"""


@pytest.fixture(scope="module")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clamd]:
    with Clamd(tmp_path_factory.mktemp("clamd") / "clamd") as clamd:
        yield clamd


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A service that is not started yet, with a postmaster who has a mailbox of her own."""
    with Site(tmp_path / "site") as site:
        site.configure(_ON)
        site.add_user("master@example.org")
        site.add_alias("postmaster@example.org", "master@example.org")
        yield site


def ran(site: Site) -> tuple[dict[tuple[str, str], tuple[str, str]], list[str]]:
    """Outcome and words of a run by direction and file, and its notes."""
    done = site.cli("probe", "run", "--json", check=False)
    answer = json.loads(done.stdout)
    assert done.returncode == (0 if answer["good"] else 1), done.stderr
    rows = {(row["direction"], row["what"]): (row["outcome"], row["words"]) for row in answer["rows"]}
    wrong = {outcome for outcome, words in rows.values() if outcome != "found" and " is off." not in words}
    assert answer["good"] is not bool(wrong)
    return rows, answer["notes"]


def outcomes(rows: dict[tuple[str, str], tuple[str, str]]) -> dict[str, str]:
    return {f"{what} {direction}": outcome for (direction, what), (outcome, _) in rows.items()}


def rows_of(site: Site, sql: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(site.data / "mail.db")) as connection:
        return connection.execute(sql).fetchall()


def left_behind(site: Site) -> dict[str, int]:
    """What is in the tables of mail, and in the figures."""
    tables = ("messages", "mail", "queue", "quarantine", "notices", "probe_letters", "minutes", "check_days")
    counts = {table: rows_of(site, f"SELECT count(*) FROM {table}")[0][0] for table in tables}
    return {table: number for table, number in counts.items() if number}


def test_both_engines_find_eicar_both_ways_and_gtube_arrives_marked(site: Site, clamd: Clamd) -> None:
    site.configure(clamd.settings + "[spam]\nours = true\n")
    site.start()
    rows, notes = ran(site)
    assert notes == []
    assert set(rows) == {("in", "eicar"), ("out", "eicar"), ("in", "gtube"), ("out", "gtube")}
    assert {outcome for outcome, _ in rows.values()} == {"found"}, rows
    for way in ("in", "out"):
        words = rows[way, "eicar"][1]
        assert "550 5.7.1 The message is infected (" in words
        assert "yara infected: EICAR_Test_File" in words
        assert "clamd infected: Eicar-Test-Signature" in words
    assert "Marked, in the mailbox of master@example.org after" in rows["in", "gtube"][1]
    story = rows["in", "gtube"][1].rpartition("Trace ")[2].rstrip(".")
    told = site.cli("trace", "show", story).stdout.decode()
    assert "a probe of this service itself, with the harmless test file GTUBE; marked as spam" in told
    assert "Taken out of the mailbox again" in told
    assert left_behind(site) == {}
    assert site.mailboxes("master@example.org") == []
    assert site.cli_json("virus", "list")["rows"] == []
    assert [row["sentence"] for row in site.cli_json("problems")["rows"] if "probe" in row["sentence"]] == []
    assert len(site.cli_json("probe", "list")["rows"]) == 4
    assert len(site.cli_json("probe", "list", "--limit", "1")["rows"]) == 1
    audit = [row for row in site.cli_json("audit-log", "list")["rows"] if row["action"] == "probe.run"]
    assert len(audit) == 1


def test_what_is_quarantined_is_found_and_does_not_stay_there(site: Site) -> None:
    site.configure('[antivirus]\ninfected = "quarantine"\n')
    site.start()
    rows, notes = ran(site)
    assert outcomes(rows) == {"eicar in": "found", "gtube in": "found", "eicar out": "found"}, rows
    assert "250 2.0.0" in rows["in", "eicar"][1]
    assert notes == ["GTUBE was not sent out: what our own people send is not marked, [spam] ours."]
    assert left_behind(site) == {}


def blind(clamd: Clamd, folder: Path) -> Clamd:
    """Another clamd, whose signatures do not have EICAR."""
    other = Clamd(folder / "blind")
    (other.folder / "database" / "local.ndb").unlink()
    return other


def test_an_engine_that_misses_is_an_alert_though_the_other_one_refused(
    site: Site, tmp_path: Path, clamd: Clamd
) -> None:
    with blind(clamd, tmp_path) as other:
        site.configure(other.settings)
        site.start()
        rows, _ = ran(site)
        assert outcomes(rows) == {"eicar in": "missed", "gtube in": "found", "eicar out": "missed"}
        assert rows["in", "eicar"][1].startswith("Not found by clamd, though refused after")
        assert "clamd clean" in rows["in", "eicar"][1]
        (alert,) = site.cli_json("virus", "list")["rows"]
        assert (alert["kind"], alert["subject"]) == ("probe", "EICAR in, EICAR out")
        (mail,) = site.inbox("master@example.org")
        assert b"Subject: [alert] The probe with EICAR and GTUBE failed" in mail
        assert b"Not found by clamd" in mail
        told = [row["sentence"] for row in site.cli_json("problems")["rows"]]
        assert any("EICAR in, was not found: Not found by clamd" in one for one in told), told
        ran(site)
        assert len(site.mailboxes("master@example.org")) == 1  # it is the same outbreak
        other.kill()
        rows, _ = ran(site)
        assert outcomes(rows)["eicar in"] == "failed"
        assert "clamd failed" in rows["in", "eicar"][1]


def test_what_gets_through_is_missed_and_taken_away_again(site: Site, tmp_path: Path, clamd: Clamd) -> None:
    with blind(clamd, tmp_path) as other:
        site.configure(f"{other.settings}\n[spam]\nthreshold = 5000.0\n".replace("true\n\n", "true\nyara = false\n\n"))
        site.start()
        rows, _ = ran(site)
        assert outcomes(rows) == {"eicar in": "missed", "gtube in": "missed", "eicar out": "missed"}
        assert rows["in", "eicar"][1].startswith("It got through after")
        assert rows["in", "gtube"][1].startswith("Not marked, in the mailbox of master@example.org")
        (alert,) = site.cli_json("virus", "list")["rows"]
        assert alert["subject"] == "EICAR in, GTUBE in, EICAR out"
        (mail,) = site.inbox("master@example.org")
        assert b"[alert]" in mail
        assert left_behind(site)["messages"] == 1


def test_with_the_scanners_off_it_says_so_and_nobody_is_alarmed(site: Site) -> None:
    site.configure("[antivirus]\nenabled = false\n[spam]\nenabled = false\n")
    site.start()
    rows, _ = ran(site)
    assert {outcome for outcome, _ in rows.values()} == {"missed"}
    assert rows["in", "eicar"][1] == "It got through, for [antivirus] is off."
    assert rows["out", "eicar"][1] == "It got through, for [antivirus] is off."
    assert rows["in", "gtube"][1] == "It arrived unmarked, for [spam] is off."
    assert site.cli_json("virus", "list")["rows"] == []
    assert left_behind(site) == {}


def test_no_check_of_strangers_makes_it_fail(site: Site) -> None:
    site.configure(_STRICT)
    site.start()
    rows, _ = ran(site)
    assert outcomes(rows) == {"eicar in": "found", "gtube in": "found", "eicar out": "found"}, rows


def test_where_this_host_is_no_network_of_ours_it_still_comes_in(site: Site) -> None:
    site.configure(_STRICT + "[relay]\nnetworks = []\n")
    site.start()
    rows, notes = ran(site)
    assert outcomes(rows) == {"eicar in": "found", "gtube in": "found"}, rows
    assert notes == ["Nothing was sent out: this host may not send through itself, [relay] networks."]


def test_a_postmaster_elsewhere_is_sent_nothing(site: Site) -> None:
    site.cli("alias", "delete", "postmaster@example.org", "master@example.org")
    site.add_alias("postmaster@example.org", "somebody@remote.test")
    site.start()
    rows, _ = ran(site)
    assert rows["in", "gtube"][0] == "found"
    assert "at a recipient without a mailbox here" in rows["in", "gtube"][1]
    assert site.queue() == []
    assert left_behind(site) == {}


def test_nobody_else_can_play_the_probe(site: Site) -> None:
    """A token that is announced, in any other message; and one that was used."""
    site.start()
    settings = load(site.config)
    written = letter.write("in", "eicar", settings.site, "postmaster@example.org")
    store = Store.open(site.data)
    try:
        store.write(lambda t: probes.announce(t, written.letter, written.digest))
    finally:
        store.close()

    def send(data: bytes) -> str:
        with site.wire(source="127.0.0.7") as wire:
            wire.must(250, "EHLO client.test")
            return str(wire.message("", ["postmaster@example.org"], data))

    assert send(written.data.replace(b"daily", b"other")).startswith("550 5.7.1")
    assert [row["kind"] for row in site.cli_json("virus", "list")["rows"]] == ["incoming"]
    assert send(written.data).startswith("550 5.7.1")
    assert [row["count"] for row in site.cli_json("virus", "list")["rows"]] == [1]  # this one was the probe
    assert send(written.data).startswith("550 5.7.1")
    assert [row["count"] for row in site.cli_json("virus", "list")["rows"]] == [2]


def test_a_letter_that_the_server_has_in_hand_is_left_until_it_is_done(site: Site) -> None:
    """Whoever sent it has lost patience; it still is a probe, and is swept later."""
    written = letter.write("in", "gtube", load(site.config).site, "postmaster@example.org")
    store = Store.open(site.data)
    try:
        store.write(lambda t: probes.announce(t, written.letter, written.digest))
        store.write(lambda t: probes.sweep(t, written.letter))
        assert store.write(lambda t: probes.recognise(t, written.letter.token, written.digest)) == written.letter
        store.write(lambda t: probes.sweep(t, written.letter))
        assert store.write(lambda t: probes.recognise(t, written.letter.token, written.digest)) is None
        store.write(lambda t: probes.note(t, written.letter, story="S", engines={}))
        assert store.write(probes.sweep_old) == 0
        store.write(lambda t: probes.sweep(t, written.letter))
        assert left_behind(site) == {}
    finally:
        store.close()


def test_without_a_service_it_says_so(site: Site) -> None:
    done = site.cli("probe", "run", check=False)
    assert done.returncode == 75
    assert b"The service does not run" in done.stderr
    assert site.cli_json("probe", "list")["rows"] == []


# -- every day


@contextlib.asynccontextmanager
async def store_of(site: Site) -> AsyncIterator[Store]:
    store = Store.open(site.data)
    try:
        yield store
    finally:
        await asyncio.to_thread(store.close)


async def test_one_process_does_the_run_of_a_day(site: Site) -> None:
    site.configure("[probe]\nenabled = true\nhour = 5\n")
    site.start()
    settings = load(site.config)
    day = int(time.time()) // 86_400 * 86_400
    async with store_of(site) as one, store_of(site) as other:
        first, second = Daily(settings, one), Daily(settings, other)
        assert not await first.once(day + 5 * 3_600 - 1)
        assert sorted(await asyncio.gather(first.once(day + 5 * 3_600), second.once(day + 5 * 3_600))) == [False, True]
        assert not await second.once(day + 20 * 3_600)
        assert await second.once(day + 86_400 + 6 * 3_600)
        found = await one.query(lambda reader: probes.latest(reader, 100))
    assert [probe.outcome for probe in found] == ["found"] * 6
    assert left_behind(site) == {}


async def test_a_run_that_was_killed_is_done_again_and_its_letters_are_swept(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.configure("[probe]\nenabled = true\nhour = 0\n")
    site.start()
    settings, now = load(site.config), time.time()
    async with store_of(site) as store:

        def killed(_transaction: Transaction, letter: probes.Letter) -> None:
            if letter.what == "gtube":  # it is in the mailbox now; nothing of the run comes after this
                raise Temporary("killed")

        monkeypatch.setattr(probes, "sweep", killed)
        with pytest.raises(Temporary, match="killed"):
            await Daily(settings, store).once(now)
        monkeypatch.undo()
        assert len(site.mailboxes("master@example.org")) == 1
        assert not await Daily(settings, store).once(now)
        with contextlib.closing(sqlite3.connect(site.data / "mail.db")) as connection, connection:
            connection.execute("UPDATE probe_runs SET begun = begun - 3600")
            connection.execute("UPDATE probe_letters SET made = made - 3600")
        assert await Daily(settings, store).once(now)
    assert site.mailboxes("master@example.org") == []
    assert left_behind(site) == {}


async def test_runs_that_never_end_are_an_alert(site: Site) -> None:
    site.configure("[probe]\nenabled = true\nhour = 23\n")
    settings, day = load(site.config), int(time.time()) // 86_400
    async with store_of(site) as store:
        for ago in (4, 3, 2, 1):
            await store.commit(lambda t, ago=ago: probes.begin(t, day - ago))  # type: ignore[misc]
        await store.commit(lambda t: probes.end(t, day - 4))
        await Daily(settings, store).once((day - 3) * 86_400 + daily.STALE - 1)
        assert site.cli_json("virus", "list")["rows"] == []
        await Daily(settings, store).once((day - 3) * 86_400 + daily.STALE)
    (alert,) = site.cli_json("virus", "list")["rows"]
    assert (alert["kind"], alert["subject"]) == ("probe", "no end")
    with contextlib.closing(sqlite3.connect(site.data / "mail.db")) as connection, connection:
        connection.execute("UPDATE probe_runs SET begun = begun - 200000")
    told = [row["sentence"] for row in site.cli_json("problems")["rows"]]
    assert any(one.startswith("No probe with EICAR and GTUBE has come to its end for 2d") for one in told), told


async def test_it_is_off_when_the_site_says_so(site: Site) -> None:
    site.start()  # [probe] enabled = false in tests
    async with store_of(site) as store:
        assert not await Daily(load(site.config), store).once(time.time())
    assert rows_of(site, "SELECT * FROM probe_runs") == []
