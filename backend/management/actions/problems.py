"""What needs attention first, in sentences, with what to do."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from backend import clock
from backend.config import Settings
from backend.management.actions.settings import pending
from backend.management.actions.status import status
from backend.management.registry import Call, action
from backend.management.roles import EVERYBODY
from backend.management.snapshots.problems import ProblemList, ProblemRow
from backend.management.snapshots.status import Status
from backend.store import alerts, lockouts

_FULL, _NEARLY = 0.02, 0.10  # of the disk that is free
_WAITING = 4 * 3_600  # seconds that mail waits before somebody shall know
_MANY = 100  # deferred entries to one domain
_STARTED = 600  # seconds after which a role that was started again is nothing new
_CERTIFICATE = 21 * 86_400  # seconds before its end
_REFUSED = 200  # refusals in an hour that are worth a look, when they are more than the mail that came in
_ALERTS = 20  # the newest that are looked at
_BROKEN = 600  # seconds that an engine which failed is news
_INFECTED = 86_400  # and somebody of ours who sent something infected
_LOCKED = 3  # accounts locked at once


@action("problems", roles=EVERYBODY)
def problems(call: Call) -> ProblemList:
    """Show what needs attention first."""
    now = status(call)
    rows = [*_roles(now), *_disk(now), *_queue(now), *_certificate(call.settings.tls.certificate)]
    rows += [*_mail(now), *_viruses(call), *_people(call), *_settings(call)]
    return ProblemList(tuple(sorted(rows, key=lambda row: row.severity != "bad")))


def _roles(now: Status) -> Iterator[ProblemRow]:
    for row in now.roles:
        age = clock.now() - _seconds(row.started)
        if row.state != "running":
            yield ProblemRow(
                "bad",
                f"The role {row.role} is down ({row.state}), restarted {row.restarts} times so far.",
                "The service starts it again by itself; the log says why it ended.",
                "dashboard",
            )
        elif row.restarts and age < _STARTED:
            yield ProblemRow(
                "warn",
                f"The role {row.role} ended and was started again {clock.in_words(age)} ago.",
                "Nothing is lost; the log says why it ended.",
                "dashboard",
            )


def _disk(now: Status) -> Iterator[ProblemRow]:
    free = now.disk.free_bytes / max(1, now.disk.total_bytes)
    if free < _NEARLY:
        advice = "No mail is taken on a full disk: make room, or give it a larger one."
        severity = "bad" if free < _FULL else "warn"
        yield ProblemRow(severity, f"The disk at {now.disk.path} has {free:.0%} left.", advice, "dashboard")


def _queue(now: Status) -> Iterator[ProblemRow]:
    if now.queue.oldest and (age := clock.now() - _seconds(now.queue.oldest)) > _WAITING and now.queue.deferred:
        yield ProblemRow(
            "warn",
            f"The oldest mail in the queue has waited {clock.in_words(age)}.",
            "Its last error says why; senders are told after a while.",
            "queue",
            "state:deferred",
        )
    for to in now.destinations:
        if to.deferred >= _MANY:
            yield ProblemRow(
                "warn",
                f"{to.deferred:,} entries wait for {to.domain}.",
                "Perhaps it is down, or refuses us; retry (t) when it is back.",
                "queue",
                f"state:deferred domain:{to.domain}",
            )
    if now.queue.held:
        entries = "entry is" if now.queue.held == 1 else "entries are"
        sentence = f"{now.queue.held:,} {entries} held."
        yield ProblemRow("warn", sentence, "Release (l) or delete (d) them.", "queue", "state:held")


def _certificate(path: Path) -> Iterator[ProblemRow]:
    try:
        end = _ends(path, path.stat().st_mtime_ns)
    except (OSError, ValueError):
        sentence = f"The certificate {path} cannot be read."
        yield ProblemRow("bad", sentence, "Put one there, and reload.", "settings", "tls")
        return
    left = end - clock.now()
    if left < _CERTIFICATE:
        sentence = "The certificate has ended." if left < 0 else f"The certificate ends in {clock.in_words(left)}."
        yield ProblemRow(
            "bad" if left < 3 * 86_400 else "warn", sentence, "Put a new one there, and reload.", "settings", "tls"
        )


@lru_cache(4)
def _ends(path: Path, changed: int) -> float:
    """When a certificate ends; seconds since 1970. `changed` makes a new file a new question."""
    from cryptography import x509  # not in every start of the command line

    return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc.timestamp()


def _mail(now: Status) -> Iterator[ProblemRow]:
    rejected, accepted = (sum(getattr(minute, name) for minute in now.minutes) for name in ("rejected", "accepted"))
    if rejected >= _REFUSED and rejected > accepted:
        yield ProblemRow(
            "warn",
            f"{rejected:,} refusals in the last hour, and {accepted:,} messages taken.",
            "The trace says who was refused, and why.",
            "trace",
        )


def _viruses(call: Call) -> Iterator[ProblemRow]:
    now = clock.now()
    for one in call.store.read(lambda reader: alerts.latest(reader, most=_ALERTS)):
        ago = clock.in_words(now - one.last)
        if one.kind == "engine" and now - one.last < _BROKEN:
            sentence = f"The engine {one.subject} did not look at a message {ago} ago: {one.words}."
            advice = "Mail waits at its senders, or passes without its word; `virus engines` asks it again."
            yield ProblemRow("bad", sentence, advice, "settings", "antivirus")
        elif one.kind == "outgoing" and now - one.last < _INFECTED:
            sentence = f"{one.subject} sent infected mail {ago} ago."
            advice = "It was refused; the machine must be looked at, or the password changed."
            screen = ("accounts", one.account) if one.account else ("trace", one.subject)
            yield ProblemRow("bad", sentence, advice, *screen)


def _people(call: Call) -> Iterator[ProblemRow]:
    now = clock.now()
    locked = [one for one in call.store.read(lambda reader: lockouts.locked(reader, now)) if one.key.startswith("a:")]
    if len(locked) >= _LOCKED:
        yield ProblemRow(
            "warn",
            f"{len(locked):,} accounts are locked after wrong passwords.",
            "Somebody may be guessing; the log-ins of each say from where.",
            "accounts",
            "state:locked",
        )


def _settings(call: Call) -> Iterator[ProblemRow]:
    path = call.settings.path
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        return
    keys, trouble = _pending(call.settings, changed)
    if trouble:
        advice = "Mend it: the service goes on with the old settings, and would not start with these."
        yield ProblemRow("bad", f"The settings are wrong: {trouble}", advice, "settings", "")
    elif keys:
        number = f"{len(keys)} setting{'' if len(keys) == 1 else 's'}"
        sentence = f"{number} of the file {'is' if len(keys) == 1 else 'are'} not in force yet."
        yield ProblemRow("warn", sentence, "Reload (R), or restart the service.", "settings", "only:pending")


@lru_cache(2)
def _pending(settings: Settings, changed: int) -> tuple[tuple[str, ...], str]:
    """What is not in force yet. `changed` makes a new file a new question."""
    return pending(settings)


def _seconds(rfc3339: str) -> float:
    return datetime.datetime.fromisoformat(rfc3339).timestamp()
