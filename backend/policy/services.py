"""What all checks of one process may ask, made in one place."""

from __future__ import annotations

import time

from backend.accounts.directory import Directory
from backend.config import Settings
from backend.content.antivirus import Antivirus
from backend.content.inspection import Inspection
from backend.content.spam.marker import Marker
from backend.content.spam.threshold import Threshold
from backend.policy.access_lists import AccessLists
from backend.policy.check import Services
from backend.policy.counters import Counters
from backend.policy.dkim.keyring import Keyring
from backend.policy.list_questions import ListQuestions
from backend.policy.standing import Standing
from backend.policy.tally import Tally
from backend.resolver.resolver import Resolver
from backend.store.database import Store


def build(settings: Settings, store: Store, *, dry: bool = False) -> Services:
    """The services. `dry`: nothing is counted or learned; close the counters when they are no longer needed."""
    standing, tally = Standing(store), Tally(store)
    inspection = Inspection(settings, store)
    return Services(
        settings=settings,
        directory=Directory(store, settings),
        counters=Counters(settings.site.run / "counters", dry=dry),
        resolver=Resolver(settings.dns),
        now=time.time,
        threshold=Threshold(store),
        store=store,
        access=AccessLists(store),
        lists=ListQuestions(settings, standing, tally),
        standing=standing,
        tally=tally,
        keyring=Keyring(store),
        spam=Marker(inspection, store),
        antivirus=Antivirus(settings, store, inspection),
        dry=dry,
    )
