"""The header field Authentication-Results (RFC 8601): written above what we take in, and taken out where somebody else
wrote it in our name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from backend.policy.finding import Finding, Result

_NAME = b"authentication-results"
_LINE = rb"(?:[^\r\n]|\r(?!\n))*"  # a bare CR ends none
_FIELD = re.compile(_LINE + rb"(?:\r?\n[ \t]" + _LINE + rb")*(?:\r?\n|\Z)")
_SERVER = re.compile(rb'\s*"?([A-Za-z0-9._-]+)')
_COMMENT = re.compile(rb"[^()\\]*(?:\\.[^()\\]*)*", re.DOTALL)  # up to the next bracket
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~@/:\[\]-]+")
_PRINTABLE = re.compile(r"[^\x20-\x7e]")
_LONGEST = 500  # characters of one value or comment


def write(server: str, findings: Iterable[Finding]) -> bytes:
    """The field with its line end; `none` when there are no results (RFC 8601 §2.2). `server`: our authserv-id."""
    parts = [_result(result) for finding in findings for result in finding.results]
    return (f"Authentication-Results: {server};\r\n\t" + ";\r\n\t".join(parts or ["none"]) + "\r\n").encode()


def without(server: str, section: bytes) -> bytes:
    """The header section without the fields that claim to be ours (RFC 8601 §5); the same object if there are none."""
    if _NAME not in section.lower():
        return section
    ours = server.lower().encode()
    kept: list[bytes] = []
    changed = False
    place = 0
    while place < len(section):
        found = _FIELD.match(section, place)
        assert found is not None, "the pattern matches any text"
        field = found[0]
        if not field:
            break
        place = found.end()
        name, _, value = field.partition(b":")
        if name.strip().lower() == _NAME and _author(value) == ours:
            changed = True
        else:
            kept.append(field)
    return b"".join(kept) if changed else section


def _author(value: bytes) -> bytes:
    """The authserv-id in lower case, behind comments, which may be nested (RFC 5322 §3.2.2)."""
    place, depth = len(value) - len(value.lstrip()), 0
    while depth or value[place : place + 1] == b"(":
        depth += {b"(": 1, b")": -1}.get(value[place : place + 1], 0)
        found = _COMMENT.match(value, place + 1) if depth else None
        place = found.end() if found else place + 1
        if place >= len(value):
            return b""
        if not depth:
            place = len(value) - len(value[place:].lstrip())
    found = _SERVER.match(value, place)
    return found[1].lower() if found else b""


def _result(result: Result) -> str:
    comment = f" ({_comment(result.reason)})" if result.reason else ""
    return f"{result.method}={result.value}{comment}" + "".join(
        f" {name}={_value(value)}" for name, value in result.properties
    )


def _value(text: str) -> str:
    """A value, quoted where it is more than a token (RFC 8601 §2.2 pvalue)."""
    text = _PRINTABLE.sub("?", text)[:_LONGEST]
    if _TOKEN.fullmatch(text):
        return text
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def _comment(text: str) -> str:
    return re.sub(r"[()\\]", "", _PRINTABLE.sub("?", text))[:_LONGEST]
