"""Spam is marked in what strangers bring, and delivered all the same: nothing is refused or deleted for its score."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import backend
from backend import ids
from backend.config import Settings
from backend.content.inspection import Inspection, scored
from backend.content.scorer import Reason, Score
from backend.content.spam import marking

if TYPE_CHECKING:
    from backend.content.scan import Incoming

_log = logging.getLogger("spam")
_NAMED = 8  # reasons in the trace


@dataclass(frozen=True, slots=True)
class Marked:
    """Fields to put on top, the header section that takes the place of the one that came, and what the trace keeps."""

    head: bytes
    section: bytes
    detail: dict[str, Any] = field(default_factory=dict)


class Marker:
    """Marks what the look at a message has found to be spam."""

    def __init__(self, inspection: Inspection) -> None:
        self._inspection = inspection

    async def mark(self, message: Incoming, section: bytes, settings: Settings) -> Marked:
        """What becomes of the header section `section`. A message that cannot be scored passes without a mark."""
        spam = settings.spam
        if not scored(message.session, settings):
            return Marked(b"", section)
        section = marking.without(section)
        report = await self._inspection.at(message)
        said = report.get("spam") or {"failed": report.get("failed", "not looked at")}
        if "failed" in said:
            _log.warning("message %s was not scored: %s", ids.text(message.id), said["failed"])
            return Marked(b"", section, {"failed": "late" if said["failed"] == "late" else "broken"})
        score = Score(said["points"], tuple(Reason(*reason) for reason in said["reasons"]))
        found = score.points >= spam.threshold
        head = marking.fields(score, spam.threshold, backend.__version__, spam=found)
        detail = {
            "points": score.points,
            "marked": found,
            "reasons": {reason.name: reason.points for reason in score.reasons[:_NAMED]},
        }
        return Marked(head, marking.marked(section) if found else section, detail)
