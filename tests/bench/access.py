"""White and black lists with 100,000 rules: what they cost a message, next to 100, and how they open in the console."""

from __future__ import annotations

import ipaddress
import random
import time
from collections.abc import Callable
from pathlib import Path

from backend.store import access
from backend.store.access_patterns import Subject, parse
from backend.store.database import Store, Transaction
from mailconsole import access_files
from tests.bench.load import BenchSite, smtp_source
from tests.bench.table import Row

_MANY, _FEW = 100_000, 100
_MESSAGES = 4_000  # of one measurement of the rate
_LOOKUPS = 2_000  # of one measurement without a worker's memory
_STRANGER = '[relay]\nnetworks = ["127.0.0.2/32"]\n'  # who brings the mail is not one of ours


def measure(folder: Path, runs: int) -> list[Row]:
    """Messages a second, look-ups a second, milliseconds, seconds. The peer is ourselves with 100 rules."""
    few, few_lookups = _rates(folder / "few", _FEW, runs)
    many, many_lookups = _rates(folder / "many", _MANY, runs)
    with BenchSite(folder / "import") as site:
        site.start()
        imports = [_import(site, folder / "list.csv") for _ in range(max(1, runs // 2))]
        pages = _pages(site, runs)
    slowest = max(pages, key=lambda name: sorted(pages[name])[runs // 2])
    return [
        Row(f"mail with {_MANY:,} access rules (peer: {_FEW})", "/s", many, few, times=0.9),
        Row("look-ups in them a second of CPU (peer: the same)", "/s", many_lookups, few_lookups, times=0.8),
        Row(f"slowest page of {_MANY:,} access rules: {slowest}", "ms", pages[slowest], under=300),
        Row(f"import of {_MANY:,} access rules", "s", imports, under=60),
    ]


def _rates(folder: Path, number: int, runs: int) -> tuple[list[float], list[float]]:
    """Of mail over the wire, and of look-ups straight from the store."""
    with BenchSite(folder, ["bob"]) as site:
        site.configure(_STRANGER)
        store = Store.open(site.data)
        try:
            store.write(lambda transaction: _fill(transaction, number))
            lookups = [_lookups(store) for _ in range(runs)]
        finally:
            store.close()
        site.start()
        _mail(site)  # once for what is read for the first time
        return [_mail(site) for _ in range(runs)], lookups


def _fill(transaction: Transaction, number: int) -> None:
    for count in range(number):
        verdict, what, kind = _rule(count)
        access.add(transaction, verdict, parse(what, kind), owner="bench", reason="a rule of many", until=None)


def _rule(count: int) -> tuple[str, str, str]:
    """Of each kind, none about 127.0.0.1, sender@client.test or bob@example.org."""
    quads = f"{count >> 16}.{count >> 8 & 255}.{count & 255}"
    match count % 7:
        case 0:
            return "deny", f"10.{quads}", "address"
        case 1:
            return "deny", f"{11 + (count >> 16)}.{count >> 8 & 255}.{count & 255}.0/24", "network"
        case 2:
            return "allow", f"2001:db8:{count >> 16:x}:{count & 65535:x}::/64", "network"
        case 3:
            return "deny", f".spam{count}.test", "domain"
        case 4:
            return "allow", f"person{count}@partner.test", "sender"
        case 5:
            return "deny", f"*@bulk{count}.test", "sender"
    return "deny", f"dsl-{count}.isp.test", "helo"


def _lookups(store: Store) -> float:
    chance = random.Random(1)
    subjects = [
        Subject(
            ipaddress.IPv4Address(chance.getrandbits(32)),
            (),
            f"mail{number}.client.test",
            f"person{number}@news{number % 50}.client.test",
            "bob@example.org",
        )
        for number in range(_LOOKUPS)
    ]
    shapes = store.read(access.shapes)  # which a worker remembers
    start = time.process_time()
    for subject in subjects:
        parts = list(subject.parts())
        store.read(lambda reader, parts=parts: access.about(reader, parts, shapes))  # type: ignore[misc]
    return _LOOKUPS / (time.process_time() - start)


def _mail(site: BenchSite) -> float:
    start = time.monotonic()
    smtp_source(site.smtp, f"bob@{site.domain}", messages=_MESSAGES, sessions=20)
    return _MESSAGES / (time.monotonic() - start)


def _import(site: BenchSite, file: Path) -> float:
    rules = (f"{verdict},{kind},{what},a rule of many\n" for verdict, what, kind in map(_rule, range(_MANY)))
    file.write_text("verdict,kind,what,reason\n" + "".join(rules))
    after = None
    if site.call("access.list", limit=1)["total"]:
        answer = site.call("access.delete", all=True)
        while (after := answer["next"]) is not None:
            answer = site.call("access.delete", all=True, after=after, undo=answer["undo"])
    start = time.perf_counter()
    done = access_files.read_in(lambda name, given: site.call(name, **given), str(file), {"format": "csv", "why": "x"})
    assert done["added"] == _MANY, done
    return time.perf_counter() - start


def _pages(site: BenchSite, runs: int) -> dict[str, list[float]]:
    def timed(work: Callable[[], object]) -> list[float]:
        times = []
        for _ in range(runs):
            start = time.perf_counter()
            work()
            times.append((time.perf_counter() - start) * 1000)
        return times

    questions: dict[str, dict[str, object]] = {
        "opened": {},
        "most hits": {"sort": "-hits"},
        "the last thousand": {"limit": 1_000, "offset": _MANY - 1_000},
        "a part of a rule": {"text": "spam777"},
        "a part that is not there": {"text": "zzzz"},
        "of a kind": {"kind": "helo"},
        "of nobody": {"owner": "nobody"},
        "those whose time has passed": {"expired": True},
    }
    return {
        name: timed(lambda where=where: site.call("access.list", **{"limit": 200, **where}))  # type: ignore[misc]
        for name, where in questions.items()
    }
