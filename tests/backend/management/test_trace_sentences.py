"""Every event that the service writes has a sentence, every reason and every status code has its words.

What is written is read from the source: a new event without a sentence fails here.
"""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest

import backend
from backend import clock
from backend.management.sentences import checks, statuses, steps
from backend.policy.spf_query import Value
from backend.store.trace import Event

_ROOT = Path(backend.__file__).parent
_STATUS = re.compile(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?![\d.])")
# Functions that write events whose stage or verdict their callers name; those calls are what is read.
_PASSED_ON = {"finish": "Result", "_steer": "_steer", "write": "_record"}
_ALWAYS = {"_refuse": ("rejected", "deferred")}


def event(stage: str, verdict: str, **fields: Any) -> Event:
    """With all that an event may have."""
    given: dict[str, Any] = {
        "message": 1, "session": "S", "peer": "192.0.2.1", "sender": "ann@client.test",
        "recipient": "bob@example.org", "message_id": "<m@client.test>", "detail": {},
    }  # fmt: skip
    return Event(1, time.time(), stage, verdict, **(given | fields))


def test_what_each_scorer_says_has_a_sentence() -> None:
    said = {
        "rspamd": {"points": 2.5, "score": 3.0, "required": 6.0, "symbols": ["A", "B"]},
        "quiet": {"points": 0.0, "score": 0.0, "required": 6.0, "symbols": []},
        "dead": {"failed": "no answer within 4 seconds"},
        "small": {"skipped": "the message is too large for it"},
        "urls.test": {"points": 4.0},
        "nonsense": 5,
    }
    accepted = event(
        "accept", "accepted", detail={"spam": {"failed": "late", "points": 6.5, "marked": True, "scorers": said}}
    )
    assert checks.of(accepted) == (
        "Spam: rspamd gives 2.5 points (3.0 where 6.0 is spam: A, B).",
        "Spam: quiet gives 0.0 points (0.0 where 6.0 is spam: no rule).",
        "Spam: dead could not say anything: no answer within 4 seconds.",
        "Spam: small was not asked: the message is too large for it.",
        "Spam: it links to a host that urls.test has, which counts 4.0 points.",
    )
    assert "; marked as spam, 6.5 points" in steps.step(accepted)
    assert checks.of(event("accept", "accepted", detail={"spam": {"scorers": [1]}})) == ()


@cache
def calls() -> tuple[tuple[str, str, ast.Call], ...]:
    """(function around it, name of what is called, the call) for the whole backend."""
    found: list[tuple[str, str, ast.Call]] = []

    def walk(node: ast.AST, around: str) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            around = node.name
        if isinstance(node, ast.Call):
            to = node.func
            name = f"{ast.unparse(to)}" if isinstance(to, ast.Attribute) else getattr(to, "id", "")
            found.append((around, name, node))
        for child in ast.iter_child_nodes(node):
            walk(child, around)

    for path in sorted(_ROOT.rglob("*.py")):
        walk(ast.parse(path.read_text()), "")
    return tuple(found)


def constants(node: ast.expr) -> list[str]:
    """The texts that an expression may be; none when they are not written here."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return constants(node.body) + constants(node.orelse)
    return []


def pairs() -> Iterator[tuple[str, str]]:
    """Stage and verdict of every event that is written."""
    for around, name, call in calls():
        arguments = call.args
        match name.rpartition(".")[2]:
            case "add" | "add_many" if name.startswith("trace."):
                stages, verdicts = constants(arguments[1]), constants(arguments[2])
                if not (stages and verdicts):
                    assert around in _PASSED_ON, f"{around} writes an event whose stage or verdict cannot be read here"
                yield from ((stage, verdict) for stage in stages for verdict in verdicts)
            case "_record" if len(arguments) == 3:
                yield from ((s, v) for s in constants(arguments[0]) for v in constants(arguments[1]))
            case "_refuse":
                yield from ((stage, verdict) for stage in constants(arguments[0]) for verdict in _ALWAYS["_refuse"])
            case "_judge":
                yield from ((stage, verdict) for stage in constants(arguments[0]) for verdict in _ALWAYS["_refuse"])
            case "Result" if not constants(arguments[0]):  # of a delivery; that of a check begins with its method
                yield from (("local" if o == "delivered" else "remote", o) for o in constants(arguments[1]))
            case "_steer":
                yield from (("queue", verdict) for verdict in constants(arguments[2]))


PAIRS = sorted(set(pairs()))


def test_the_source_is_understood() -> None:
    assert {("accept", "accepted"), ("local", "delivered"), ("remote", "deferred"), ("remote", "failed"),
            ("remote", "relayed"), ("queue", "held"), ("queue", "deleted"), ("notice", "sent"), ("rcpt", "rejected"),
            ("connect", "closed"), ("auth", "accepted"), ("tls", "rejected")} <= set(PAIRS)  # fmt: skip


@pytest.mark.parametrize(("stage", "verdict"), PAIRS)
@pytest.mark.parametrize("bare", [False, True])
def test_every_event_has_a_sentence(stage: str, verdict: str, bare: bool) -> None:
    nothing = dict.fromkeys(("session", "peer", "sender", "recipient", "message_id"))
    one = event(stage, verdict, **(nothing if bare else {}))
    sentence = steps.find(one)
    assert sentence, f"{stage} {verdict} has no sentence in backend/management/sentences/steps.py"
    assert sentence.endswith(".")
    assert not re.search(r"[{}]|\.\.|  ", sentence)
    assert bare or "None" not in sentence


def reasons() -> Iterator[tuple[str, str]]:
    """The check and the reason of every refusal of policy and content."""
    for room in ("policy", "content"):
        for path in sorted((_ROOT / room).rglob("*.py")):
            for made in ast.walk(ast.parse(path.read_text())):
                if isinstance(made, ast.ClassDef):
                    names = [
                        constants(line.value)[0]
                        for line in made.body
                        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "name"
                    ]
                    for call in ast.walk(made):
                        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in ("reject", "defer"):
                            yield from ((name, reason) for name in names for reason in constants(call.args[0]))


@pytest.mark.parametrize(("check", "reason"), sorted(set(reasons())))
def test_every_reason_has_its_words(check: str, reason: str) -> None:
    assert (check, reason) in steps.REASONS
    for verdict in ("rejected", "deferred"):
        sentence = steps.step(event("rcpt", verdict, detail={"check": check, "reason": reason, "reply": ""}))
        assert sentence.startswith(("Refused: ", "Put off: "))
        assert "{" not in sentence


@pytest.mark.parametrize(
    "status", sorted({code for path in _ROOT.rglob("*.py") for code in _STATUS.findall(path.read_text())})
)
def test_every_status_code_has_a_meaning(status: str) -> None:
    assert statuses.known(status), f"{status} has no meaning in backend/management/sentences/statuses.py"


@pytest.mark.parametrize("status", ["5.1.1", "4.4.1", "5.7.25", "5.99.99", "4.2.77", "5", "", "nonsense", "9.9.9"])
def test_any_status_code_gives_words(status: str) -> None:
    for words in (statuses.inside(status), statuses.outside(status, "mx.remote.test"), statuses.outside(status)):
        assert words
        assert not re.search(r"[{}]", words)


def test_a_code_is_found_in_a_reply() -> None:
    assert statuses.find("550 5.7.25 192.0.2.1 has no PTR") == "5.7.25"
    assert statuses.find("550 from 10.5.1.1") == ""
    assert statuses.find(None) == ""


@pytest.mark.parametrize(
    ("one", "due", "sentence"),
    [
        (event("connect", "rejected", detail={"reply": "550 5.7.25 no PTR"}), None,
         "Refused: the sender's server has no reverse DNS; its owner must fix it."),
        (event("rcpt", "rejected", detail={"check": "recipient", "reason": "unknown user", "reply": "550 5.1.1 x"}),
         None, "Refused: there is no address bob@example.org here; the sender must check the spelling."),
        (event("mail", "deferred", detail={"check": "message rate", "reason": "message rate", "reply": "450 4.7.1 x"}),
         None, "Put off: 192.0.2.1 sent too many messages within a minute; the sender's server tries again by itself."),
        (event("data", "rejected", detail={"check": "viruses", "reason": "infected", "reply": "550 5.7.1 x",
                                           "engines": {"yara": "infected: E"}, "probe": "eicar"}),
         None, "Refused: the message is infected, yara found E; it was a probe of this service itself,"
         " with the harmless test file EICAR."),
        (event("accept", "accepted", detail={"probe": "gtube", "spam": {"marked": True, "points": 1000}}), None,
         "Accepted: a probe of this service itself, with the harmless test file GTUBE; marked as spam, 1000 points."),
        (event("local", "delivered"), None, "Delivered to bob@example.org's mailbox (INBOX)."),
        (event("remote", "deferred", detail={"status": "4.4.1", "mta": "mx.remote.test[192.0.2.9]:25"}), None,
         "Not yet: mx.remote.test did not answer; it was to be tried again."),
        (event("remote", "deferred", detail={"status": "4.4.1", "mta": "mx.remote.test[192.0.2.9]:25"}), 0.0,
         "Waiting: mx.remote.test did not answer; it is tried again now."),
        (event("remote", "failed", detail={"status": "5.1.1", "mta": "mx.remote.test[192.0.2.9]:25"}), None,
         "Not delivered: there is no such address there; the sender must check the spelling."),
        (event("remote", "failed", detail={"status": "5.7.1", "mta": "mx.remote.test[192.0.2.9]:25"}), None,
         "Not delivered: mx.remote.test does not accept it from this sender or from our server;"
         " their postmaster can say why."),
        (event("alias", "expanded", detail={"to": ["a@x.org", "b@x.org", "c@x.org", "d@x.org"]}), None,
         "bob@example.org is another name of a@x.org, b@x.org, c@x.org and 1 more."),
        (event("something", "new"), None, "Something: new."),
    ],
)  # fmt: skip
def test_sentences(one: Event, due: float | None, sentence: str) -> None:
    assert steps.step(one, due) == sentence


def test_what_checks_found_is_said() -> None:
    found = event(
        "accept", "accepted", detail={"checks": {"spf": "pass", "new_check": "odd"}, "helo": "mx.client.test"}
    )
    assert checks.of(found) == ("SPF: 192.0.2.1 may send for client.test.", "new check: odd.")
    found = event("accept", "accepted", sender="", detail={"checks": {"spf": "fail"}, "helo": "mx.client.test"})
    assert checks.of(found)[0].startswith("SPF: mx.client.test says that 192.0.2.1 may not send")
    assert checks.of(event("accept", "accepted")) == ()
    assert checks.of(event("accept", "accepted", detail={"checks": "nonsense"})) == ()
    assert {value for name, value in checks.CHECKS if name == "spf"} == set(get_args(Value))
    for row in checks.CHECKS:
        [sentence] = checks.checks(dict([row]))
        assert sentence.endswith(".")
        assert not re.search(r"[{}]|None|\.\.", sentence)


def test_the_next_try_has_its_hour_and_on_another_day_its_date() -> None:
    noon = 1_795_521_600.0  # 2026-11-24T12:00:00Z
    assert steps.when(noon + 600, noon) == "at 12:10 UTC"
    assert steps.when(noon + 86_400, noon) == "on 25 November at 12:00 UTC"
    later = clock.now() + 3_600
    deferred = event("remote", "deferred", detail={"status": "4.4.1"})
    assert steps.step(deferred, later).endswith(f"; the next try is {steps.when(later)}.")
