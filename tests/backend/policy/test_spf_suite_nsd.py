"""The same suite with NSD, as far as its zones can be written down: names that never answer are left out of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dns.name
import dns.rdata
import pytest

from backend.config import Dns as DnsSettings
from backend.config import HostPort
from backend.resolver.lookups import Lookups
from backend.resolver.resolver import Resolver
from tests.backend.policy.test_spf_suite import SILENT, check_case, records, scenarios
from tests.harness.dns import Dns
from tests.harness.name_server import rdata

_NAME_SERVER = "ns.nic.test. A 127.0.0.1\n"


def _zone(scenario: dict[str, Any]) -> str:
    """All names of a section in one zone, the root's."""
    lines = [_NAME_SERVER]
    for domain, entries in scenario["zonedata"].items():
        name = dns.name.Name([*(label.encode() for label in domain.split(".")), b""])
        for kind, data in records(entries):
            if data is not None and kind != "SPF":
                lines.append(f"{name} {kind} {rdata(kind, data).to_text()}\n")
    return "".join(lines)


def sections() -> Iterator[Any]:
    """The sections by their names."""
    for number, scenario in enumerate(scenarios()):
        yield pytest.param(number, id=scenario["description"])


@pytest.mark.parametrize("number", list(sections()))
async def test_section(number: int, tmp_path: Any) -> None:
    scenario = scenarios()[number]
    failed = {}
    with Dns(tmp_path, {".": _zone(scenario)}) as server:
        settings = DnsSettings((HostPort("127.0.0.1", server.port),), timeout_seconds=10, lifetime_seconds=20)
        for name in scenario["tests"].keys() - SILENT:  # a real name server always says something
            lookups = Lookups(Resolver(settings), settings.message_questions, settings.message_seconds)
            try:
                await check_case(scenario["tests"][name], lookups)
            except AssertionError as error:
                failed[name] = str(error)
    assert failed == {}


def test_only_silence_is_left_out() -> None:
    left_out = {name for scenario in scenarios() for name, case in scenario["tests"].items() if name in SILENT}
    assert left_out == SILENT
    assert all(
        case["result"] == "temperror" for one in scenarios() for name, case in one["tests"].items() if name in SILENT
    )
