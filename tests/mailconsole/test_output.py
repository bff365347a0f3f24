"""What reaches a terminal: sentences, tables that fit, JSON, and nothing that the terminal would obey."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailconsole import output, tables, views
from screens.text import safe

HOSTILE = "\x1b]0;owned\x07\x9b31m\u202eevil\u2066\x7f\r\n[/nope]"
STORY = {
    **dict.fromkeys(("id", "time", "sender", "verdict", "peer", "sentence", "message_id", "account"), HOSTILE),
    "recipients": [HOSTILE, HOSTILE],
    "number": 5,
    "size": 5,
    "steps": [{"time": HOSTILE, "sentence": "", "recipient": HOSTILE, "facts": {HOSTILE: HOSTILE}, "found": [HOSTILE]}],
    "left_out": 3,
}


@given(st.text())
def test_safe_text_is_one_printable_line(text: str) -> None:
    assert safe(text).isprintable()
    assert len(safe(text, 10)) <= 10


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("Grüße 日本", None, "Grüße 日本"),
        ("a\x1b[31m", None, "a\\x1b[31m"),
        ("\u202e", None, "\\u202e"),
        ("\U000e0001", None, "\\U000e0001"),
        ("abcdef", 4, "abc…"),
        ("abcd", 4, "abcd"),
        ("abcd", 0, ""),
    ],
)
def test_safe(text: str, width: int | None, shown: str) -> None:
    assert safe(text, width) == shown


@given(st.dictionaries(st.text(max_size=5), st.text()))
def test_json_is_the_same_value_and_nothing_to_obey(value: dict[str, str]) -> None:
    document = output.document(value)
    assert json.loads(document) == value
    assert all(letter.isprintable() or letter == "\n" for letter in document)


def _queue_row(**changes: object) -> dict[str, object]:
    row = dict.fromkeys(("id", "message", "sender", "recipient", "domain", "state", "error"), HOSTILE)
    return {**row, "size": 5, "received": "2026-11-24T05:00:00Z", "due": None, "attempts": 0, **changes}


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("queue.list", {"rows": [_queue_row()], "total": 1, "offset": 0}),
        ("trace.find", {"rows": [STORY], "total": 1, "offset": 0, "more": True, "kind": "id", "subject": HOSTILE}),
        ("trace.find", {"rows": [], "total": 0, "offset": 0, "more": False, "kind": "id", "subject": HOSTILE}),
        ("trace.show", STORY),
        ("user.list", {"rows": [{"address": HOSTILE, "locked_until": None, "state": HOSTILE, "login": True,
                                     "seen": HOSTILE, "messages": 1, "bytes": 1, "quota": 0, "created": HOSTILE}]}),
        ("user.logins", {"address": HOSTILE, "verdict": HOSTILE, "rows": [{"time": HOSTILE, "outcome": HOSTILE,
                                     "number": 1, "peer": HOSTILE, "service": HOSTILE, "way": HOSTILE}]}),
        ("operator.totp", {"name": HOSTILE, "secret": HOSTILE, "url": HOSTILE}),
        ("user.suspend", {"address": HOSTILE, "messages": 1, "quota": 0}),
        ("user.junk", {"address": HOSTILE, "junk": None}),
        ("quarantine.release", {"affected": 1, "recipients": 2, "ids": ["1"], "left": [{"id": "2", "why": HOSTILE}]}),
        ("alias.list", {"aliases": [{"address": HOSTILE, "target": HOSTILE}]}),
        ("domain.list", {"domains": [HOSTILE]}),
        ("domain.add", {"domain": HOSTILE}),
        ("config.show", {"settings": [{"key": "a", "value": [HOSTILE], "from": "default"}]}),
        ("something.new", {"a": HOSTILE, "b": [HOSTILE]}),
    ],
)  # fmt: skip
def test_no_view_lets_outside_text_through(name: str, answer: object) -> None:
    assert views.view(name, answer).replace("\n", "").isprintable()


def test_a_table_fits_the_terminal_and_keeps_its_first_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_columns", lambda: 80)
    row = _queue_row(id="0R1M2X4G3H0A7-1", recipient="somebody@" + "x" * 200, error="e" * 500)
    lines = views.view("queue.list", {"rows": [row] * 3, "total": 3, "offset": 0}).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[1].startswith("0R1M2X4G3H0A7-1 ")


def test_a_table_that_a_program_reads_is_whole() -> None:
    assert "x" * 500 in views.view("domain.list", {"domains": ["x" * 500]})
    assert "x" * 500 in tables.table(("a", "b"), [("1", "x" * 500)])


@pytest.mark.parametrize(
    ("name", "answer", "words"),
    [
        ("queue.hold", {"affected": 2, "ids": ["A-1", "B-1"], "missed": 0},
         "2 entries held. Undo: mailconsole queue release A-1 B-1"),
        ("queue.hold", {"affected": 1, "ids": ["A-1"], "missed": 1},
         "1 entry held. 1 left alone: not in a state for it, or being delivered now."
         " Undo: mailconsole queue release A-1"),
        ("queue.delete", {"affected": 3, "ids": ["A-1"], "missed": 0}, "3 entries deleted."),
        ("user.quota", {"address": "a@b.c", "messages": 0, "quota": 5_000_000}, "a@b.c may hold 5.0 MB."),
        ("quarantine.release", {"affected": 0, "recipients": 0, "ids": [], "left": [{"id": "7", "why": "7 is gone."}]},
         "0 released, to 0 mailboxes and addresses.\nNot released: 7 is gone."),
    ],
)  # fmt: skip
def test_sentences(name: str, answer: object, words: str) -> None:
    assert views.view(name, answer) == words
