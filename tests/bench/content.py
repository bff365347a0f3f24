"""What is inside: two engines against viruses and the spam filter on for every message, of real mail and attachments.

The peer is Postfix with rspamd as a milter and a clamd behind it. Both ask the same clamd, and neither asks the DNS.
BENCH_SPAM_CORPUS names a folder of real messages (tests/spam/train.py); without it they are made up.
"""

from __future__ import annotations

import base64
import contextlib
import io
import os
import random
import re
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.load import DOMAIN, BenchSite
from tests.bench.table import Row
from tests.harness.clamd import EICAR, Clamd
from tests.harness.processes import family
from tests.harness.rspamd import PROGRAM
from tests.harness.scanning_postfix import ScanningPostfix
from tests.harness.waiting import until

_MESSAGES = 1_000  # of one run, a tenth of them with something attached
_SESSIONS = 20
_FIRST = 200  # messages before the first run: processes start with them
_LARGEST = 512 * 1024  # bytes of an attachment
_SETTINGS = """
[relay]
networks = ["127.0.0.1/32"]

[spam]
enabled = true
seconds = 30.0
"""
_CPU = 10.0  # milliseconds: two cores, 200 messages a second
_HEAVY = 60.0  # seconds that a bomb and a message of 100 MB may take together
Running = subprocess.Popen[bytes] | int | None
_BAD = re.compile(rb"\0|\r(?!\n)|(?<!\r)\n")


def measure(folder: Path, runs: int) -> list[Row]:
    """Messages a second, until the last one is in its mailbox."""
    if not Path(PROGRAM).exists():
        raise SystemExit("There is no rspamd: apt-get install rspamd.")
    mail = folder / "mail"
    mail.mkdir()
    for number, message in enumerate(messages()):
        (mail / f"{number:04}").write_bytes(b"ann@client.test\n" + message)
    ours, peer, our_work, its_work = list[float](), list[float](), list[float](), list[float]()
    with (
        Clamd(folder / "clamd") as clamd,
        BenchSite(folder / "site", ["bob"]) as site,
        ScanningPostfix(folder / "postfix", ["bob"], domain=DOMAIN, clamd=clamd.socket) as postfix,
    ):
        site.configure(clamd.settings + _SETTINGS)
        site.start()
        _look(folder, site.smtp, f"bob@{site.domain}")
        _look(folder, postfix.port, f"bob@{DOMAIN}")
        for port, domain in ((site.smtp, site.domain), (postfix.port, DOMAIN)):
            _send(port, f"bob@{domain}", mail, _FIRST)
        for run in range(1, runs + 1):
            with _measured(ours, our_work, site.process, clamd.process):
                _send(site.smtp, f"bob@{site.domain}", mail)
                until(lambda total=_FIRST + run * _MESSAGES: site.messages("bob") == total, within=300, every=0.1)  # type: ignore[misc]
            with _measured(peer, its_work, postfix.master, postfix.rspamd.process, clamd.process):
                _send(postfix.port, f"bob@{DOMAIN}", mail)
                until(lambda total=_FIRST + run * _MESSAGES: _arrived(postfix) >= total, within=300, every=0.1)  # type: ignore[misc]
        _checked(site, postfix)
        heavy, others = _heavy(folder, site)
    return [
        Row("real mail, YARA, clamd and the spam filter on", "/s", ours, peer, times=1),
        Row("CPU for one of them, clamd's too", "ms", our_work, its_work, under=_CPU),
        Row("a bomb of 10 GB and 5,000 attachments in 100 MB, both at once", "s", [heavy], under=_HEAVY),
        Row("a small message of others meanwhile, the slowest", "s", [others], under=_HEAVY / 4),
    ]


@contextlib.contextmanager
def _measured(rates: list[float], work: list[float], *families: Running) -> Iterator[None]:
    """Messages a second, and milliseconds of processor time for one."""
    start, before = time.monotonic(), _cpu(families)
    yield
    rates.append(_MESSAGES / (time.monotonic() - start))
    work.append((_cpu(families) - before) * 1_000 / _MESSAGES)


def _cpu(families: Sequence[Running]) -> float:
    """Seconds of these processes and their descendants, also of those that have ended."""
    ticks = 0
    for one in families:
        for pid in family(one if isinstance(one, int) else one.pid if one else 0):
            with contextlib.suppress(OSError):
                stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += sum(int(number) for number in stat[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def _arrived(postfix: ScanningPostfix) -> int:
    return sum(1 for _ in postfix.mailbox("bob").iterdir())


def messages() -> list[bytes]:
    """With CR LF, as they go over the wire."""
    chance = random.Random(1)
    corpus = os.environ.get("BENCH_SPAM_CORPUS")
    texts = _real(Path(corpus), chance) if corpus else [_made_up(chance) for _ in range(_MESSAGES * 9 // 10)]
    found = texts + [_attached(chance) for _ in range(_MESSAGES - len(texts))]
    chance.shuffle(found)
    return found


def _real(corpus: Path, chance: random.Random) -> list[bytes]:
    found = list[bytes]()
    files = [file for file in sorted(corpus.glob("*/*")) if file.is_file() and file.suffix != ".json"]
    for file in chance.sample(files, len(files)):
        data = file.read_bytes()
        data = data.partition(b"\n")[2] if data.startswith(b"From ") else data
        message = re.sub(rb"\r?\n", b"\r\n", data).rstrip(b"\r\n")
        if not _BAD.search(message):
            found.append(re.sub(rb"(?m)^\.", b"..", message))
        if len(found) == _MESSAGES * 9 // 10:
            break
    return found


def _made_up(chance: random.Random) -> bytes:
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 9))) for _ in range(2_000)]
    lines = [" ".join(chance.choices(words, k=12)) for _ in range(chance.choice((10, 40, 100)))]
    text = "\r\n".join(lines)
    return (
        f"From: Ann <ann@client.test>\r\nTo: bob@{DOMAIN}\r\nSubject: {lines[0][:40]}\r\n"
        f"Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{chance.random()}@client.test>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n" + text
    ).encode()


def _attached(chance: random.Random) -> bytes:
    """One with a picture, a text or a zip archive of some size."""
    size = int(_LARGEST * chance.random() ** 3) + 1_000
    kind = chance.choice(("image/jpeg", "text/csv", "application/zip"))
    data = b"\xff\xd8\xff\xe0" + chance.randbytes(size)
    if kind != "image/jpeg":
        data = b"".join(b"%d,%d\n" % (chance.randrange(1_000), chance.randrange(1_000)) for _ in range(size // 8))
    if kind == "application/zip":
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("figures.csv", data)
        data = file.getvalue()
    return _mixed(_made_up(chance).partition(b"\r\n\r\n")[0], (kind, data))


def _mixed(head: bytes, *parts: tuple[str, bytes]) -> bytes:
    lines = [head.replace(b"Content-Type: text/plain", b'Content-Type: multipart/mixed; boundary="b"'), b""]
    lines += [b"--b", b"Content-Type: text/plain", b"", b"see below", b""]
    for kind, data in parts:
        name = kind.rpartition("/")[2]
        lines += [b"--b", f'Content-Type: {kind}; name="figures.{name}"'.encode()]
        lines += [b"Content-Transfer-Encoding: base64", b"", base64.encodebytes(data).replace(b"\n", b"\r\n")]
    return b"\r\n".join((*lines, b"--b--"))


def _send(port: int, recipient: str, mail: Path, number: int = _MESSAGES) -> None:
    words = [str(port), recipient, str(number), str(_SESSIONS), str(mail)]
    subprocess.run([sys.executable, "-m", "tests.bench.senders", *words], check=True, timeout=600)


def _look(folder: Path, port: int, recipient: str) -> None:
    """Whoever is measured does what it is measured for: EICAR does not pass. It is also what starts with a message."""
    bad = folder / f"bad{port}"
    bad.mkdir()
    (bad / "1").write_bytes(b"ann@client.test\nSubject: test\r\n\r\n" + EICAR)
    words = [str(port), recipient, "1", "1", str(bad)]
    command = [sys.executable, "-m", "tests.bench.senders", *words]
    done = subprocess.run(command, check=False, timeout=60, capture_output=True, text=True)
    assert "ConnectionError: 5" in done.stderr, done.stderr


def _checked(site: BenchSite, postfix: ScanningPostfix) -> None:
    """Every message has a score, on both sides."""
    for kept in site.mailboxes(f"bob@{site.domain}")[:50]:
        assert b"\nX-Spam-Status: " in kept.partition(b"\r\n\r\n")[0], kept[:2_000]
    for file in list(postfix.mailbox("bob").iterdir())[:50]:
        assert re.search(rb"(?m)^X-Spam-Status: ", file.read_bytes()), file.read_bytes()[:2_000]


def _heavy(folder: Path, site: BenchSite) -> tuple[float, float]:
    """Seconds until both are answered, and of the slowest small message meanwhile."""
    layer, many = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(layer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(100 * 1024 * 1024))
    with zipfile.ZipFile(many, "w", zipfile.ZIP_STORED) as archive:
        for number in range(103):
            archive.writestr(f"{number}.zip", layer.getvalue())
    head = b"Subject: heavy\r\nMIME-Version: 1.0\r\nContent-Type: text/plain"
    bomb, crowd = _mixed(head, ("application/zip", many.getvalue())), b""
    piece = ("application/octet-stream", bytes(range(250)) * 55)
    crowd = _mixed(head, *[piece] * 5_000)
    small = folder / "small"
    small.mkdir()
    (small / "1").write_bytes(b"ann@client.test\nSubject: small\r\n\r\nhello")
    recipient = f"bob@{site.domain}"

    def take(data: bytes) -> None:
        with site.wire(source="127.0.0.9", timeout=300) as wire:
            wire.must(250, "EHLO client.test")
            wire.message("ann@client.test", [recipient], data + b"\r\n")

    threads = [threading.Thread(target=take, args=(data,)) for data in (bomb, crowd)]
    start, slowest = time.monotonic(), 0.0
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        one = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "tests.bench.senders", str(site.smtp), recipient, "1", "1", str(small)],
            check=True,
            timeout=120,
        )
        slowest = max(slowest, time.monotonic() - one)
    return time.monotonic() - start, slowest
