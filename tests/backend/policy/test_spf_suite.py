"""RFC 7208's test suite, whole: our checker and our resolver ask a real name server over the wire.

The suite is in rfc7208/, with its licence. Its zones hold what no zone file can: silence, and records that are none.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from backend.config import Dns, HostPort
from backend.policy.spf_query import Checker
from backend.resolver.answer import Asks
from backend.resolver.lookups import Lookups
from backend.resolver.resolver import Resolver
from tests.harness.name_server import SILENCE, NameServer, Record

_SUITE = Path(__file__).with_name("rfc7208") / "rfc7208-tests.yml"
TIMEOUT = "TIMEOUT"
_CASES = 203
SILENT = {"txttimeout", "nospftxttimeout", "alltimeout", "include-temperror", "exists-dnserr"}  # nobody answers there


@cache
def scenarios() -> list[dict[str, Any]]:
    """The sections of the suite."""
    return list(yaml.safe_load_all(_SUITE.read_bytes()))


def _data(kind: str, value: Any) -> str | list[bytes]:
    if kind in ("TXT", "SPF"):
        # The suite's TXT without any string is none (RFC 1035 §3.3.14); an empty one is the nearest that can be sent.
        return [text.encode() for text in ([value] if isinstance(value, str) else value or [""])]
    if kind == "MX":
        return f"{value[0]} {value[1] or '.'}"
    return str(value) or "."


def records(entries: list[Any]) -> list[Record | tuple[str, None]]:
    """What the suite has for a name, in its order; TIMEOUT where what follows is never answered, or the type is."""
    found: list[Record | tuple[str, None]] = []
    pairs = [pair for entry in entries for pair in (entry.items() if isinstance(entry, dict) else [(entry, None)])]
    of_its_own = any(kind == "TXT" for kind, _ in pairs)
    for kind, value in pairs:
        if kind == TIMEOUT or value == TIMEOUT:
            found.append((kind, None))
        elif value != "NONE":
            found.append((kind, _data(kind, value)))
            if kind == "SPF" and not of_its_own:  # RFC 7208 has only TXT, and the suite both
                found.append(("TXT", _data(kind, value)))
    return found


def _rule(entries: list[Any]) -> Any:
    """What a name answers, by type."""
    all_of_it = records(entries)

    def answer(asked: str) -> list[Record] | str:
        found: list[Record] = []
        for kind, data in all_of_it:
            if data is not None:
                found.append((kind, data))
            elif kind == asked or (kind == TIMEOUT and not any(one == asked for one, _ in found)):
                return SILENCE
        return found

    return answer


def cases() -> Iterator[Any]:
    """(section, name of the case)."""
    for number, scenario in enumerate(scenarios()):
        for name in scenario["tests"]:
            yield pytest.param(number, name, id=name)


async def check_case(case: dict[str, Any], asks: Asks) -> None:
    """The case has the outcome that the suite wants, and the explanation."""
    outcome = await Checker().check(asks, case["host"], case["mailfrom"], case["helo"], 20)
    wanted = case["result"]
    assert outcome.value in ([wanted] if isinstance(wanted, str) else wanted), outcome
    if "explanation" in case:
        assert outcome.explanation == case["explanation"].replace("DEFAULT", "")


@pytest.fixture(scope="module")
def server() -> Iterator[NameServer]:
    """A name server whose zones each test sets."""
    with NameServer({}) as running:
        yield running


def test_the_suite_is_whole() -> None:
    assert sum(len(scenario["tests"]) for scenario in scenarios()) == _CASES


@pytest.mark.parametrize(("number", "name"), list(cases()))
async def test_case(server: NameServer, number: int, name: str) -> None:
    scenario = scenarios()[number]
    case = scenario["tests"][name]
    server.zone = {domain.lower(): _rule(entries) for domain, entries in scenario["zonedata"].items()}
    server.zone |= {domain: SILENCE for domain in ("error.example.com",) if domain not in server.zone}
    seconds = 0.6 if name in SILENT or name == "exp-dns-error" else 20  # where nobody answers
    dns = Dns((HostPort("127.0.0.1", server.port),), timeout_seconds=seconds / 2, lifetime_seconds=seconds)
    lookups = Lookups(Resolver(dns), dns.message_questions, dns.message_seconds)
    await check_case(case, lookups)
