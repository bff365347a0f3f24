"""Structured lines on stderr: `2026-11-24T05:00:00.123Z info smtp.1 [session=4F2K message=0CND...] accepted size=312`.

One record is one line, whatever is in it: what is not printable is written escaped, so a hostile value can neither
start a second line nor steer a terminal. Ids stand in the brackets, other fields behind the text. A secret is not
written: neither a field that is called like one, nor what follows AUTH.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import threading
import time
import traceback
from types import TracebackType
from typing import Any

IDS = ("incident", "session", "message")  # fields that find other lines and events of the same thing

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "fields"}

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_NAMES = {
    logging.DEBUG: "debug",
    logging.INFO: "info",
    logging.WARNING: "warning",
    logging.ERROR: "error",
    logging.CRITICAL: "error",
}
_VALUE_LENGTH = 1_000  # characters of a field
_TEXT_LENGTH = 4_000  # characters of a text
_TRACEBACK_LENGTH = 16_000  # characters of a traceback: its end is kept, where the cause stands
_HIDDEN = "(secret)"
_SECRET_NAMES = re.compile(r"pass(word|wd|phrase)?|secret|token|credentials?|private_key", re.IGNORECASE)
_SECRET_TEXT = re.compile(r"(\bAUTH\s+[A-Z0-9-]+\s+(?=[A-Za-z0-9+/=]{8})|\bpassword\s*[=:]\s*)\S+", re.IGNORECASE)
_INCIDENT_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def fields(**values: object) -> dict[str, Any]:
    """What `extra` of a log call takes: `_log.info("accepted", extra=fields(session=id, message=number))`.

    None is left out. A plain dict will do as well, but cannot hold `message`, which logging keeps to itself.
    """
    return {"fields": {name: value for name, value in values.items() if value is not None}}


def incident() -> str:
    """A new incident id: what a person is shown in place of a traceback, and finds in the log."""
    return "".join(_INCIDENT_LETTERS[byte & 31] for byte in os.urandom(8))


def escaped(text: str) -> str:
    """`text` with backslashes and all that is not printable written as escapes."""
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(_escape(letter) for letter in text)


def _escape(letter: str) -> str:
    if letter == "\\":
        return "\\\\"
    if letter.isprintable():
        return letter
    code = ord(letter)
    if code < 0x100:
        return _SHORT_ESCAPES.get(letter) or f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def value(content: object) -> str:
    """A field's value as it stands in a line: bare when that is clear, else in quotes."""
    text = str(content)
    text = escaped(text if len(text) <= _VALUE_LENGTH else text[:_VALUE_LENGTH] + "…")
    if text and not any(letter in ' "=[]' for letter in text):
        return text
    return '"' + text.replace('"', '\\"') + '"'


class Formatter(logging.Formatter):
    """Records as lines; `process` is who writes: supervisor, smtp.1."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        given = {name: content for name, content in vars(record).items() if name not in _STANDARD}
        given |= getattr(record, "fields", {})
        named = {name: self._field(name, content) for name, content in given.items()}
        trace = record.exc_info if record.exc_info and record.exc_info[0] else None
        if trace:
            named.setdefault("incident", incident())
        ids = " ".join(f"{name}={named.pop(name)}" for name in IDS if name in named)
        text = _SECRET_TEXT.sub(rf"\1{_HIDDEN}", _message(record))
        words = [_time(record.created), _NAMES.get(record.levelno, "info"), self._process]
        words += [f"[{ids}]"] if ids else []
        words += [] if record.name == "root" else [f"{record.name}:"]
        words += [escaped(text if len(text) <= _TEXT_LENGTH else text[:_TEXT_LENGTH] + "…")]
        words += [f"{name}={content}" for name, content in named.items()]
        words += [f'traceback="{_traceback(trace)}"'] if trace else []
        return " ".join(words)

    @staticmethod
    def _field(name: str, content: object) -> str:
        return _HIDDEN if _SECRET_NAMES.fullmatch(name) else value(_SECRET_TEXT.sub(rf"\1{_HIDDEN}", str(content)))


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # a text that does not fit its arguments is a slip of ours, and no reason to be silent
        return f"{record.msg} ({error})"


def _time(seconds: float) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{int(seconds % 1 * 1000):03d}Z"


def _traceback(trace: tuple[Any, ...]) -> str:
    text = "".join(traceback.format_exception(*trace)).strip()
    text = _SECRET_TEXT.sub(rf"\1{_HIDDEN}", text[-_TRACEBACK_LENGTH:])
    return escaped(text).replace('"', '\\"')


class StderrHandler(logging.Handler):
    """Each line goes out in one write, so that processes sharing a pipe do not cut into each other's lines."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record. A log that cannot be written ends nothing."""
        with contextlib.suppress(Exception):
            os.write(2, self.format(record).encode("utf-8", "backslashreplace") + b"\n")


def start(level: str, process: str) -> None:
    """Log this process's records from now on, warnings and uncaught exceptions of all threads among them."""
    handler = StderrHandler()
    handler.setFormatter(Formatter(process))
    logging.root.handlers[:] = [handler]
    set_level(level)
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda hook: _uncaught(hook.exc_type, hook.exc_value, hook.exc_traceback)


def set_level(level: str) -> None:
    """From this level on, as [log] level names it."""
    logging.root.setLevel(_LEVELS[level])


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if error is not None:
        logging.root.error("uncaught: %s", error, exc_info=(kind, error, trace))
