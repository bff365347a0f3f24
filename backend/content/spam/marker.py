"""Spam is marked in what strangers bring, and delivered all the same: nothing is refused or deleted for its score."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import backend
from backend import ids
from backend.config import Settings
from backend.content.alarm import alarm
from backend.content.daemons import Faults
from backend.content.inspection import Inspection, context, scored
from backend.content.scorer import Envelope, Opinion, Reason, Score, together
from backend.content.spam import marking, url_lists
from backend.content.spam.scorers import Scorers, failed
from backend.errors import MailError
from backend.policy.dnslist import DnsList, Found, about_urls
from backend.store.database import Store, Transaction

if TYPE_CHECKING:
    from backend.content.scan import Incoming
    from backend.policy.check import Services

_log = logging.getLogger("spam")
_NAMED = 8  # reasons in the trace, and symbols of one scorer


@dataclass(frozen=True, slots=True)
class Marked:
    """Fields to put on top, the header section that takes the place of the one that came, and what the trace keeps."""

    head: bytes
    section: bytes
    detail: dict[str, Any] = field(default_factory=dict)


class Marker:
    """Marks what the look at a message, other scorers and black lists of links have found to be spam."""

    def __init__(self, inspection: Inspection, store: Store) -> None:
        self._inspection = inspection
        self._store = store
        self._scorers = Scorers(inspection.settings)
        self._faults = Faults()

    def begin(self, message: Incoming, received: bytes, settings: Settings) -> None:
        """Ask the other scorers; they take their time while the message is looked at. `received`: our field for it."""
        mail = message.session.mail
        assert mail is not None
        if settings.spam.scorer and scored(message.session, settings):
            self._scorers.reload(settings)
            envelope = Envelope(ids.text(message.id), context(message), received)
            asking = self._scorers.ask(message.body, envelope, settings.spam.threshold)
            mail.opinions = asyncio.ensure_future(asking)

    async def mark(self, message: Incoming, section: bytes, services: Services) -> Marked:
        """What becomes of the header section `section`. A message that cannot be scored passes without a mark."""
        settings = await services.threshold.over(services.settings)
        if not scored(message.session, settings):
            return Marked(b"", section)
        section = marking.without(section)
        report = await self._inspection.at(message)
        said = report.get("spam") or {"failed": report.get("failed", "not looked at")}
        opinions = await self._others(message, said.get("hosts", ()), services)
        detail: dict[str, Any] = {}
        own: Score | None = None
        if "failed" in said:
            _log.warning("message %s was not scored: %s", ids.text(message.id), said["failed"])
            detail["failed"] = "late" if said["failed"] == "late" else "broken"
        else:
            own = Score(said["points"], tuple(Reason(*reason) for reason in said["reasons"]))
        if told := {one.scorer: told_of(one) for one in opinions if one.outcome != "clear"}:
            detail["scorers"] = told
        score = together(own, opinions)
        if score is None:
            return Marked(b"", section, detail)
        found = score.points >= settings.spam.threshold
        head = marking.fields(score, settings.spam.threshold, backend.__version__, spam=found)
        detail |= {
            "points": score.points,
            "marked": found,
            "reasons": {reason.name: reason.points for reason in score.reasons[:_NAMED]},
        }
        return Marked(head, marking.marked(section) if found else section, detail)

    async def _others(self, message: Incoming, hosts: Collection[str], services: Services) -> tuple[Opinion, ...]:
        """What the other scorers say, and the black lists of links."""
        mail = message.session.mail
        assert mail is not None
        listed = asyncio.ensure_future(_listed(hosts, services)) if hosts else None
        scorers = await mail.opinions if mail.opinions is not None else ()
        if not services.dry:
            self._tell(failed(scorers), services.settings)
        return scorers + (await listed if listed is not None else ())

    def _tell(self, faults: tuple[Opinion, ...], settings: Settings) -> None:
        """Raise an alert about scorers that do not work; nobody waits for the disk."""
        news = [one for one in faults if self._faults.count(one.scorer)]

        def write(transaction: Transaction) -> None:
            for one in news:
                alarm(transaction, settings, "scorer", one.scorer, one.words)

        if news:
            self._store.record(write)


def told_of(opinion: Opinion) -> dict[str, Any]:
    """A scorer's word for the trace: names of its rules, and nothing of the message."""
    if opinion.outcome != "scored":
        return {opinion.outcome: opinion.words}
    told: dict[str, Any] = {"points": opinion.points}
    if opinion.said is not None:
        told |= {"score": opinion.said.score, "required": opinion.said.required}
        told["symbols"] = [name for name, _ in opinion.said.symbols[:_NAMED]]
    return told


async def _listed(hosts: Iterable[str], services: Services) -> tuple[Opinion, ...]:
    async def ask(one: DnsList, what: str) -> Found:
        found = services.lists.at_hand(one, what, services.resolver)
        return found or await services.lists.ask(one, what, services.resolver)

    some = about_urls(services.lists.awake)
    try:
        return await url_lists.ask(some, hosts, services.settings.spam, ask, services.directory.is_own)
    except MailError as error:  # the store does not say which domains are ours
        _log.warning("the hosts of links were not looked up: %s", error)
        return ()
