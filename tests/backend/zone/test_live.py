"""What should be published, and what is, on a real name server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backend.config import Dns as DnsSettings
from backend.config import HostPort, Listen, Settings
from backend.management.actions import dns as action
from backend.site import shipped
from backend.store import accounts
from backend.store.database import Store
from tests.backend.management.conftest import Act
from tests.backend.management.conftest import act as act
from tests.backend.management.conftest import store as store
from tests.harness.dns import BROKEN, Dns, Silence

ADDRESS = "127.0.0.25"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A host at one address; `ask` says which name server it has."""
    for name in ("data", "run"):
        (tmp_path / name).mkdir(mode=0o700)
    plain = Settings()
    site = replace(plain.site, hostname="mail.example.org", domain="example.org", data=tmp_path / "data", run=tmp_path)
    return replace(plain, site=site, listen=Listen(addresses=(ADDRESS,)), dns=asks(9, 1.0))


def asks(port: int, seconds: float = 20.0) -> DnsSettings:
    return DnsSettings((HostPort("127.0.0.1", port),), timeout_seconds=seconds / 2, lifetime_seconds=seconds)


def check(
    store: Store, settings: Settings, port: int, seconds: float = 20.0, **arguments: Any
) -> dict[tuple[str, str], dict[str, Any]]:
    """The rows of `dns.check`, by purpose and name."""
    from backend.management.codec import to_json
    from backend.management.registry import find
    from backend.management.roles import SYSADMIN, Caller

    with_dns = replace(settings, dns=asks(port, seconds))
    answer = to_json(find("dns.check")(store, with_dns, Caller("tester", SYSADMIN, "test"), arguments))
    return {(row["purpose"], row["name"]): row for row in answer["rows"]}


def states(rows: Mapping[tuple[str, str], dict[str, Any]]) -> dict[str, str]:
    return {purpose: row["state"] for (purpose, _), row in rows.items()}


PTR = {"127.in-addr.arpa": "25.0.0 PTR mail.example.org."}


def test_the_zone_that_we_write_is_the_zone_that_we_want(
    act: Act, store: Store, settings: Settings, tmp_path: Path
) -> None:
    text = act("dns.zone")["text"]
    assert "; 25.0.0.127.in-addr.arpa." in text
    with Dns(tmp_path / "nsd", {"example.org": text, **PTR}) as server:
        rows = check(store, settings, server.port)
    assert states(rows) == {
        "MX": "right", "A": "right", "PTR": "right", "SPF": "right", "SPF of the host": "right",
        "DMARC": "right", "MTA-STS": "right", "TLS-RPT": "right", "CAA": "optional", "SRV": "right",
    }  # fmt: skip
    row = rows["DMARC", "_dmarc.example.org"]
    assert row["found"] == ["v=DMARC1; p=reject; rua=mailto:dmarc-reports@example.org"]
    assert row["line"] == '_dmarc.example.org. TXT "v=DMARC1; p=reject; rua=mailto:dmarc-reports@example.org"'


def test_the_shipped_zone_loads_and_is_right(store: Store, settings: Settings, tmp_path: Path) -> None:
    text = re.sub(r"(?m)^@\s+(SOA|NS)\s.*$", "", shipped("example.org.zone").read_text())
    text = text.replace("192.0.2.25", ADDRESS)
    with Dns(tmp_path / "nsd", {"example.org": text, **PTR}) as server:
        rows = check(store, settings, server.port)
    assert set(states(rows).values()) == {"right"}, {name: row for name, row in rows.items() if row["state"] != "right"}


def test_what_is_wrong_comes_first(store: Store, settings: Settings, tmp_path: Path) -> None:
    store.write(lambda transaction: accounts.add_domain(transaction, "second.test"))
    zone = '@ MX 10 old\nold A 127.0.0.9\nmail A 127.0.0.9\n@ TXT "v=spf1 +all"\n_dmarc TXT "v=DMARC1; p=none"'
    server = Dns(
        tmp_path / "nsd",
        {"example.org": zone, "127.in-addr.arpa": "25.0.0 PTR x.provider.test.", "second.test": BROKEN},
    )
    with server:
        rows = check(store, settings, server.port, domain="example.org")
        assert states(rows) == {
            "MX": "wrong", "A": "wrong", "PTR": "wrong", "SPF": "wrong", "DMARC": "weak", "MTA-STS": "optional",
            "SPF of the host": "optional", "TLS-RPT": "optional", "CAA": "optional", "SRV": "optional",
        }  # fmt: skip
        order = [row["state"] for row in rows.values()]
        assert order == sorted(order, key=("wrong", "missing", "weak", "unknown", "optional", "right").index)
        assert rows["MX", "example.org"]["words"] == "Mail for this domain goes to old.example.org, not to this host."
        both = check(store, settings, server.port)
        assert both["MX", "second.test"]["state"] == "unknown"
        # Reports about the second domain go to the first, which must say that it wants them.
        other = replace(settings, dmarc=replace(settings.dmarc, report_address="dmarc-reports@example.org"))
        assert (
            check(store, other, server.port)["DMARC reports", "second.test._report._dmarc.example.org"]["state"]
            == "missing"
        )


def test_a_silent_name_server_is_unknown(store: Store, settings: Settings) -> None:
    with Silence() as nobody:
        rows = check(store, settings, nobody.port, 1.0)
    assert set(states(rows).values()) == {"unknown"}
    assert all(row["line"] or row["purpose"] == "CAA" for row in rows.values())


def test_many_who_ask_do_not_take_all_threads(act: Act) -> None:
    taken = [action._turns.acquire(blocking=False) for _ in range(3)]
    try:
        with pytest.raises(Exception, match="Others are asking"):
            act("dns.check", fresh=True)
    finally:
        for _ in filter(None, taken):
            action._turns.release()


def test_other_domains_are_not_asked_about(act: Act) -> None:
    for name in ("dns.check", "dns.zone"):
        with pytest.raises(Exception, match="not one of our domains"):
            act(name, domain="elsewhere.test")
