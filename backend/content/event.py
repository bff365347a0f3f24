"""An alert as the site's webhook gets it: one JSON object, without a word of any message."""

from __future__ import annotations

import json

from backend import clock, ids
from backend.config import Settings
from backend.store import webhooks
from backend.store.alerts import Alert
from backend.store.database import Transaction

TITLES = {
    "incoming": "Infected mail from outside",
    "outgoing": "Infected mail from inside",
    "engine": "An engine against viruses does not work",
    "scorer": "A scorer of spam does not work",
    "probe": "The probe with EICAR and GTUBE failed",
    "test": "A test of the webhook",
}
_WIDTH = 400  # characters of what came from outside


def post(transaction: Transaction, settings: Settings, alert: Alert) -> None:
    """Keep it for the webhook until it is posted."""
    identity = ids.new()
    webhooks.put(transaction, identity, text(identity, settings, "alert", alert, transaction.now))


def text(identity: int, settings: Settings, event: str, alert: Alert, now: float) -> str:
    """The event as JSON. `event`: alert or test."""
    content = {
        "version": 1,
        "id": ids.text(identity),
        "event": event,
        "time": clock.rfc3339(now),
        "host": settings.site.hostname,
        "domain": settings.site.domain,
        "kind": alert.kind,
        "title": TITLES[alert.kind],
        "about": alert.subject[:_WIDTH],
        "words": alert.words[:_WIDTH],
        "peer": alert.peer,
        "account": alert.account,
        "count": alert.count,
        "first": clock.rfc3339(alert.first),
        "last": clock.rfc3339(alert.last),
    }
    return json.dumps(content)
