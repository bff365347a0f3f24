"""`tls check` and its like: what a domain asks, how it went, what others report."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backend.config import Dns, DomainTls, HostPort, Outbound, Relay, Route, Settings
from backend.errors import BadInput, Denied
from backend.management.codec import to_json
from backend.management.registry import actions, find
from backend.management.roles import HELPDESK, POSTMASTER, SYSADMIN, Caller
from backend.store import audit, sts_policies, tls_results
from backend.store.database import Store
from backend.store.sts_policies import Kept
from backend.store.tls_results import Counted
from mailconsole.views import view
from tests.harness.dnssec import SignedDns

Look = Callable[..., dict[str, Any]]
TLSA = "ab" * 32
REPORT = {
    "organization-name": "Elsewhere",
    "date-range": {"start-datetime": "2026-11-23T00:00:00Z", "end-datetime": "2026-11-23T23:59:59Z"},
    "contact-info": "tls@elsewhere.test",
    "report-id": "R1",
    "policies": [
        {
            "policy": {"policy-type": "sts", "policy-domain": "example.org"},
            "summary": {"total-successful-session-count": 9, "total-failure-session-count": 2},
            "failure-details": [{"result-type": "certificate-expired", "failed-session-count": 2}],
        }
    ],
}


@pytest.fixture(scope="module")
def nameserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignedDns]:
    """A domain of each kind."""
    zones = {
        "dane.test": f"@ MX 10 mx\nmx A 127.0.0.71\n_25._tcp.mx TLSA 3 1 1 {TLSA}",
        "mixed.test": "@ MX 10 mx.dane.test.\n@ MX 20 mx.plain.test.",
        "unusable.test": f"@ MX 10 mx\nmx A 127.0.0.71\n_25._tcp.mx TLSA 0 1 1 {TLSA}",
        "plain.test": '@ MX 10 mx\nmx A 127.0.0.71\nmx AAAA ::1\n_mta-sts TXT "v=STSv1; id=1"',
    }
    signed = ["dane.test", "mixed.test", "unusable.test"]
    with SignedDns(tmp_path_factory.mktemp("dns"), zones, signed=signed) as running:
        yield running


@pytest.fixture
def check(store: Store, settings: Settings, nameserver: SignedDns) -> Look:
    """`check("dane.test")`: the answer as JSON; a second argument changes [outbound]."""

    def call(domain: str, outbound: Outbound | None = None, **more: Any) -> dict[str, Any]:
        dns = Dns((HostPort("127.0.0.1", nameserver.port),), 2.0, 5.0, validating=True)
        limits = replace(settings.limits, request_seconds=30)
        given = replace(settings, dns=dns, limits=limits, outbound=outbound or Outbound(), **more)
        answer: dict[str, Any] = to_json(
            find("tls.check")(store, given, Caller("t", HELPDESK, "test"), {"domain": domain})
        )
        return answer

    return call


def levels(answer: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Host, level, and who asks."""
    return [(host["name"], host["level"], host["asked_by"]) for host in answer["hosts"]]


def test_dane(check: Look) -> None:
    answer = check("dane.test")
    assert levels(answer) == [("mx.dane.test", "dane", "dane")]
    assert answer["hosts"][0]["records"] == [f"3 1 1 {TLSA}"]
    assert answer["sentence"] == "Mail goes there encrypted, or not at all."
    assert "TLSA 3 1 1" in view("tls.check", answer)
    assert levels(check("unusable.test")) == [("mx.unusable.test", "encrypt", "dane")]
    assert levels(check("mixed.test")) == [("mx.dane.test", "dane", "dane"), ("mx.plain.test", "may", "")]


def test_a_policy_that_is_kept(check: Look, store: Store) -> None:
    now = time.time()
    store.write(
        lambda t: sts_policies.put(t, Kept("plain.test", "1", "enforce", ("*.plain.test",), 9, now, now + 9, now))
    )
    answer = check("plain.test")
    assert levels(answer) == [("mx.plain.test", "pkix", "sts")]
    assert answer["hosts"][0]["addresses"] == ["::1", "127.0.0.71"]
    assert answer["policy"]["mx"] == ["*.plain.test"]
    store.write(
        lambda t: sts_policies.put(t, Kept("plain.test", "1", "enforce", ("other.test",), 9, now, now + 9, now))
    )
    answer = check("plain.test")
    assert levels(answer) == [("mx.plain.test", "unfit", "sts")]
    assert answer["sentence"] == "No mail goes there now: no host is fit for it."
    assert "none of the hosts that the policy" in answer["hosts"][0]["sentence"]


def test_a_policy_that_cannot_be_had_is_said_and_not_kept(check: Look, store: Store) -> None:
    answer = check("plain.test")
    assert answer["policy"]["failure"] == "sts-policy-fetch-error"  # there is no mta-sts.plain.test
    assert levels(answer) == [("mx.plain.test", "may", "")]
    assert "cannot be had" in view("tls.check", answer)


def test_exceptions_routes_and_nothing(check: Look) -> None:
    never = Outbound(domain=(DomainTls(".test", "none"), DomainTls("dane.test", "must")))
    assert levels(check("plain.test", never)) == [("mx.plain.test", "none", "site")]
    assert check("plain.test", never)["exception"] == "none"
    assert levels(check("dane.test", never)) == [("mx.dane.test", "dane", "dane")]
    assert levels(check("plain.test", Outbound(dane=False, mta_sts=False))) == [("mx.plain.test", "may", "")]
    routed = check("dane.test", relay=Relay(route=(Route("dane.test", HostPort("192.0.2.1", 25)),)))
    assert "goes to 192.0.2.1:25, as the settings say" in routed["sentence"]
    assert "There is no domain" in check("nowhere.dane.test")["sentence"]
    with pytest.raises(BadInput, match="no domain name"):
        check("a b")


def test_how_it_went(check: Look, store: Store, act: Callable[..., Any], settings: Settings) -> None:
    day = int(time.time()) // 86_400
    failed = Counted(day, "dane.test", "tlsa", "{}", "validation-failure", "mx.dane.test", "127.0.0.71", "", "x", 3)
    store.write(lambda t: tls_results.add(t, [failed, failed]))
    answer = check("dane.test")
    assert answer["last"][0]["number"] == 6
    assert answer["failing_since"] is not None
    assert act("tls.results")["rows"] == act("tls.results", domain="dane.test")["rows"] == answer["last"]
    assert act("tls.results", domain="other.test")["rows"] == []
    assert "validation-failure" in view("tls.results", act("tls.results"))
    assert not [row for row in act("problems")["rows"] if "dane.test" in row["sentence"]]  # not for hours yet
    store.write(lambda t: t.execute("UPDATE tls_domains SET failing_since = failing_since - 20000"))
    [problem] = [row for row in act("problems")["rows"] if "dane.test" in row["sentence"]]
    assert problem["filter"] == "domain:dane.test"
    assert "could not show that it is the host that is meant" in problem["sentence"]
    good = Counted(day, "dane.test", "tlsa", "{}", "", "", "", "", "", 1)
    store.write(lambda t: tls_results.add(t, [good]))
    assert check("dane.test")["failing_since"] is None
    assert not [row for row in act("problems")["rows"] if "dane.test" in row["sentence"]]


def test_what_others_report(act: Callable[..., Any], store: Store) -> None:
    content = base64.b64encode(json.dumps(REPORT).encode()).decode()
    with pytest.raises(Denied):
        act("tls.import", _role=HELPDESK, report=content)
    assert act("tls.import", _role=POSTMASTER, report=content) == {
        "organization": "Elsewhere", "report": "R1", "policies": 1, "known": 0, "failures": 2,
    }  # fmt: skip
    assert act("tls.import", report=content)["known"] == 1
    page = act("tls.reports")
    assert (page["total"], page["rows"][0]["failures"], page["rows"][0]["begins"]) == (1, 2, "2026-11-23T00:00:00Z")
    assert "2 certificate-expired" in view("tls.reports", page)
    assert act("tls.reports", domain="other.test")["rows"] == []
    assert store.read(audit.verify).broken is None
    for wrong in ("not base64!", base64.b64encode(b"no report").decode(), ""):
        with pytest.raises(BadInput):
            act("tls.import", report=wrong)


def test_our_own_policy(act: Callable[..., Any]) -> None:
    own = act("tls.policy")
    assert own["text"].split("\r\n")[:3] == ["version: STSv1", "mode: testing", "mx: mail.example.org"]
    assert own["place"] == "https://mta-sts.example.org/.well-known/mta-sts.txt"
    assert f'_mta-sts.example.org. IN TXT "{own["record"]}"' in view("tls.policy", own)


def test_what_is_only_tested_is_no_problem(act: Callable[..., Any], store: Store) -> None:
    day = int(time.time()) // 86_400
    some = []
    for domain, mode, result in (
        ("testing.test", "testing", "certificate-expired"),
        ("gone.test", "enforce", "sts-policy-fetch-error"),
        ("enforce.test", "enforce", "certificate-expired"),
    ):
        strings = json.dumps({"strings": ["version: STSv1", f"mode: {mode}"], "mx": []})
        some.append(Counted(day, domain, "sts", strings, result, "mx", "", "", "", 1))
    store.write(lambda t: tls_results.add(t, some))
    store.write(lambda t: t.execute("UPDATE tls_domains SET failing_since = failing_since - 20000"))
    sentences = " ".join(row["sentence"] for row in act("problems")["rows"])
    assert "enforce.test" in sentences
    assert "testing.test" not in sentences
    assert "gone.test" not in sentences


def test_results_of_one_domain_are_bounded(store: Store) -> None:
    day = int(time.time()) // 86_400
    many = [Counted(day, "x.test", "sts", "{}", "certificate-expired", f"m{n}", "", "", "", 1) for n in range(300)]
    store.write(lambda t: tls_results.add(t, many))
    found = store.read(lambda reader: tls_results.of_domain(reader, "x.test", day))
    assert len(found) == 201
    assert sum(one.number for one in found) == 300
    assert {one.reason for one in found} == {"", "others"}


def test_what_is_old_goes(store: Store) -> None:
    day = int(time.time()) // 86_400
    some = [Counted(day - age, f"d{age}.test", "sts", "{}", "", "", "", "", "", 1) for age in (0, 100)]
    store.write(lambda t: tls_results.add(t, some))
    store.write(lambda t: tls_results.reported(t, "d100.test", day - 100, "sent"))
    store.write(lambda t: t.execute("UPDATE tls_domains SET last_success = 5 WHERE domain = 'd100.test'"))
    store.write(lambda t: tls_results.forget(t, day - 60, 1_000))
    for table in ("tls_results", "tls_domains"):
        assert store.read(lambda reader: reader.rows(f"SELECT domain FROM {table}")) == [("d0.test",)]  # noqa: B023
    assert store.read(lambda reader: reader.value("SELECT count(*) FROM tls_reports")) == 0


def test_a_file_by_the_command_line(tmp_path: Path, store: Store, settings: Settings) -> None:
    from mailconsole.cli import _file

    file = tmp_path / "r.json"
    file.write_bytes(json.dumps(REPORT).encode())
    given = _file(str(file))
    found = find("tls.import")(store, settings, Caller("t", SYSADMIN, "test"), {"report": given})
    assert found.organization == "Elsewhere"
    with pytest.raises(BadInput, match="cannot be read"):
        _file(str(tmp_path / "nothing"))
    file.write_bytes(b"x" * 700_001)
    with pytest.raises(BadInput, match="700,000 bytes"):
        _file(str(file))


def test_who_comes_by_ssh_names_no_file_of_this_host() -> None:
    from mailconsole.cli import _for_others, _reads_here
    from mailconsole.parser import parse

    known = list(actions().values())
    assert _reads_here(parse(["tls", "import", "/etc/passwd"], known))
    for words in (["tls", "import", "-"], ["tls", "check", "example.org"]):
        assert _for_others(parse(words, known))
        assert not _reads_here(parse(words, known))
