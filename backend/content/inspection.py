"""The one look at a message, for all who want to know what is in it: engines, rules about files, the spam filter.

It is unpacked once, in one child of the workshop, and what comes back is small.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backend.config import Settings
from backend.content.scorer import Context
from backend.content.workshop import Killed, Workshop
from backend.errors import MailError
from backend.policy.ours import ours
from backend.site import shipped
from backend.store import spam_lessons
from backend.store.bodies import Body
from backend.store.database import Store

if TYPE_CHECKING:
    from backend.content.scan import Incoming
    from backend.smtp.session import Session

_log = logging.getLogger("inspection")
_CONTEXT = tuple(field.name for field in dataclasses.fields(Context))
_RULES = 2.0  # seconds until it is looked again which folders of rules there are
_LOOK = 5.0  # seconds until it is asked again whether the site has learnt something of spam


class Inspection:
    """The workshop of one process, and what its jobs need."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings = settings
        self.store = store
        self._workshop = Workshop(settings.limits)
        self._looked = self._folders_at = 0.0
        self._rules: list[str] = []
        self._version = -1

    def reload(self, settings: Settings) -> None:
        """Go on with other settings."""
        self.settings = settings
        self._workshop.change(settings.limits)
        self._folders_at = 0.0

    def close(self) -> None:
        """End the children."""
        self._workshop.close()

    async def at(self, message: Incoming) -> dict[str, Any]:
        """The report about a message that is on its way in, made once: who asks later gets the same."""
        mail = message.session.mail
        assert mail is not None
        if mail.report is None:
            wanted = self.settings.antivirus.enabled
            about = context(message) if scored(message.session, self.settings) else None
            mail.report = await self.look(message.body, viruses=wanted, spam=about)
        return mail.report

    async def look(self, body: Body, *, viruses: bool = True, spam: Context | None = None) -> dict[str, Any]:
        """What a child answers (`look.Looks.look`); {"failed": words} where there is no answer.

        A message that has ended two children is one that nobody can look into. Who it was that ended them may not be
        clear, so the second child is not asked about spam.
        """
        wanted = self.settings.antivirus
        job: dict[str, Any] = {"viruses": None, "spam": None, "spam_seconds": self.settings.spam.seconds}
        if viruses:
            job["viruses"] = {
                "yara": self._folders(),
                "refused_types": list(wanted.refused_types),
                "hidden": bool(wanted.engine),
            }
        if spam is not None:
            job["spam"] = {name: getattr(spam, name) for name in _CONTEXT}
        try:
            if spam is not None:
                await self._learn()
            if not viruses:  # nothing waits for the answer but the mark
                async with asyncio.timeout(self.settings.spam.seconds):
                    return await self._workshop.run(job, body)
            try:
                return await self._workshop.run(job, body)
            except Killed:
                return await self._workshop.run(job | {"spam": None}, body)
        except TimeoutError:
            return {"failed": "late"}
        except Killed as error:
            _log.warning("a message has ended the processes that looked at it: %s", error)
            if not viruses:
                return {"failed": str(error)}
            ended = f"the processes that looked at it came to their end: {error}"
            return {"troubles": [["fatal", [], ended]]}
        except MailError as error:
            return {"failed": str(error)}

    def _folders(self) -> list[str]:
        """Where rules are. A child may read a folder only that was there when it began."""
        if time.monotonic() >= self._folders_at + _RULES:
            wanted = self.settings.antivirus
            self._rules = [str(shipped("yara")), str(wanted.rules)] if wanted.yara else []
            self._workshop.reads = tuple(folder for folder in self._rules if Path(folder).is_dir())
            self._folders_at = time.monotonic()
        return self._rules

    def teach(self, version: int, lessons: bytes) -> None:
        """What the site has learnt of spam. `look` sees to it by itself where the store has an event loop."""
        self._workshop.teach(version, lessons)
        self._version, self._looked = version, time.monotonic()

    async def _learn(self) -> None:
        if (now := time.monotonic()) < self._looked + _LOOK and self._looked:
            return
        self._looked = now
        version = await self.store.query(spam_lessons.version)
        if version != self._version:
            lessons = await self.store.query(spam_lessons.read)
            self.teach(version, lessons.tobytes())


def scored(session: Session, settings: Settings) -> bool:
    """Whether what comes in this session is weighed for spam."""
    return settings.spam.enabled and (settings.spam.ours or not ours(session, settings))


def context(message: Incoming) -> Context:
    """What is known of who brought the message."""
    session = message.session
    mail = session.mail
    return Context(
        peer=str(session.peer),
        host=session.host,
        helo=session.helo,
        sender=mail.reverse_path if mail is not None else "",
        recipients=tuple(str(recipient.address) for recipient in mail.recipients) if mail is not None else (),
        findings={name: finding.value for name, finding in session.all_findings.items()},
        account=session.account.address if session.account is not None else None,
    )
