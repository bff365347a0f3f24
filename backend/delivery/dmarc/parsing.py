"""An aggregate report, read as it streams by (RFC 7489 appendix C, and what writers make of it).

The parser refuses document types, and with them entities, and keeps sums only: however many records a report has, the
memory it takes is that of the different ones that are kept.
"""

from __future__ import annotations

import heapq
import ipaddress
import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any
from xml.parsers import expat

from backend import address
from backend.errors import BadInput
from backend.store.dmarc_reports import Report, ReportRow

_DEPTH = 20  # of elements in each other
_TEXT = 1_000  # characters of one element
_NAME = 255  # characters kept of a name
_KINDS = 100_000  # different rows that are told apart
_RESULTS = 10  # signatures of one row
_RECORDS = 2_000_000  # then it is read no further
_COUNT = 10**12  # messages of one record
_FUTURE = 2 * 86_400  # seconds that a report may be ahead of us
_LONGEST = 400 * 86_400  # seconds that one may cover, or be old
_PASS = ("pass", "fail")
_DISPOSITIONS = ("none", "quarantine", "reject")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")

Key = tuple[str, str, str, str, str, str, str, str]


def read(pieces: Iterable[bytes], own: frozenset[str], now: float, most: int) -> tuple[Report, list[ReportRow]]:
    """The report and its rows, the `most` with the most mail. `own`: our domains; it must be about one of them, or a
    subdomain. BadInput when it is no report, or about others.
    """
    reader = _Reader()
    try:
        for piece in pieces:
            reader.parser.Parse(piece, False)
        reader.parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise BadInput(f"This is no XML: {expat.ErrorString(error.code)}, line {error.lineno}.") from None
    except (ValueError, LookupError):  # an encoding that is none
        raise BadInput("The XML is in an encoding that cannot be read.") from None
    if reader.root != "feedback":
        raise BadInput("This is XML, but no DMARC report.")
    return _report(reader, own, now, most)


def _report(reader: _Reader, own: frozenset[str], now: float, most: int) -> tuple[Report, list[ReportRow]]:
    facts = reader.facts
    domain = _domain(facts.get("policy_published/domain", ""))
    if not any(domain == one or domain.endswith(f".{one}") for one in own):
        raise BadInput(f"The report is about {domain[:80] or 'no domain'}, which is not ours.")
    begins = _time(facts.get("report_metadata/date_range/begin"))
    ends = _time(facts.get("report_metadata/date_range/end"))
    if not now - _LONGEST < begins <= ends < now + _FUTURE or ends - begins > _LONGEST:
        raise BadInput("The report is about a time that cannot be.")
    if not reader.rows:
        raise BadInput("The report tells of no mail.")
    chosen = heapq.nlargest(most, reader.rows.items(), key=lambda item: item[1])
    rows = [ReportRow(key[0], number, *key[1:7], results=json.loads(key[7])) for key, number in chosen]
    wanted = " ".join(
        f"{name}={_cut(facts[f'policy_published/{name}'], 20)}"
        for name in ("p", "sp", "np", "adkim", "aspf", "pct")
        if facts.get(f"policy_published/{name}")
    )
    return (
        Report(
            organisation=_cut(facts.get("report_metadata/org_name", "")) or "nobody",
            contact=_cut(facts.get("report_metadata/email", "")),
            report=_cut(facts.get("report_metadata/report_id", "")),
            domain=domain,
            policy=wanted,
            begins=begins,
            ends=ends,
            messages=reader.messages,
            failed=reader.failed,
            sources=len(reader.rows),
            left_out=len(reader.rows) - len(rows) + reader.left_out,
        ),
        rows,
    )


class _Reader:
    """Turns what the parser says into sums. `facts`: the text of each leaf outside of records, by its path."""

    def __init__(self) -> None:
        self.root = ""
        self.facts: dict[str, str] = {}
        self.rows: Counter[Key] = Counter()
        self.messages = self.failed = self.left_out = self._records = 0
        self._path: list[str] = []
        self._text: list[str] = []
        self._length = 0
        self._record: dict[str, str] | None = None
        self._results: list[dict[str, str]] = []
        self._result: dict[str, str] = {}
        parser = self.parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _no_type
        parser.EntityDeclHandler = _no_type
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters

    def _start(self, name: str, attributes: Any) -> None:
        name = name.rpartition(":")[2]
        if len(self._path) >= _DEPTH:
            raise BadInput("The XML is nested too deeply.")
        if not self._path:
            self.root = name
        self._path.append(name)
        self._text, self._length = [], 0
        if len(self._path) == 2 and name == "record":
            self._record, self._results = {}, []
        elif self._path[-2:] in (["auth_results", "spf"], ["auth_results", "dkim"]):
            self._result = {"method": name}

    def _characters(self, text: str) -> None:
        if self._length < _TEXT:
            self._text.append(text[: _TEXT - self._length])
            self._length += len(text)

    def _end(self, name: str) -> None:
        text = "".join(self._text).strip()
        path = self._path
        if self._record is None:
            if len(path) > 1 and text and len(self.facts) < 100:
                self.facts.setdefault("/".join(path[1:]), text)
        elif path[2:3] == ["auth_results"]:
            self._result_end(path[3:], text)
        elif text:
            self._record.setdefault("/".join(path[2:]), text)
        path.pop()
        self._text, self._length = [], 0
        if len(path) == 1 and self._record is not None:
            self._record_end(self._record)
            self._record = None

    def _result_end(self, path: list[str], text: str) -> None:
        if len(path) == 1 and self._result:
            if len(self._results) < _RESULTS:
                self._results.append(self._result)
            self._result = {}
        elif len(path) == 2 and path[1] in ("domain", "selector", "scope", "result") and self._result:
            self._result[path[1]] = _cut(text)

    def _record_end(self, record: dict[str, str]) -> None:
        self._records += 1
        if self._records > _RECORDS:
            raise BadInput("The report has too many records.")
        source, number = _source(record.get("row/source_ip", "")), record.get("row/count", "")
        if not source or not re.fullmatch(r"[0-9]{1,12}", number) or not 0 < int(number) < _COUNT:
            self.left_out += 1
            return
        evaluated = "row/policy_evaluated"
        spf, dkim = (_of(_PASS, record.get(f"{evaluated}/{name}", ""), "fail") for name in ("spf", "dkim"))
        key: Key = (
            source,
            _of(_DISPOSITIONS, record.get(f"{evaluated}/disposition", ""), "none"),
            spf,
            dkim,
            _cut(record.get("identifiers/header_from", "")).lower(),
            _cut(record.get("identifiers/envelope_from", "")).lower(),
            _cut(record.get(f"{evaluated}/reason/type", ""), 40),
            json.dumps(self._results),
        )
        self.messages += int(number)
        self.failed += int(number) if "pass" not in (spf, dkim) else 0
        if key in self.rows or len(self.rows) < _KINDS:
            self.rows[key] += int(number)
        else:
            self.left_out += 1


def _no_type(*_: Any) -> None:
    raise BadInput("The XML has a document type; reports have none, and entities in it could grow without end.")


def _of(known: tuple[str, ...], text: str, otherwise: str) -> str:
    word = text.strip().lower()
    return word if word in known else otherwise


def _cut(text: str, most: int = _NAME) -> str:
    return _CONTROLS.sub(" ", text)[:most].strip()


def _source(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return ""


def _time(text: str | None) -> float:
    return float(text) if text is not None and re.fullmatch(r"[0-9]{1,11}", text) else 0.0


def _domain(text: str) -> str:
    try:
        return address.domain(text.strip())
    except BadInput:
        return ""
