"""How figures of spam, thresholds and reports look at the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mailconsole.tables import table
from screens.text import safe

_BAR = 40  # characters of the longest bar
_ROWS = 12  # reasons
_SHOWN = 20  # messages


def _threshold(answer: dict[str, Any]) -> str:
    text = f"Spam begins at {answer['value']:g} points"
    if answer["author"] is None:
        return f"{text}, as the settings file says."
    return f"{text}, set here by {safe(answer['author'])} at {answer['since']}; the file's {answer['file']:g} waits."


def _figures(answer: dict[str, Any]) -> str:
    marked, clean, unscored = (sum(answer[name]) for name in ("marked", "clean", "unscored"))
    lines = [] if answer["enabled"] else ["Nothing is scored: [spam] enabled is false."]
    lines.append(_threshold(answer["threshold"]))
    total = marked + clean
    if not total + unscored:
        return "\n".join([*lines, f"No mail was scored in the last {answer['hours']} hours."])
    share = f" ({marked / total:.1%})" if total else ""
    lines.append(f"In the last {answer['hours']} hours {marked:,} of {total:,} messages were marked{share}.")
    if unscored:
        lines.append(f"{unscored:,} could not be scored, and passed without a mark; the trace says which.")
    wrong = answer["false_positives"], answer["false_negatives"]
    if any(wrong):
        lines.append(f"People reported {wrong[0]} as marked wrongly, and {wrong[1]} as missed.")
    return "\n".join(lines)


def _scores(answer: dict[str, Any]) -> str:
    if not answer["number"]:
        return "No mail has been scored yet."
    lines = [f"The last {answer['number']:,} messages, {answer['marked']:,} of them marked:", ""]
    counts = [sum(answer["bins"][start : start + 2]) for start in range(0, len(answer["bins"]), 2)]
    first = next(place for place, number in enumerate(counts) if number)
    last = max(place for place, number in enumerate(counts) if number)
    for place in range(first, last + 1):
        low = answer["lowest"] + 2 * answer["width"] * place
        here = low <= answer["threshold"] < low + 2 * answer["width"]
        bar = "#" * -(-_BAR * counts[place] // max(counts))
        lines.append(f"{low:>6g} {counts[place]:>7,} {bar}{'  <- spam from here on' if here else ''}")
    rows = [
        (row["name"], row["marked"], f"{row['marked_points']:.1f}", row["clean"], f"{row['clean_points']:.1f}")
        for row in answer["reasons"][:_ROWS]
    ]
    return "\n".join([*lines, "", table(("reason", "marked", "their points", "others", "their points"), rows)])


def _rows(rows: Sequence[dict[str, Any]]) -> str:
    found = [
        (
            row["id"] or "not known",
            row["time"],
            row["points"],
            "yes" if row["marked"] else "no",
            row["domain"],
            ", ".join(row["reasons"]),
        )
        for row in rows
    ]
    return table(("message", "time", "points", "marked", "sender's domain", "reasons"), found)


def _list(answer: dict[str, Any]) -> str:
    if not answer["rows"]:
        return "No message that was scored matches."
    first = answer["offset"] + 1
    return f"{_rows(answer['rows'])}\n\n{first} to {first + len(answer['rows']) - 1} of {answer['total']}"


def _trial(answer: dict[str, Any]) -> str:
    if not answer["number"]:
        return "No mail has been scored yet, so there is nothing to try it on."
    lines = [
        f"Of the last {answer['number']:,} messages {answer['would']:,} would be marked with"
        f" {answer['threshold']:g} points; with {answer['in_force']:g}, as in force, {answer['marked']:,}.",
        f"{answer['gained']:,} more would be marked, {answer['lost']:,} no longer.",
    ]
    for kind, words in (("ham", "as good mail"), ("spam", "as spam")):
        if number := answer[kind]:
            right, would = answer[f"{kind}_right"], answer[f"{kind}_would"]
            lines.append(f"Of {number} that people reported {words}, {would} would be right; now {right}.")
    if answer["rows"]:
        lines += ["", _rows(answer["rows"][:_SHOWN])]
        if len(answer["rows"]) > _SHOWN:
            lines.append(f"and more; --json shows {len(answer['rows'])} of them")
    return "\n".join(lines)


def _set(answer: dict[str, Any]) -> str:
    text = f"Mail is marked from {answer['value']:g} points on; before it was {answer['before']:g}."
    return f"{text} Undo: mailconsole undo {safe(answer['undo'])}" if answer["undo"] else text


def _reports(answer: dict[str, Any]) -> str:
    lines = [
        f"{answer['false_positives']} reported as good mail that was marked, {answer['false_negatives']} as spam that"
        f" was not; {answer['right']} whose mark was right."
    ]
    if answer["rows"]:
        rows = [
            (
                row["time"],
                row["kind"],
                "yes" if row["marked"] else "no",
                row["points"],
                row["domain"],
                row["reporter"],
                row["id"] or "",
                ", ".join(row["reasons"]),
            )
            for row in answer["rows"]
        ]
        head = ("reported", "it is", "marked", "points", "sender's domain", "by", "message", "reasons")
        lines += ["", table(head, rows)]
    return "\n".join(lines)


VIEWS = {
    "spam.figures": _figures,
    "spam.scores": _scores,
    "spam.list": _list,
    "spam.try": _trial,
    "spam.threshold": _set,
    "spam.reports": _reports,
}
