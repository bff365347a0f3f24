"""How alerts about viruses, who was stopped, and figures look to a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mailconsole.tables import table
from screens.text import safe


def _alerts(answer: dict[str, Any]) -> str:
    if not answer["rows"]:
        return "No alert matches."
    rows = [
        (
            row["id"],
            row["last"],
            row["kind"],
            row["state"],
            row["count"],
            row["subject"],
            row["account"] or row["peer"] or "",
            row["words"],
        )
        for row in answer["rows"]
    ]
    head = ("id", "last", "kind", "state", "times", "what", "from", "words")
    lines = [table(head, rows), "", f"{len(rows)} of {answer['total']}"]
    if answer["infected"]:
        lines.append(f"To be stopped: {answer['infected']} of ours; `mailconsole virus contain` does it.")
    return "\n".join(lines)


def _alert(answer: dict[str, Any]) -> str:
    one = answer["alert"]
    lines = [
        f"{one['kind']}, {one['state']}: {safe(one['subject'])}",
        safe(one["words"]),
        f"{one['count']} times, first {one['first']}, last {one['last']}; engines disagreed {one['disagreed']} times",
    ]
    if one["suspects"]:
        lines.append(f"Of ours: {safe(' '.join(one['suspects']))}")
    rows = [(row["kind"], row["value"], row["count"], row["first"], row["last"]) for row in answer["rows"]]
    return "\n".join([*lines, "", table(("what", "", "times", "first", "last"), rows)])


def _contained(answer: dict[str, Any]) -> str:
    lines = [f"{safe(', '.join(answer['what']))} stopped; {answer['held']} entries of the queue are held."]
    if answer["until"]:
        lines.append(f"The host may send again from {answer['until']}.")
    if answer["passing"]:
        lines.append(f"{answer['passing']} entries were on their way; do it once more in a minute.")
    return "\n".join([*lines, f"Undo: mailconsole undo {safe(answer['undo'])}"])


def _figures(answer: dict[str, Any]) -> str:
    rows = [(row["direction"], row["what"], sum(row["numbers"]), max(row["numbers"])) for row in answer["series"]]
    if not rows:
        return f"No message was looked at in {answer['hours']} hours."
    return table(("direction", "messages", f"in {answer['hours']} hours", "peak"), rows)


VIEWS: dict[str, Callable[[Any], str]] = {
    "virus.list": _alerts,
    "virus.show": _alert,
    "virus.contain": _contained,
    "virus.done": lambda answer: f"{answer['affected']} seen to. Undo: mailconsole undo {safe(answer['undo'])}",
    "virus.figures": _figures,
}
