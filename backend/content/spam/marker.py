"""Spam is marked in what strangers bring, and delivered all the same: nothing is refused or deleted for its score."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import backend
from backend import ids
from backend.config import Settings
from backend.content.scorer import Context
from backend.content.spam import marking, parts
from backend.content.spam.room import Room
from backend.errors import MailError, Temporary
from backend.policy.ours import ours
from backend.store import spam_lessons
from backend.store.database import Store

if TYPE_CHECKING:
    from backend.content.scan import Incoming

_log = logging.getLogger("spam")
_LOOK = 5.0  # seconds until it is asked again whether the site has learnt something
_NAMED = 8  # reasons in the trace


@dataclass(frozen=True, slots=True)
class Marked:
    """Fields to put on top, the header section that takes the place of the one that came, and what the trace keeps."""

    head: bytes
    section: bytes
    detail: dict[str, Any] = field(default_factory=dict)


class Marker:
    """Scores and marks for one worker. Its children start with the first message."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._room = Room(settings.spam.processes)
        self._looked = 0.0
        self._version = -1

    async def mark(self, message: Incoming, section: bytes, settings: Settings) -> Marked:
        """What becomes of the header section `section`. A message that cannot be scored passes without a mark."""
        spam = settings.spam
        if not spam.enabled or (ours(message.session, settings) and not spam.ours):
            return Marked(b"", section)
        section = marking.without(section)
        try:
            await self._learn()
            start = await _start(message)
            score = await self._room.score(start, message.body.size, context(message), spam.seconds)
        except MailError as error:
            _log.warning("message %s was not scored: %s", ids.text(message.id), error)
            return Marked(b"", section, {"failed": "late" if str(error) == "late" else "broken"})
        except Exception:  # whatever it is: mail does not wait for its score
            _log.exception("message %s was not scored", ids.text(message.id))
            return Marked(b"", section, {"failed": "broken"})
        found = score.points >= spam.threshold
        head = marking.fields(score, spam.threshold, backend.__version__, spam=found)
        detail = {
            "points": score.points,
            "marked": found,
            "reasons": {reason.name: reason.points for reason in score.reasons[:_NAMED]},
        }
        return Marked(head, marking.marked(section) if found else section, detail)

    async def _learn(self) -> None:
        if (now := time.monotonic()) < self._looked + _LOOK and self._looked:
            return
        self._looked = now
        version = await self._store.query(spam_lessons.version)
        if version != self._version:
            lessons = await self._store.query(spam_lessons.read)
            self._room.teach(version, lessons.tobytes())
            self._version = version

    def close(self) -> None:
        """End the children."""
        self._room.close()


def context(message: Incoming) -> Context:
    """What is known of who brought the message."""
    session = message.session
    mail = session.mail
    return Context(
        peer=str(session.peer),
        helo=session.helo,
        sender=mail.reverse_path if mail is not None else "",
        recipients=tuple(str(recipient.address) for recipient in mail.recipients) if mail is not None else (),
        findings={name: finding.value for name, finding in session.all_findings.items()},
        account=session.account.address if session.account is not None else None,
    )


async def _start(message: Incoming) -> bytes:
    body = message.body
    if body.path is None:
        return body.start(parts.LONGEST)
    try:
        return await asyncio.to_thread(body.start, parts.LONGEST)
    except OSError as error:
        raise Temporary("The spool cannot be read.") from error
