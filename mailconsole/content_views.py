"""How viruses, the quarantine and a scan look to a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mailconsole.spam_views import scorers
from mailconsole.tables import table
from screens.figures import size
from screens.text import safe


def _alerts(answer: dict[str, Any]) -> str:
    if not answer["rows"]:
        return "No alert matches."
    rows = [
        (row["last"], row["kind"], row["count"], row["subject"], row["account"] or row["peer"] or "", row["words"])
        for row in answer["rows"]
    ]
    return table(("last", "kind", "times", "what", "from", "words"), rows)


def _engines(answer: dict[str, Any]) -> str:
    if not answer["rows"]:
        return "There is no engine: see [antivirus] in the settings."
    rows = [
        (row["name"], "works" if row["alive"] else "down", row["version"], row["signatures_of"] or "", row["words"])
        for row in answer["rows"]
    ]
    return table(("engine", "state", "version", "signatures of", "words"), rows)


def _quarantine(answer: dict[str, Any]) -> str:
    if not answer["rows"]:
        return "Nothing in quarantine matches."
    rows = [
        (
            row["id"],
            row["time"],
            row["reason"],
            size(row["size"]),
            row["sender"] or "<>",
            ", ".join(row["recipients"][:3]),
            row["subject"],
        )
        for row in answer["rows"]
    ]
    head = ("id", "time", "reason", "size", "sender", "recipients", "subject")
    return f"{table(head, rows)}\n\n{len(rows)} of {answer['total']}"


def _message(answer: dict[str, Any]) -> str:
    row = answer["row"]
    lines = [
        f"{row['reason']}: {safe(row['words'])}",
        f"from {safe(row['sender'] or '<>')} to {safe(', '.join(row['recipients']))}, kept until {row['until']}",
        "",
        *(f"{safe(one['name'])}: {safe(one['value'])}" for one in answer["headers"]),
        "",
        *(safe(line) for line in answer["text"].split("\n")),
        "",
        table(
            ("part", "name", "size"),
            [("  " * part["depth"] + part["kind"], part["name"], size(part["size"])) for part in answer["parts"]],
        ),
    ]
    if answer["cut"]:
        lines.append("There is more of it.")
    return "\n".join(lines)


def _scan(answer: dict[str, Any]) -> str:
    rows = [
        (row["engine"], row["outcome"], row["signature"], row["words"], f"{row['milliseconds']:.1f} ms")
        for row in answer["rows"]
    ]
    lines = [table(("engine", "says", "signature", "words", "took"), rows)] if rows else ["There is no engine."]
    lines += [f"{one['kind']}: {safe(one['words'])}" for one in answer["troubles"]]
    lines += ["", scorers(answer["scorers"])]
    if answer["disagree"]:
        lines.append("The engines disagree.")
    pieces = "1 piece" if answer["pieces"] == 1 else f"{answer['pieces']} pieces"
    return "\n".join([*lines, "", f"{pieces} looked at. As mail from outside: {safe(answer['verdict'])}."])


def _released(answer: dict[str, Any]) -> str:
    return f"{answer['released']} released, to {answer['recipients']} mailboxes and addresses."


VIEWS: dict[str, Callable[[Any], str]] = {
    "virus.list": _alerts,
    "virus.engines": _engines,
    "quarantine.list": _quarantine,
    "quarantine.show": _message,
    "quarantine.release": _released,
    "quarantine.delete": lambda answer: f"{answer['deleted']} deleted.",
    "scan": _scan,
}
