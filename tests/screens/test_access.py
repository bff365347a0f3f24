"""White and black lists as the postmaster uses them."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from backend.management import peers
from backend.management.roles import HELPDESK, Caller
from backend.store import access, access_patterns
from backend.store.access import Filter, Rule
from backend.store.database import Transaction
from screens.access import Access
from screens.ask import Ask
from screens.confirm import Confirm
from screens.decision import Decision
from tests.screens.conftest import SIZES, Service, on_screen, said, text, until


def fill(service: Service, *rules: str, hits: int = 0) -> None:
    """`deny 192.0.2.0/24`, `allow host mail.x.test`."""

    def add(transaction: Transaction) -> None:
        for rule in rules:
            verdict, *kind, what = rule.split()
            pattern = access_patterns.parse(what, *kind)
            access.add(transaction, verdict, pattern, owner="olga", reason=f"because of {what}", until=None, hits=hits)

    service.store.write(add)


def rules(service: Service) -> list[Rule]:
    return service.store.read(lambda reader: access.find(reader, Filter(), "age"))


async def open_lists(pilot: Pilot[None], what: str) -> None:
    await pilot.press("9")
    await until(pilot, lambda: isinstance(pilot.app.screen, Access) and what in text(pilot))


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_a_rule_is_made_changed_deleted_and_comes_back(service: Service, size: tuple[int, int]) -> None:
    async def test(pilot: Pilot[None]) -> None:
        await open_lists(pilot, "There is no rule")
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await pilot.press(*"10.0.0.0/8", "enter", *"deny", "enter", *"spam", "enter")
        await until(pilot, lambda: "is wider than a /16" in text(pilot))
        pilot.app.screen.query_one("#field-what").value = "10.1.0.0/16"  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Access) and "10.1.0.0/16" in text(pilot))
        assert [(rule.verdict, rule.reason) for rule in rules(service)] == [("deny", "spam")]
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        pilot.app.screen.query_one("#field-lasts").value = "30d"  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: rules(service)[0].until is not None)
        await pilot.press("d")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        assert "deny network 10.1.0.0/16" in text(pilot)
        await pilot.press("right", "enter")
        await until(pilot, lambda: rules(service) == [])
        await until(pilot, lambda: "There is no rule" in text(pilot))
        await pilot.press("u")
        await until(pilot, lambda: "10.1.0.0/16" in text(pilot))
        assert rules(service)[0].id == 1

    await on_screen(service, test, size)


async def test_what_can_be_forged_is_said(service: Service) -> None:
    async def test(pilot: Pilot[None]) -> None:
        await open_lists(pilot, "There is no rule")
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await pilot.press(*"partner.test", "enter", *"allow", "enter", *"ours", "enter")
        await until(pilot, lambda: "can be forged" in said(pilot))
        await until(pilot, lambda: "partner.test is in the lists from now on; u undoes it." in said(pilot))
        await pilot.press("u")
        await until(pilot, lambda: rules(service) == [])

    await on_screen(service, test)


async def test_filter_sort_and_marks(service: Service) -> None:
    fill(service, "deny 192.0.2.0/24", "allow partner.test", "deny host .dyn.test")
    fill(service, "deny bad@spam.test", hits=77)

    async def test(pilot: Pilot[None]) -> None:
        await open_lists(pilot, "192.0.2.0/24")
        screen = pilot.app.screen
        assert isinstance(screen, Access)
        assert next(row.what for row in screen.table.rows_shown.values()) == "bad@spam.test"
        await pilot.press("slash", *"deny kind:host", "enter")
        await until(pilot, lambda: ".dyn.test" in text(pilot) and "partner.test" not in text(pilot))
        await pilot.press("escape", "slash", *"because of partner".replace(" ", "*"), "enter")
        await until(pilot, lambda: "partner.test" in text(pilot) and ".dyn.test" not in text(pilot))
        await pilot.press("escape", "s", "s")
        await until(pilot, lambda: "most hits first" in text(pilot))
        await until(pilot, lambda: [row.hits for row in screen.table.rows_shown.values()] == [77, 0, 0, 0])
        await pilot.press("asterisk")
        await until(pilot, lambda: len(screen.table.marks) == 4)
        await pilot.press("d")
        await until(pilot, lambda: "these 4 rules" in text(pilot))
        await pilot.press("right", "enter")
        await until(pilot, lambda: rules(service) == [])

    await on_screen(service, test)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_who_decides_for_a_sender(service: Service, size: tuple[int, int]) -> None:
    fill(service, "deny 192.0.2.0/24", "allow partner.test")

    async def test(pilot: Pilot[None]) -> None:
        await open_lists(pilot, "192.0.2.0/24")
        await pilot.press("w")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        for name, value in (("ip", "nonsense"), ("sender", "ann@partner.test")):
            pilot.app.screen.query_one(f"#field-{name}").value = value  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: "is no address of a client" in text(pilot))
        pilot.app.screen.query_one("#field-ip").value = "192.0.2.7"  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Decision))
        shown = " ".join(text(pilot).replace("▌", "").split())
        assert "Let in past all black lists by rule 2 (allow domain partner.test, by olga)." in shown
        assert "▶ our allow rules" in shown
        assert "● our deny rules rule 1 (deny network 192.0.2.0/24, by olga) would refuse it" in shown
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, Access))
        await pilot.press("j", "enter")  # the older rule, of which an example is asked
        await until(pilot, lambda: isinstance(pilot.app.screen, Decision))
        assert "Refused by rule 1" in text(pilot)
        await pilot.press("escape")

    await on_screen(service, test, size)


async def test_every_kind_of_rule_opens_its_decision(service: Service) -> None:
    some = ["deny 192.0.2.7", "deny 2001:db8::/48", "deny host *.dyn.test", "deny .x.test", "deny news-*@*.y.test"]
    fill(service, *some, "deny <>", "deny recipient *@example.org", "deny helo *dynamic*", "deny helo [192.0.2.7]")

    async def test(pilot: Pilot[None]) -> None:
        await open_lists(pilot, "192.0.2.7")
        await pilot.press("g")
        for rule in reversed(rules(service)):
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, Decision))
            await until(pilot, lambda rule=rule: f"Refused by rule {rule.id} " in text(pilot))  # type: ignore[misc]
            await pilot.press("escape", "j")

    await on_screen(service, test)


async def test_keys_that_lead_elsewhere(service: Service) -> None:
    fill(service, "deny 192.0.2.7")

    async def test(pilot: Pilot[None]) -> None:
        await open_lists(pilot, "192.0.2.7")
        await pilot.press("i")
        await until(pilot, lambda: "access import FILE" in said(pilot))
        await pilot.press("v")
        await until(pilot, lambda: "not part of this release" in said(pilot) or type(pilot.app.screen) is not Access)

    await on_screen(service, test)


async def test_the_helpdesk_may_look_and_not_touch(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "local_caller", lambda pid, uid, way: Caller("paula", HELPDESK, way))
    fill(service, "deny 192.0.2.7")

    async def test(pilot: Pilot[None]) -> None:
        await open_lists(pilot, "192.0.2.7")
        await pilot.press("d")
        await until(pilot, lambda: "This needs the role postmaster" in said(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Decision))

    await on_screen(service, test)


async def test_a_hundred_thousand_rules_are_paged(service: Service) -> None:
    def add(transaction: Transaction) -> None:
        for number in range(100_000):
            pattern = access_patterns.parse(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
            access.add(transaction, "deny", pattern, owner="olga", reason="x", until=None, hits=number)

    await service.store.commit(add)

    async def test(pilot: Pilot[None]) -> None:
        await open_lists(pilot, "100,000+ rules, the first 200 here")
        screen = pilot.app.screen
        assert isinstance(screen, Access)
        await pilot.press("G")
        await until(pilot, lambda: len(screen.table.rows_shown) == 400)
        await pilot.press("slash", *"10.1.134.159", "enter")
        await until(pilot, lambda: "1 rule " in text(pilot) and "10.1.134.159" in text(pilot))

    await on_screen(service, test)
