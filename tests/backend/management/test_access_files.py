"""Access lists as files: CSV keeps everything, maps of Postfix and rspamd mean with us what they mean there."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import BadInput
from backend.management import access_files
from backend.management.access_files import ABOUT, FORMATS, Entry, Reading, Wrong
from backend.store import access
from backend.store.database import Store
from mailconsole import access_files as client
from tests.backend.management.conftest import Act


def read(text: str, how: str, **given: Any) -> list[tuple[str, str, str] | str]:
    """Verdict, kind and what of each line; of a wrong one, why."""
    entries, _ = access_files.read(text, Reading(how, **given))
    return [
        entry.why if isinstance(entry, Wrong) else (entry.verdict, entry.pattern.kind, entry.pattern.what)
        for entry in entries
    ]


@pytest.mark.parametrize(
    ("line", "about", "meant"),
    [
        ("192.0.2.7 REJECT", None, ("deny", "address", "192.0.2.7")),
        ("192.0.2.0/24 550 5.7.1 go away", None, ("deny", "network", "192.0.2.0/24")),
        ("192.0.2 REJECT", None, ("deny", "network", "192.0.2.0/24")),
        ("10.1 ok", None, ("allow", "network", "10.1.0.0/16")),
        ("2001:db8:1 REJECT", None, ("deny", "network", "2001:db8:1::/48")),
        ("2001:db8::7 PERMIT", None, ("allow", "address", "2001:db8::7")),
        ("spam.test REJECT", None, ("deny", "domain", ".spam.test")),
        (".spam.test REJECT", "sender", ("deny", "domain", "*.spam.test")),
        ("spam.test REJECT", "client", ("deny", "host", ".spam.test")),
        ("spam.test REJECT", "helo", ("deny", "helo", ".spam.test")),
        ("[192.0.2.7] REJECT", "helo", ("deny", "helo", "[192.0.2.7]")),
        ("192.0.2.7 REJECT", "helo", ("deny", "helo", "192.0.2.7")),
        ("example.org REJECT", "recipient", ("deny", "recipient", "*@.example.org")),
        ("ann@spam.test 1234", None, ("allow", "sender", "ann@spam.test")),
        ("ann@ REJECT", None, ("deny", "sender", "ann@*")),
        ("bob@example.org REJECT", "recipient", ("deny", "recipient", "bob@example.org")),
        ("<> REJECT no bounces", None, ("deny", "sender", "<>")),
    ],
)
def test_what_a_line_of_postfix_means(line: str, about: str | None, meant: tuple[str, str, str]) -> None:
    assert read(line, "postfix", about=about) == [meant]


def test_lines_of_postfix_that_are_none() -> None:
    text = "# a comment\n\n192.0.2.7 REJECT first line\n   and the next one\n"
    text += "a.test HOLD\nb.test DUNNO\nc.test\nd.test 450 later\n"
    entries, _ = access_files.read(text, Reading("postfix"))
    assert [(entry.line, type(entry)) for entry in entries] == [(3, Entry), *((line, Wrong) for line in (5, 6, 7, 8))]
    assert isinstance(entries[0], Entry)
    assert entries[0].reason == "first line"
    assert "rule add" in entries[1].why  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("line", "about", "meant"),
    [
        ("192.0.2.0/24 # spam", None, ("deny", "network", "192.0.2.0/24")),
        ("[2001:db8::7] 5.0", None, ("deny", "address", "2001:db8::7")),
        ("spam.test", None, ("deny", "domain", "spam.test")),
        ("*.spam.test", "client", ("deny", "host", "*.spam.test")),
        ("ann@spam.test", None, ("deny", "sender", "ann@spam.test")),
        ("/^spam/i", None, "Regular expressions and exceptions have no place in these lists."),
        ("!192.0.2.7", None, "Regular expressions and exceptions have no place in these lists."),
    ],
)
def test_what_a_line_of_rspamd_means(line: str, about: str | None, meant: Any) -> None:
    assert read(line, "rspamd", about=about, verdict="deny") == [meant]


def test_csv_has_its_columns_in_any_order_and_none() -> None:
    text = 'What,Verdict,reason\n192.0.2.7,deny,"spam, and more"\nx.test,maybe,\n'
    entries, header = access_files.read(text, Reading("csv"))
    assert header == "What,Verdict,reason"
    assert isinstance(entries[0], Entry)
    assert entries[0].reason == "spam, and more"
    assert isinstance(entries[1], Wrong)
    again, _ = access_files.read("192.0.2.8,allow,", Reading("csv", header=header, first=4))
    assert (again[0].line, again[0].verdict) == (4, "allow")  # type: ignore[union-attr]
    assert read("deny,host,x.test", "csv") == [("deny", "host", "x.test")]
    assert read('"what";"verdict"\nx.test;deny', "csv") == [("deny", "domain", "x.test")]
    assert read("deny;host;x.test;a, b", "csv") == [("deny", "host", "x.test")]


@pytest.mark.parametrize(
    "line",
    [
        "deny,domain", 'deny,domain,"x.test', "deny,domain,x.test," + "r" * 301, "deny,domain,x.test,r," + "o" * 65,
        "deny,domain,x.test,r,o,yesterday", "deny,domain,x.test,r,o,,9999-12-31T23:59:59-10:00",
        "deny,domain,x.test,r,o,,1969-01-01T00:00:00Z", "deny,domain,x.test,r,o,,,-1", "deny,domain,x.test,r,o,,,1e9",
        "deny,domain,x.test,r,o,,," + "9" * 30, "deny,domain,x.test,r,o,,,²", "x" * 2_001, ",,", ",domain,x.test",
    ],
)  # fmt: skip
def test_lines_of_csv_that_are_none(line: str) -> None:
    [entry] = access_files.read(line, Reading("csv"))[0]
    assert isinstance(entry, Wrong)


@given(
    st.text(max_size=200) | st.text('\n ,"@.*/:#!<>0159azREJECTOKdenyallow', max_size=80),
    st.sampled_from(FORMATS),
    st.sampled_from([None, *ABOUT]),
    st.sampled_from([None, "deny"]),
)
def test_any_text_is_read(text: str, how: str, about: str | None, verdict: str | None) -> None:
    entries, _ = access_files.read(text, Reading(how, verdict, about))
    assert all(isinstance(entry, Entry | Wrong) for entry in entries)


RULES = """\
verdict,kind,what,reason,owner,created,until,hits,last_hit
deny,address,192.0.2.7,"spam, ""much"" of it",olga,2026-01-02T03:04:05Z,,7,2026-02-03T04:05:06Z
deny,network,2001:db8::/48,,olga,2026-01-02T03:04:05Z,2027-01-01T00:00:00Z,0,
allow,host,.partner.test,=1+1,olga,2026-01-02T03:04:05Z,,0,
allow,domain,xn--bcher-kva.test,Bücher,olga,2026-01-02T03:04:05Z,,0,
deny,sender,news-*@*.spam.test,# no comment,olga,2026-01-02T03:04:05Z,2026-01-03T00:00:00Z,0,
deny,sender,<>,x,olga,2026-01-02T03:04:05Z,,0,
deny,recipient,bob@example.org,x,olga,2026-01-02T03:04:05Z,,0,
deny,helo,[192.0.2.7],x,olga,2026-01-02T03:04:05Z,,0,
deny,helo,*dynamic*,x,olga,2026-01-02T03:04:05Z,,0,
"""


def test_csv_keeps_everything(act: Act) -> None:
    done = act("access.import", format="csv", text=RULES, why="a test")
    assert (done["added"], done["wrong"], done["wide"], done["duplicates"]) == (9, 0, 0, 0)
    exported = act("access.export", format="csv")
    given_rows, rows = (list(csv.DictReader(io.StringIO(text))) for text in (RULES, exported["text"]))
    for row in given_rows:  # what the file leaves out is filled in
        row["reason"] = row["reason"] or "a test"
    assert rows == given_rows
    assert act("access.import", format="csv", text=exported["text"], why="x")["duplicates"] == 9
    act("access.delete", all=True)
    assert act("access.import", format="csv", text=exported["text"], why="x")["added"] == 9
    assert act("access.export", format="csv")["text"] == exported["text"]


def test_maps_of_others_come_back_as_they_went(act: Act) -> None:
    act("access.import", format="csv", text=RULES, why="a test")
    act("access.add", verdict="deny", what=".spam.test", why="x")
    act("access.add", verdict="deny", what="*.bulk.test", why="x")
    for how, about in [(how, about) for how in ("postfix", "rspamd") for about in ABOUT]:
        given_words = {"verdict": "deny"} if how == "rspamd" else {}
        text = act("access.export", format=how, about=about, **given_words)["text"]
        again = read(text, how, about=about, **given_words)
        assert again
        assert all(isinstance(one, tuple) for one in again), again
    assert read(act("access.export", format="postfix", about="client")["text"], "postfix", about="client") == [
        ("deny", "address", "192.0.2.7"),
        ("deny", "network", "2001:db8::/48"),
        ("allow", "host", ".partner.test"),
    ]
    text = act("access.export", format="postfix", about="sender")["text"]
    assert "\nspam.test REJECT\n" in text
    assert "\n.bulk.test REJECT\n" in text
    assert "\n<> REJECT\n" in text
    assert "news-" not in text  # its time has passed


def test_what_is_pointed_out(act: Act) -> None:
    act("access.add", verdict="allow", what="192.0.2.7", why="x")
    text = (
        "192.0.2.7 REJECT\n192.0.2.8 REJECT\n192.0.2.8 550 again\n10 REJECT\n0.0.0.0/0 OK\ncom REJECT\n\x20\nwhat? OK\n"
    )
    given_words = {"format": "postfix", "text": text, "why": "a test"}
    rehearsed = act("access.import", dry_run=True, **given_words)
    assert act("access.list")["total"] == 1
    done = act("access.import", **given_words)
    for answer in (rehearsed, done):
        counts = [answer[name] for name in ("added", "duplicates", "wide", "wrong", "contradicting")]
        assert counts == [2, 1, 3, 1, 1]
        assert [(note["line"], note["about"]) for note in answer["notes"]] == [
            (1, "contradicts"), (3, "duplicate"), (4, "wide"), (5, "wide"), (6, "wide"), (8, "wrong"),
        ]  # fmt: skip
    assert (len(rehearsed["marks"]), done["marks"]) == (2, [])
    assert act("access.import", wide=True, **given_words)["added"] == 3
    rows = act("audit-log.list")["rows"]
    assert [row["action"] for row in rows] == ["access.import", "access.import", "access.add"]  # none of a dry run
    assert rows[0]["arguments"]["text"] == f"{len(text)} characters"


@pytest.mark.parametrize(
    "wrong",
    [
        {"format": "xml"}, {"format": "rspamd"}, {"format": "csv", "verdict": "x"}, {"format": "postfix", "about": "x"},
        {"format": "csv", "text": "x" * 262_145}, {"format": "csv", "why": "x" * 301},
    ],
)  # fmt: skip
def test_what_is_not_read(act: Act, wrong: dict[str, str]) -> None:
    with pytest.raises(BadInput):
        act("access.import", **{"text": "", **wrong})


# -- the command line's side


def test_a_hundred_thousand_lines_in_pieces(act: Act, store: Store, tmp_path: Any) -> None:
    file = tmp_path / "list.csv"
    lines = [f"deny,,10.{n >> 16}.{n >> 8 & 255}.{n & 255},from a list of others" for n in range(100_000)]
    file.write_text("verdict,kind,what,reason\n" + "\n".join([*lines, lines[7], "nonsense"]) + "\n")
    requests: list[int] = []

    def call(name: str, arguments: dict[str, Any]) -> Any:
        requests.append(len(json.dumps(arguments)))
        return act(name, **arguments)

    rehearsed = client.read_in(call, str(file), {"format": "csv", "dry_run": True})
    assert (rehearsed["added"], rehearsed["duplicates"], rehearsed["wrong"]) == (100_000, 1, 1)
    assert store.read(access.total) == 0
    done = client.read_in(call, str(file), {"format": "csv", "why": "a test"})
    assert (done["added"], done["duplicates"], done["wrong"], done["lines"]) == (100_000, 1, 1, 100_003)
    assert [note["line"] for note in done["notes"]] == [100_002, 100_003]
    assert max(requests) < 1024 * 1024
    assert store.read(access.total) == 100_000


def test_a_file_of_one_endless_line_costs_no_memory(act: Act, tmp_path: Any) -> None:
    file = tmp_path / "list"
    with file.open("wb") as stream:
        for _ in range(64):
            stream.write(b"x" * 1_048_576)
        stream.write(b"\n192.0.2.7\n")
    tracemalloc.start()
    done = client.read_in(partial(_call, act), str(file), {"format": "rspamd", "verdict": "deny"})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (done["added"], done["wrong"], done["lines"]) == (1, 1, 2)
    assert peak < 8 * 1024 * 1024


def test_bytes_that_are_no_text(act: Act, tmp_path: Any) -> None:
    file = tmp_path / "list"
    file.write_bytes(b"\xef\xbb\xbf192.0.2.7\r\n\xff\xfe.test\n\x00\x1b[2J\n\xed\xa0\x80\n192.0.2.8")
    done = client.read_in(partial(_call, act), str(file), {"format": "rspamd", "verdict": "deny"})
    assert (done["added"], done["wrong"], done["lines"]) == (2, 3, 5)
    with pytest.raises(BadInput, match="cannot be read"):
        client.read_in(partial(_call, act), str(tmp_path / "none"), {"format": "csv"})


def _call(act: Act, name: str, arguments: dict[str, Any]) -> Any:
    return act(name, **arguments)
