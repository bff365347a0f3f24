"""DNS lists: their health and hits, a test now, and what all of them say of one address or domain."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import TYPE_CHECKING, Annotated

from backend import address, clock, list_presets
from backend.errors import BadInput
from backend.management.registry import Call, Change, action
from backend.management.roles import AUDITOR, HELPDESK, POSTMASTER
from backend.management.snapshots.dnslists import DnsListPage, DnsListRow, ListAnswerRow, ListAnswers, OwnListingRow
from backend.store import dnslists
from backend.store.database import Reader, Store

if TYPE_CHECKING:
    from backend.policy.dnslist import DnsList, Found

_DOMAINS = frozenset(("sender", "helo", "host"))
_UNTESTED = dnslists.Known("")


@action("dnslist.list", roles=(POSTMASTER, AUDITOR))
def dnslist_list(call: Call) -> DnsListPage:
    """List the DNS lists: how they are, how often they were asked and had somebody, and our addresses on them."""
    from backend.policy.dnslist import lists

    def look(reader: Reader) -> DnsListPage:
        known = dnslists.everything(reader)
        rows = tuple(_row(one, known.get(one.zone, _UNTESTED)) for one in lists(call.settings.dnslists))
        own = tuple(
            OwnListingRow(one.zone, one.address, one.words, clock.rfc3339(one.since))
            for one in dnslists.own_listings(reader)
        )
        return DnsListPage(rows, own, call.settings.dnslists.enabled)

    return call.store.read(look)


@action("dnslist.test", roles=(POSTMASTER,), changes=True, key="t")
def dnslist_test(call: Call) -> DnsListPage:
    """Test all DNS lists now, by the points that RFC 5782 says, and look for our own addresses on them."""
    from backend.delivery.list_watch import look

    if not call.settings.dnslists.enabled:
        raise BadInput("DNS lists are switched off: [dnslists] enabled.")

    async def test() -> None:
        store = Store.open(call.settings.site.data, call.settings.limits)
        try:
            await look(call.settings, store)
        finally:
            await asyncio.get_running_loop().run_in_executor(None, store.close)

    asyncio.run(test())
    page = dnslist_list(call)
    states = {row.zone: row.words or row.state for row in page.rows}
    tested: DnsListPage = call.change(lambda _: Change(page, after=states))
    return tested


@action("dnslist.check", roles=(POSTMASTER, HELPDESK, AUDITOR), key="c")
def dnslist_check(call: Call, what: Annotated[str, "an address, or a domain"]) -> ListAnswers:
    """Ask all DNS lists about an address or a domain, and show what each says."""
    from backend.policy.dnslist import lists

    asked, kinds, links = _what(what)
    some = [one for one in lists(call.settings.dnslists) if (kinds | links) & one.about]
    off = call.store.read(dnslists.off)
    answers = asyncio.run(_ask(call, some, asked))
    rows = tuple(_answer(one, found, counts=one.zone not in off) for one, found in answers)
    weighty = [row for one, row in zip(some, rows, strict=True) if kinds & one.about]
    white, black = (
        sum(row.weight for row in weighty if row.kind == kind and row.counts and row.state == "listed")
        for kind in ("white", "black")
    )
    threshold = call.settings.dnslists.threshold
    return ListAnswers(asked, rows, white, black, threshold, _verdict(asked, white, black, threshold))


async def _ask(call: Call, some: list[DnsList], what: str) -> list[tuple[DnsList, Found]]:
    from backend.policy.list_health import ask
    from backend.resolver.resolver import Resolver

    resolver = Resolver(call.settings.dns)
    seconds = call.settings.dnslists.timeout_seconds
    found = await asyncio.gather(*(ask(one, what, resolver, seconds) for one in some))
    return list(zip(some, found, strict=True))


def _what(written: str) -> tuple[str, frozenset[str], frozenset[str]]:
    """The address or domain, what lists that refuse it are about, and those of links, which refuse nobody."""
    try:
        given = ipaddress.ip_address(written.strip().strip("[]").removeprefix("IPv6:"))
    except ValueError:
        return address.domain(written.strip().rpartition("@")[2]), _DOMAINS, list_presets.URLS - {"url_ip"}
    return str(given), frozenset((f"ipv{given.version}",)), frozenset(("url_ip",))


def _verdict(what: str, white: float, black: float, threshold: float) -> str:
    if white >= threshold:
        return f"A white list vouches for {what}: no black list is asked, and it needs no name."
    if black >= threshold:
        return f"Mail from {what} is refused: black lists weigh {black:g}, and {threshold:g} is enough."
    if black:
        return f"Mail from {what} is not refused for it: black lists weigh {black:g}, and {threshold:g} is needed."
    return f"No list of ours has {what}."


def _answer(one: DnsList, found: Found, *, counts: bool) -> ListAnswerRow:
    kind = one.settings.kind
    return ListAnswerRow(one.zone, kind, found.state, found.weight, found.codes, found.words, found.text, counts)


def _row(one: DnsList, known: dnslists.Known) -> DnsListRow:
    settings = one.settings
    return DnsListRow(
        one.zone,
        settings.kind,
        "untested" if known.tested is None else known.state,
        known.words,
        _time(known.since),
        _time(known.tested),
        known.listed,
        known.unlisted,
        settings.about,
        settings.preset,
        known.asked,
        known.hits,
        _time(known.last_hit),
        known.errors,
        known.error,
        _time(known.last_error),
        tuple(
            f"{code.answer}  weight {code.weight * settings.weight:g}  {code.words}".rstrip() for code in settings.code
        ),
    )


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else clock.rfc3339(seconds)
