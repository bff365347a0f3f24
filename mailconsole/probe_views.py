"""How the probe and the webhook look to a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mailconsole.tables import table
from screens.text import safe

_WAYS = {"in": "from outside", "out": "from inside"}


def _rows(rows: list[dict[str, Any]]) -> str:
    lines = [
        (row["time"], row["what"].upper(), _WAYS.get(row["direction"], row["direction"]), row["outcome"], row["words"])
        for row in rows
    ]
    return table(("time", "what", "way", "outcome", "words"), lines)


def _run(answer: dict[str, Any]) -> str:
    lines = [
        f"{_MARKS.get(row['outcome'], '?')} {row['what'].upper()} {_WAYS.get(row['direction'], '')}: {row['outcome']}."
        f" {row['words']}"
        for row in answer["rows"]
    ]
    return "\n".join(map(safe, [*lines, *answer["notes"]]))


def _list(answer: dict[str, Any]) -> str:
    return _rows(answer["rows"]) if answer["rows"] else "No probe has come to its end yet; `probe run` does one now."


def _test(answer: dict[str, Any]) -> str:
    signed = "signed" if answer["signed"] else "not signed"
    said = f"answered {answer['status']}" if answer["status"] else f"no answer: {answer['words']}"
    lines = [f"Event {answer['id']}, {signed}: {said}, after {answer['milliseconds']:.0f} ms."]
    if answer["status"] and answer["words"]:
        lines.append(f"It said: {answer['words']}")
    lines.append("It was taken." if answer["taken"] else "It was not taken; an alert would be tried again.")
    return "\n".join(map(safe, lines))


_MARKS = {"found": "✓", "missed": "✗", "failed": "✗"}
VIEWS: dict[str, Callable[[Any], str]] = {"probe.run": _run, "probe.list": _list, "alerts.test": _test}
