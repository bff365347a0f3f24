"""What can be done to entries of the queue, from the list and from a message."""

from __future__ import annotations

from backend.management.snapshots.queue import QueueRow
from screens.deed import Deed

_NOTICE = "The postmaster of this host removed the message from the queue."
DEEDS = (
    Deed("queue.hold", "h", "Hold", "held", undo="queue.release"),
    Deed("queue.release", "l", "Release", "released", undo="queue.hold"),
    Deed("queue.retry", "t", "Retry", "due now"),
    Deed(
        "queue.delete",
        "d",
        "Delete",
        "deleted",
        advice="Hold stops the delivery, keeps the mail, and can be released.",
        ways=(
            Deed("queue.hold", "h", "Hold instead", "held", undo="queue.release", style="primary"),
            Deed("queue.delete", "d", "Delete", "deleted"),
            Deed("queue.delete", "d", "Delete and tell sender", "deleted", given={"notice": _NOTICE}),
        ),
    ),
)


def label(row: QueueRow) -> str:
    """An entry in one line."""
    return f"{row.id}  {row.sender or '<>'} → {row.recipient}"
