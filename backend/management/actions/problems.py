"""What needs attention first, in sentences, with what to do."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from backend import clock, list_presets
from backend.config import Settings
from backend.management.actions.settings import pending
from backend.management.actions.status import status
from backend.management.registry import Call, action
from backend.management.roles import EVERYBODY
from backend.management.sentences import tls
from backend.management.snapshots.problems import ProblemList, ProblemRow
from backend.management.snapshots.status import Status
from backend.store import alerts, dkim_keys, dnslists, lockouts, probes, sending, tls_results, webhooks

_FULL, _NEARLY = 0.02, 0.10  # of the disk that is free
_WAITING = 4 * 3_600  # seconds that mail waits before somebody shall know
_MANY = 100  # deferred entries to one domain
_STARTED = 600  # seconds after which a role that was started again is nothing new
_CERTIFICATE = 21 * 86_400  # seconds before its end
_REFUSED = 200  # refusals in an hour that are worth a look, when they are more than the mail that came in
_UNSEEN = 86_400  # seconds that a new key of DKIM may wait for the DNS
_ERRORS = 3_600  # seconds that a nonsensical answer of a DNS list is worth a line
_FAILING = 10  # domains that fail what they ask, named
_ALERTS = 20  # the newest that are looked at
_INFECTED = 86_400  # seconds that it is news of somebody of ours who was stopped
_UNPROBED = 2 * 86_400  # and seconds without a probe that came to its end
_UNTAKEN = 600  # seconds that an alert waits for the webhook
_LOCKED = 3  # accounts locked at once


@action("problems", roles=EVERYBODY)
def problems(call: Call) -> ProblemList:
    """Show what needs attention first."""
    now = status(call)
    rows = [*_roles(now), *_disk(now), *_queue(now), *_certificate(call.settings.tls.certificate)]
    rows += [
        *_mail(now),
        *_viruses(call),
        *_probe(call),
        *_tls(call),
        *_people(call),
        *_lists(call),
        *_settings(call),
        *_keys(call),
    ]
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


def _tls(call: Call) -> Iterator[ProblemRow]:
    """Domains that ask for sure connections, and with which none could be made for hours."""
    before = clock.now() - call.settings.outbound.problem_hours * 3_600
    for one in call.store.read(lambda reader: tls_results.failing(reader, before, _FAILING)):
        age = clock.in_words(clock.now() - (one.failing_since or 0.0))
        words = tls.FAILURES.get(str(one.result), "cannot be reached as it asks")
        yield ProblemRow(
            "warn",
            f"Mail to {one.domain} has failed what the domain itself asks for {age}: {one.mx or 'it'} {words}.",
            f"`mailconsole tls check {one.domain}` says more; [[outbound.domain]] can make an exception.",
            "queue",
            f"domain:{one.domain}",
        )


def _viruses(call: Call) -> Iterator[ProblemRow]:
    now = clock.now()
    for one in call.store.read(lambda reader: alerts.find(reader, alerts.Filter(), now, sort="need", most=_ALERTS)):
        ago = clock.in_words(now - one.last)
        if one.kind == "engine" and one.state == "open":
            sentence = f"The engine {one.subject} did not look at a message {ago} ago: {one.words}."
            advice = "Mail waits at its senders, or passes without its word; `virus engines` asks it again."
            yield ProblemRow("bad", sentence, advice, "viruses", "")
        elif one.kind == "scorer" and one.state == "open":
            sentence = f"The scorer {one.subject} did not judge a message {ago} ago: {one.words}."
            advice = "Mail passes without its word; `spam score` with any message asks it again."
            yield ProblemRow("warn", sentence, advice, "viruses", "")
        elif one.kind == "outgoing" and one.state == "open":
            sentence = f"{one.subject} sent infected mail {ago} ago, and still may send."
            advice = (
                "What it sent was refused. `virus contain` stops it; then look at the machine, change the password."
            )
            yield ProblemRow("bad", sentence, advice, "viruses", "")
        elif one.kind == "outgoing" and one.state == "contained" and now - one.last < _INFECTED:
            advice = "The machine must be looked at, and the password changed, before it may send again."
            yield ProblemRow(
                "warn", f"{one.subject} sent infected mail {ago} ago. It is stopped.", advice, "viruses", ""
            )


def _probe(call: Call) -> Iterator[ProblemRow]:
    """What the probe with test files has shown last, and alerts that the webhook does not take."""
    wanted, now = call.settings.probe, clock.now()
    for one in call.store.read(probes.standing):
        if one.wrong and now - one.time < _UNPROBED:
            ago = clock.in_words(now - one.time)
            sentence = f"The probe of {ago} ago, {one.name}, {_SHOWN[one.outcome]}: {one.words}"
            yield ProblemRow("bad", sentence, "`mailconsole probe run` tries it again now.", "settings", "probe")
    last = call.store.read(probes.last)
    if wanted.enabled and last is not None and now - last > _UNPROBED:
        sentence = f"No probe with EICAR and GTUBE has come to its end for {clock.in_words(now - last)}."
        advice = "`mailconsole probe run` does one now; the log of the role delivery says what kept them."
        yield ProblemRow("bad", sentence, advice, "settings", "probe")
    if not call.settings.alerts.webhook:
        return
    hook = call.store.read(webhooks.state)
    if hook.lost or (hook.oldest is not None and now - hook.oldest > _UNTAKEN):
        sentence = f"The webhook takes no alerts: {hook.words or 'nobody posts them'}. {hook.waiting:,} wait"
        sentence += f", {hook.lost:,} were given up." if hook.lost else "."
        yield ProblemRow("warn", sentence, "`mailconsole alerts test` tries it now.", "settings", "alerts")


_SHOWN = {"missed": "was not found", "failed": "could not be done"}


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

    for one in call.store.read(lambda reader: sending.throttles(reader, now)):
        if one.state == "slow":
            yield ProblemRow(
                "bad",
                f"{one.address} is slowed down: it wrote to {one.recipients:,} recipients in a day,"
                f" and to {one.usual:,.0f} on a usual one.",
                "If its owner did not, reset the password; if it did: mailconsole rate forgive.",
                "accounts",
                one.address,
            )


def _lists(call: Call) -> Iterator[ProblemRow]:
    """DNS lists that cannot be believed, and our own addresses on black ones."""
    if not call.settings.dnslists.enabled:
        return
    now, tab = clock.now(), "dnslists"
    for own in call.store.read(dnslists.own_listings):
        sentence = f"Our address {own.address} is on the black list {own.zone}: others refuse our mail."
        yield ProblemRow("bad", sentence, "Find out why, then ask there to be taken off.", tab)
    known = call.store.read(dnslists.everything)
    used = {list_presets.filled(zone).zone for zone in call.settings.dnslists.zone}
    silent = {zone for zone in used if zone in known and known[zone].words == dnslists.SILENT}
    if len(used) > 1 and silent == used:
        sentence = "No DNS list answers: perhaps the name servers do not."
        yield ProblemRow("bad", sentence, "Look at [dns] nameservers; no list is asked meanwhile.", tab)
        return
    for one in (known[zone] for zone in sorted(known) if zone in used):
        if one.state == "off":
            sentence = f"The DNS list {one.zone} is not asked: {one.words}."
            yield ProblemRow("warn", sentence, "It is asked again as soon as its test succeeds.", tab)
        elif one.last_error is not None and now - one.last_error < _ERRORS:
            sentence = f"The DNS list {one.zone} gave answers that are none: {one.error}."
            yield ProblemRow("warn", sentence, "Nobody is refused for them; its owner's pages say what to do.", tab)


def _keys(call: Call) -> Iterator[ProblemRow]:
    for key in call.store.read(dkim_keys.everything):
        advice = f"`mailconsole dkim text {key.domain}` says what to publish."
        if key.state == "active" and key.dns in ("missing", "different"):
            said = "does not show" if key.dns == "missing" else "has another text for"
            sentence = f"Mail of {key.domain} fails DKIM: the DNS {said} its key {key.selector}."
            yield ProblemRow("bad", sentence, advice, "dashboard")
        elif key.state == "waiting" and key.dns in ("missing", "different") and clock.now() - key.created > _UNSEEN:
            sentence = f"The key {key.selector} of {key.domain} waits: the DNS does not show it."
            yield ProblemRow("warn", sentence, advice, "dashboard")


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
