"""How answers about the keys of DKIM look to a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mailconsole.tables import table
from screens.text import safe


def _listed(answer: dict[str, Any]) -> str:
    rows = [
        (row["domain"], row["selector"], row["state"], row["dns"] or "not asked yet", row["next"])
        for row in answer["rows"]
    ]
    head = ("domain", "selector", "state", "DNS", "what comes next")
    return table(head, rows) if rows else "No domain has keys; `mailconsole dkim make DOMAIN` makes some."


def _zone(answer: dict[str, Any]) -> str:
    return "\n".join(safe(line) for line in answer["zone"].replace("\t", "    ").split("\n"))


def _made(answer: dict[str, Any]) -> str:
    return (
        f"{_zone(answer)}\n\n"
        "Publish these records. The service looks for them by itself, and signs with these keys once they are there;"
        " `mailconsole dkim list` says how far that is."
    )


VIEWS: dict[str, Callable[[Any], str]] = {
    "dkim.list": _listed,
    "dkim.use": _listed,
    "dkim.text": _zone,
    "dkim.make": _made,
    "dkim.rotate": _made,
    "dkim.revoke": lambda answer: f"{_zone(answer)}\n\nRevoked. Publish this in place of the key's record.",
    "dkim.delete": lambda answer: f"{safe(answer['selector'])} is forgotten; its record can go from the DNS.",
}
