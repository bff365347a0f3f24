"""Log lines: one record is one line, secrets stay out, tracebacks are found by their incident id."""

from __future__ import annotations

import logging
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.logs import Formatter, escaped, fields, value


def line(text: str, *arguments: object, name: str = "smtp", **extra: object) -> str:
    """The line that a record is written as."""
    logger = logging.Logger("test")
    record = logger.makeRecord(name, logging.INFO, "file", 1, text, arguments, None, extra=extra)
    record.created = 1_795_496_400.1239
    return Formatter("smtp.1").format(record)


def test_a_line_has_time_level_process_ids_text_and_fields() -> None:
    got = line("accepted %d", 3, **fields(size=312, message="0CND", session="4F2K", peer=None))
    assert got == "2026-11-24T05:00:00.123Z info smtp.1 [session=4F2K message=0CND] smtp: accepted 3 size=312"


def test_a_plain_extra_will_do() -> None:
    assert line("failed", session="4F2K", peer="192.0.2.1").endswith("[session=4F2K] smtp: failed peer=192.0.2.1")


def test_the_root_logger_has_no_name() -> None:
    assert line("ready", name="root").endswith("smtp.1 ready")


@pytest.mark.parametrize(
    ("content", "written"),
    [
        ("plain", "plain"),
        ("Jürgen", "Jürgen"),
        ("", '""'),
        ("two words", '"two words"'),
        ("a=b", '"a=b"'),
        ('say "no"', '"say \\"no\\""'),
        ("a\r\n2026-11-24T05:00:00.123Z info", '"a\\r\\n2026-11-24T05:00:00.123Z info"'),
        ("\x1b[2J\x9b1m", '"\\x1b[2J\\x9b1m"'),
        ("\u202eexe.txt", "\\u202eexe.txt"),
        ("\udcff", "\\udcff"),
        ("back\\slash", "back\\\\slash"),
    ],
)
def test_values_are_escaped_and_quoted_when_needed(content: str, written: str) -> None:
    assert value(content) == written


def test_long_values_are_cut() -> None:
    assert len(value("x" * 1_000)) == 1_000
    assert value("x" * 1_001) == "x" * 1_000 + "…"


@given(st.text(), st.text(), st.text())
def test_a_record_is_one_printable_line(text: str, argument: str, field: str) -> None:
    for got in (line(text.replace("%", "%%"), session=field, peer=argument), line("%s", argument, peer=field)):
        assert got.isprintable()
        assert re.match(r"2026-11-24T05:00:00\.123Z info smtp\.1 ", got)


@given(st.text())
def test_escapes_are_told_apart_from_what_looks_like_them(text: str) -> None:
    assert eval("'" + escaped(text).replace("'", "\\'") + "'") == text


def test_secrets_are_not_written() -> None:
    got = line(
        "refused: AUTH PLAIN AGFsaWNlAHNlc2FtZQ== password=sesame",
        **fields(password="sesame", command="AUTH LOGIN c2VzYW1l", token="sesame", user="alice"),
    )
    assert "sesame" not in got
    assert "c2VzYW1l" not in got
    assert "AGFsaWNl" not in got
    assert "user=alice" in got


def test_a_text_that_does_not_fit_its_arguments_is_still_written() -> None:
    assert "lost %d of %d" in line("lost %d of %d", 1)


PROGRAM = """
import logging, threading
from backend import logs
logs.start({level!r}, "smtp.1")
logging.debug("fine")
logging.info("ready")
try:
    raise ValueError("two\\nlines password: sesame")
except ValueError:
    logging.getLogger("smtp").exception("session failed", extra=logs.fields(session="4F2K"))
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
raise KeyError("x")
"""


def run(level: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(level=level)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    return done.stderr.splitlines()


def test_a_process_writes_tracebacks_on_one_line_with_an_incident() -> None:
    ready, failed, thread, uncaught = run("info")
    assert ready.endswith("info smtp.1 ready")
    found = re.search(
        r'error smtp\.1 \[incident=([0-9A-Z]{8}) session=4F2K\] smtp: session failed traceback="(.*)"$', failed
    )
    assert found
    assert "ValueError: two\\nlines" in found[2]
    assert "sesame" not in failed
    assert "uncaught: division by zero" in thread
    assert "incident=" in thread
    assert "KeyError" in uncaught
    assert len({re.search(r"incident=(\w+)", text)[1] for text in (failed, thread, uncaught)}) == 3  # type: ignore[index]


def test_the_level_is_kept() -> None:
    assert "debug smtp.1 fine" in run("debug")[0]
    assert "session failed" in run("error")[0]
