"""How answers about the access lists look to a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mailconsole.tables import table
from screens.text import safe

_SIGNS = {"decides": "▶", "fits": "·", "nothing": "·", "later": "?"}


def _time(time: str | None) -> str:
    return time[:16].replace("T", " ") if time else ""


def _rows(rows: list[dict[str, Any]]) -> str:
    cells = [
        (
            row["id"],
            row["verdict"],
            row["kind"],
            row["what"],
            row["hits"],
            _time(row["last_hit"]) or "never",
            f"over {_time(row['until'])}" if row["over"] else _time(row["until"]) or "never",
            row["owner"],
            row["reason"],
        )
        for row in rows
    ]
    return table(("rule", "verdict", "kind", "what", "hits", "last hit", "ends", "owner", "reason"), cells)


def _listed(answer: dict[str, Any]) -> str:
    if not answer["rows"]:
        return "No rule matches." if answer["total"] or answer["offset"] else "No such rule; `access add` makes one."
    first, number = answer["offset"] + 1, len(answer["rows"])
    most = "more than 100000" if answer["total"] >= 100_000 else str(answer["total"])
    return f"{_rows(answer['rows'])}\n\n{first} to {first + number - 1} of {most}"


def _added(answer: dict[str, Any]) -> str:
    rule = answer["rule"]
    end = f" until {_time(rule['until'])} UTC" if rule["until"] else ""
    lines = [f"Rule {rule['id']}: {rule['verdict']} {rule['kind']} {rule['what']}{end}.", answer["note"]]
    lines.append(f"Undo: mailconsole access delete {rule['id']}")
    return "\n".join(safe(line) for line in lines if line)


def _affected(done: str) -> Callable[[dict[str, Any]], str]:
    def sentence(answer: dict[str, Any]) -> str:
        number = answer["affected"]
        missed = f" {answer['missed']} were not there." if answer["missed"] else ""
        return f"{number} {'rule' if number == 1 else 'rules'} {done}.{missed}"

    return sentence


def _imported(answer: dict[str, Any]) -> str:
    would = "would be " if answer["dry_run"] else ""
    rules = "rule" if answer["added"] == 1 else "rules"
    lines = [f"{answer['lines']:,} lines: {answer['added']:,} {rules} {would}added."]
    for name, words in (
        ("duplicates", "there already"),
        ("wide", "too wide, passed over; --wide takes them"),
        ("wrong", "not understood, passed over"),
        ("contradicting", "the opposite of a rule that is there, added"),
    ):
        if answer[name]:
            lines.append(f"{answer[name]:,} {words}.")
    if answer["notes"]:
        rows = [(note["line"], note["about"], note["text"], note["words"]) for note in answer["notes"]]
        lines += ["", table(("line", "", "what stands there", "why"), rows)]
        more = answer["duplicates"] + answer["wide"] + answer["wrong"] + answer["contradicting"] - len(rows)
        lines += [f"and {more:,} more"] if more > 0 else []
    return "\n".join(lines)


def _decided(answer: dict[str, Any]) -> str:
    lines = [safe(answer["sentence"]), ""]
    lines += [f"{_SIGNS.get(step['state'], '·')} {step['name']}: {safe(step['words'])}" for step in answer["steps"]]
    if answer["rules"]:
        lines += ["", "All rules that fit, as they are asked:", _rows(answer["rules"])]
    return "\n".join(lines)


VIEWS: dict[str, Callable[[Any], str]] = {
    "access.list": _listed,
    "access.add": _added,
    "access.change": _affected("changed"),
    "access.delete": _affected("deleted"),
    "access.import": _imported,
    "access.check": _decided,
}
