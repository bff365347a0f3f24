"""Colours, out of the 256 that every terminal has, and what they mean. The theme of the console is made of them."""

from __future__ import annotations

GROUND, CARD, RAISED = "#121212", "#1c1c1c", "#303030"
TEXT, MUTED, FAINT = "#d0d0d0", "#8a8a8a", "#585858"
PRIMARY, ACCENT = "#5fafd7", "#d7af5f"
GOOD, WARN, BAD = "#87af5f", "#d7af5f", "#d75f5f"
NEW, HELD = "#87d7d7", "#af87d7"

STATES = {"new": NEW, "active": GOOD, "deferred": WARN, "held": HELD}
VERDICTS = {
    "accepted": GOOD,
    "delivered": GOOD,
    "relayed": GOOD,
    "released": GOOD,
    "deferred": WARN,
    "delayed": WARN,
    "rejected": BAD,
    "failed": BAD,
    "bounced": BAD,
    "deleted": BAD,
    "held": HELD,
}
