"""DNS lists as a postmaster uses them."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from backend.store import dnslists
from backend.store.database import Transaction
from backend.store.dnslists import Count
from screens.dnslist import DnsListScreen
from screens.dnslists import DnsLists
from tests.screens.conftest import SIZES, Service, on_screen, text, until


def fill(transaction: Transaction) -> None:
    """ZEN is well and has had 3 of 12; SpamCop lists the world; an address of ours is on ZEN."""
    dnslists.tested(transaction, "zen.spamhaus.org", "", "127.0.0.2 127.0.0.4 127.0.0.10", "not listed")
    dnslists.tested(transaction, "bl.spamcop.net", "it lists everybody", "127.0.0.2", "127.0.0.2")
    dnslists.count(transaction, [("zen.spamhaus.org", Count(asked=12, hits=3))])
    own = ("zen.spamhaus.org", "192.0.2.25")
    dnslists.set_own_listings(transaction, {own: "listed [/nope] \x1b[31m"}, [own])


@pytest.mark.parametrize("size", SIZES)
async def test_health_hits_and_what_lies_behind_a_list(service: Service, size: tuple[int, int]) -> None:
    await service.store.commit(fill)

    async def test(pilot: Pilot[None]) -> None:
        await pilot.press("z")
        await until(pilot, lambda: isinstance(pilot.app.screen, DnsLists) and "4 lists" in text(pilot))
        assert "25.0%" in text(pilot)
        assert "off" in text(pilot)
        assert "untested" in text(pilot)
        assert "Ours: 192.0.2.25 on zen.spamhaus.org" in text(pilot)
        await pilot.press("slash", *"state:off", "enter")
        await until(pilot, lambda: "1 list" in text(pilot) and "not asked: it lists everybody" in text(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, DnsListScreen) and "must be listed" in text(pilot))
        assert "must not be     127.0.0.2" in text(pilot)
        await pilot.press("escape", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, DnsLists) and "4 lists" in text(pilot))
        await pilot.press("g", "j", "j", "enter")
        await until(pilot, lambda: "XBL" in text(pilot))
        assert "weight 1" in text(pilot)
        assert r"192.0.2.25: listed [/nope] \x1b[31m" in text(pilot)
        assert all(len(line) <= size[0] for line in text(pilot).splitlines())

    await on_screen(service, test, size)


async def test_a_problem_leads_here(service: Service) -> None:
    await service.store.commit(fill)

    async def test(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "192.0.2.25 is on the black list" in text(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, DnsLists))

    await on_screen(service, test, (120, 40))
