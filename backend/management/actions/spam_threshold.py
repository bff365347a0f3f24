"""The points from which on mail is marked, set in the service: over the file's, until that shall count again."""

from __future__ import annotations

from typing import Annotated

from backend.errors import BadInput
from backend.management.actions import spam_scores
from backend.management.registry import Call, Change, action
from backend.management.roles import POSTMASTER
from backend.management.snapshots.spam import SpamThresholdSet
from backend.store import overrides
from backend.store.database import Transaction

_DEFAULT = "default"


@action("spam.threshold", roles=(POSTMASTER,), changes=True, dangerous=True)
def spam_threshold(
    call: Call, value: Annotated[str, "points, as in 4.5; default: as the settings file says"]
) -> SpamThresholdSet:
    """Set from how many points on mail is marked, for all workers at once, whatever the file says."""
    wanted = None if value.strip().lower() == _DEFAULT else spam_scores.points(value)
    of_file = call.settings.spam.threshold

    def change(transaction: Transaction) -> Change:
        here = overrides.get(transaction, overrides.SPAM_THRESHOLD)
        before = of_file if here is None else float(here.value)
        if wanted is None and here is None:
            raise BadInput(f"The file's threshold, {of_file:g} points, counts already.")
        if wanted is not None and here is not None and wanted == before:
            raise BadInput(f"The threshold is {before:g} points already, set here by {here.author}.")
        after = of_file if wanted is None else wanted
        written = None if wanted is None else f"{wanted:g}"
        row = overrides.put(transaction, overrides.SPAM_THRESHOLD, written, call.caller.user)
        source = "the file's " if here is None else ""
        undo = call.keep(
            transaction,
            f"the spam threshold of {source}{before:g} points, before it was {after:g}",
            {"overrides": [row]},
        )
        return Change(
            SpamThresholdSet(before, after, of_file, undo),
            before={"threshold": before, "set_here": here is not None},
            after={"threshold": after, "set_here": wanted is not None},
        )

    answer: SpamThresholdSet = call.change(change)
    return answer
