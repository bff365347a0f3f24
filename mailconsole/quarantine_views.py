"""How the quarantine looks to a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mailconsole.tables import table
from screens.figures import size
from screens.text import safe


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
        safe(row["sentence"]),
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


def _released(answer: dict[str, Any]) -> str:
    lines = [f"{answer['affected']} released, to {answer['recipients']} mailboxes and addresses."]
    return "\n".join([*lines, *(f"Not released: {safe(one['why'])}" for one in answer["left"])])


VIEWS: dict[str, Callable[[Any], str]] = {
    "quarantine.list": _quarantine,
    "quarantine.show": _message,
    "quarantine.release": _released,
    "quarantine.delete": lambda answer: f"{answer['affected']} deleted.",
}
