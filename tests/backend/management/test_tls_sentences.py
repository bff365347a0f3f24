"""What is said of connections out: how sure they were, and why a host did not get the mail."""

from __future__ import annotations

import ast
import re
import time
from pathlib import Path

import pytest

import backend
from backend.management.sentences import steps, tls
from backend.store.trace import Event

_RESULT = re.compile(r"(?:starttls|certificate|validation|tlsa|dnssec|dane|sts)-[a-z-]+[a-z]")


def event(verdict: str, **detail: str) -> Event:
    """Of a delivery to mx.remote.test."""
    given = {"mta": "mx.remote.test[192.0.2.1]:25", **detail}
    return Event(1, time.time(), "remote", verdict, 1, None, None, "a@b.test", "bob@remote.test", None, given)


def written() -> set[str]:
    """Every text in the source of delivery that looks like a result type."""
    found: set[str] = set()
    root = Path(backend.__file__).parent
    for path in (*(root / "delivery").rglob("*.py"), root / "tls.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _RESULT.fullmatch(node.value):
                found.add(node.value)
    return found


def test_every_result_has_its_words() -> None:
    assert {"starttls-not-supported", "certificate-expired", "sts-webpki-invalid", "dane-required"} <= written()
    assert written() <= set(tls.FAILURES)


@pytest.mark.parametrize("failure", tls.FAILURES)
@pytest.mark.parametrize("asked_by", tls.ASKED_BY)
def test_why_a_host_did_not_get_it(failure: str, asked_by: str) -> None:
    detail = {"failure": failure, "asked_by": asked_by, "status": "4.7.5"}
    waiting = steps.step(event("deferred", **detail), time.time() + 60)
    assert waiting.startswith(
        f"Waiting: mx.remote.test {tls.FAILURES[failure]}, and {tls.ASKED_BY[asked_by]}; the next"
    )
    assert steps.step(event("failed", **detail)).endswith("their postmaster can mend it.")


@pytest.mark.parametrize("trust", tls.TRUST)
def test_how_sure_it_was(trust: str) -> None:
    assert steps.step(event("relayed", trust=trust)).endswith(tls.TRUST[trust])


def test_other_failures_keep_their_words() -> None:
    assert "did not answer" in steps.step(event("deferred", status="4.4.1", failure="", asked_by="message"), 0)
    assert steps.step(event("relayed")).endswith("only that side can say.")
