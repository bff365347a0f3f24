"""What all checks of one process may ask, made in one place."""

from __future__ import annotations

import time

from backend.accounts.directory import Directory
from backend.config import Settings
from backend.content.antivirus import Antivirus
from backend.policy.access_lists import AccessLists
from backend.policy.check import Services
from backend.policy.counters import Counters
from backend.resolver.resolver import Resolver
from backend.store.database import Store


def build(settings: Settings, store: Store, *, dry: bool = False) -> Services:
    """The services. `dry`: nothing is counted or learned; close the counters when they are no longer needed."""
    return Services(
        settings=settings,
        directory=Directory(store, settings),
        counters=Counters(settings.site.run / "counters", dry=dry),
        resolver=Resolver(settings.dns),
        now=time.time,
        access=AccessLists(store),
        antivirus=Antivirus(settings, store),
        dry=dry,
    )
