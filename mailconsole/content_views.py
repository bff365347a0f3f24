"""How engines and a scan look to a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mailconsole.spam_views import scorers
from mailconsole.tables import table
from screens.text import safe


def _engines(answer: dict[str, Any]) -> str:
    if not answer["rows"]:
        return "There is no engine: see [antivirus] in the settings."
    rows = [
        (row["name"], "works" if row["alive"] else "down", row["version"], row["signatures_of"] or "", row["words"])
        for row in answer["rows"]
    ]
    return table(("engine", "state", "version", "signatures of", "words"), rows)


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


VIEWS: dict[str, Callable[[Any], str]] = {
    "virus.engines": _engines,
    "scan": _scan,
}
