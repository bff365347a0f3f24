"""The role `delivery`: the queue runner, notices, reports, vacations, housekeeping, what is watched in the DNS, the
daily probe, and alerts for the webhook.
"""

from __future__ import annotations

import asyncio

from backend.config import Settings
from backend.delivery.dmarc.reader import Incoming
from backend.delivery.dmarc.reporter import Reports
from backend.delivery.housekeeping import Housekeeping
from backend.delivery.list_watch import ListWatch
from backend.delivery.notifier import Notifier
from backend.delivery.probe.daily import Daily
from backend.delivery.runner import Runner
from backend.delivery.tlsrpt.reporter import Reporter
from backend.delivery.vacation.responder import Responder
from backend.delivery.wake import Wake
from backend.delivery.webhook import Webhook
from backend.policy.dkim.rotation import Rotation
from backend.role import Role


async def serve(role: Role) -> None:
    """Deliver until the word to stop, then finish what is under way. What fails for good ends the role, and the
    supervisor starts it anew.
    """
    told = asyncio.Event()
    told.set()
    runner = Runner(role.settings, role.store, told)
    notifier = Notifier(role.settings, role.store, told, runner.wake)
    reporter = Reporter(role.settings, role.store, runner.wake)
    responder = Responder(role.settings, role.store, runner.wake)
    reports = Reports(role.settings, role.store, runner.wake)
    incoming = Incoming(role.settings, role.store)
    housekeeping = Housekeeping(role.settings, role.store)
    rotation = Rotation(role.settings, role.store)
    list_watch = ListWatch(role.settings, role.store)
    probe = Daily(role.settings, role.store)
    rung = asyncio.Event()
    rung.set()
    webhook = Webhook(role.settings, role.store, rung)
    bell = Wake(role.settings.site.run)

    def heard() -> None:
        runner.wake.set()
        told.set()
        rung.set()

    def reload(settings: Settings) -> None:
        runner.reload(settings)
        notifier.reload(settings)
        reporter.reload(settings)
        responder.reload(settings)
        reports.reload(settings)
        incoming.reload(settings)
        housekeeping.settings = settings
        rotation.settings = settings
        list_watch.reload(settings)
        probe.settings = settings
        webhook.settings = settings

    role.on_reload.append(reload)
    bell.listen(heard)
    try:
        async with asyncio.TaskGroup() as group:
            watchers = (notifier, reporter, responder, reports, incoming, housekeeping, rotation, list_watch)
            others = [group.create_task(one.run()) for one in (*watchers, probe, webhook)]
            await runner.run(role.stopping)
            for task in others:
                task.cancel()
    finally:
        bell.close()
