"""Alerts: whether the webhook takes them."""

from __future__ import annotations

import asyncio
import time

from backend import clock, ids
from backend.errors import BadInput
from backend.management.registry import Call, Change, action
from backend.management.roles import POSTMASTER
from backend.management.snapshots.alerts import HookAnswer
from backend.store.alerts import Alert


@action("alerts.test", roles=(POSTMASTER,), changes=True)
def alerts_test(call: Call) -> HookAnswer:
    """Post a test event to the webhook of the settings, and show what it answers."""
    from backend.content import event
    from backend.delivery import webhook

    if not call.settings.alerts.webhook:
        raise BadInput("There is no webhook; [alerts] webhook names one.")
    identity, now = ids.new(), clock.now()
    alert = Alert(0, "test", "webhook", f"{call.caller.user} asked for it.", None, None, now, now, 1, now)
    began = time.perf_counter()
    answer = asyncio.run(webhook.post(call.settings, identity, event.text(identity, call.settings, "test", alert, now)))
    told = HookAnswer(
        ids.text(identity),
        answer.taken,
        answer.status,
        answer.words,
        round((time.perf_counter() - began) * 1_000, 1),
        call.settings.alerts.secret_file is not None,
    )
    kept: HookAnswer = call.change(lambda _: Change(told, after={"answer": str(answer)}))
    return kept
