"""How answers about the DNS and about the proof of senders look to a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mailconsole.tables import table
from screens.text import safe

_MARKS = {"wrong": "✗", "missing": "✗", "weak": "!", "unknown": "?", "optional": "-", "right": "✓"}


def _check(answer: dict[str, Any]) -> str:
    rows = []
    for row in answer["rows"]:
        state = f"{_MARKS.get(row['state'], '?')} {row['state']}"
        rows.append((state, row["domain"], row["purpose"], row["name"], row["words"]))
    lines = [table(("state", "domain", "what", "name", "how it is"), rows)]
    for row in answer["rows"]:
        if row["state"] in ("wrong", "missing", "weak") and row["line"]:
            lines.append(f"\n{safe(row['purpose'])}: {safe(row['why'])}\n  {safe(row['line'])}")
            lines += [f"  now: {safe(found)}" for found in row["found"]]
    if answer["left_out"]:
        lines.append(f"\n{answer['left_out']} domains were not asked about; name one to ask about it.")
    return "\n".join(lines)


def _zone(answer: dict[str, Any]) -> str:
    return "\n".join(map(safe, answer["text"].splitlines()))


def _figures(answer: dict[str, Any]) -> str:
    rows = [(row["check"], row["value"], sum(row["numbers"]), max(row["numbers"])) for row in answer["series"]]
    return table(("check", "found", "in all", "at the most in a part"), rows) if rows else "Nothing was checked yet."


def _domains(answer: dict[str, Any]) -> str:
    rows = [(row["domain"] or "all others", row["number"]) for row in answer["rows"]]
    return table(("domain", f"{answer['check']} {answer['value']}"), rows) if rows else "There is none."


def _reports(answer: dict[str, Any]) -> str:
    rows = [
        (
            row["id"],
            row["ends"][:10],
            row["domain"],
            row["organisation"],
            row["messages"],
            row["failed"],
            "yes" if row["proven"] else "no",
        )
        for row in answer["rows"]
    ]
    head = ("report", "day", "domain", "reporter", "messages", "not proven", "reporter proven")
    return table(head, rows) if rows else "Nobody has reported yet."


def _report(answer: dict[str, Any]) -> str:
    report = answer["report"]
    lines = [
        f"{safe(report['organisation'])} ({safe(report['contact'])}) on {safe(report['domain'])},"
        f" {report['begins']} to {report['ends']}, policy {safe(report['policy'])}",
        f"{report['messages']} messages, {report['failed']} of them not proven to be ours",
        "",
        _sources_of(answer),
    ]
    if report["left_out"]:
        lines.append(f"{report['left_out']} more rows are not kept.")
    return "\n".join(lines)


def _sources_of(answer: dict[str, Any]) -> str:
    rows = [
        (row["source"], row["messages"], row["spf"], row["dkim"], row["disposition"], row["header_from"], row["reason"])
        for row in answer["rows"]
    ]
    return table(("address", "messages", "SPF", "DKIM", "done with it", "From", "why otherwise"), rows)


def _impostors(answer: dict[str, Any]) -> str:
    rows = [
        (row["source"], row["messages"], row["refused"], row["reporters"], row["header_from"], row["last"][:10])
        for row in answer["rows"]
    ]
    head = ("address", "messages", "refused", "reporters", "From", "last")
    return table(head, rows) if rows else "Nobody was reported to send in our name without proof."


def _sent(answer: dict[str, Any]) -> str:
    rows = [
        (row["day"], row["domain"], row["recipient"], row["messages"], row["outcome"], row["message"] or "")
        for row in answer["rows"]
    ]
    return table(("day", "domain", "to", "messages", "outcome", "message"), rows) if rows else "Nothing was sent yet."


def _imported(answer: dict[str, Any]) -> str:
    what = (
        f"{safe(answer['organisation'])} on {safe(answer['domain'])}: messages {answer['messages']},"
        f" addresses {answer['sources']}, not proven to be ours {answer['failed']}."
    )
    return what if answer["new"] else f"{what} It was here already."


VIEWS: dict[str, Callable[[Any], str]] = {
    "dns.check": _check,
    "dns.zone": _zone,
    "authentication.figures": _figures,
    "authentication.domains": _domains,
    "dmarc.reports": _reports,
    "dmarc.report": _report,
    "dmarc.sources": _impostors,
    "dmarc.sent": _sent,
    "dmarc.import": _imported,
}
