"""How the inside of a message looks to a person."""

from __future__ import annotations

from typing import Any

from screens.figures import size
from screens.text import safe

_CUT = "There is more than is shown here."


def headers(answer: dict[str, Any]) -> str:
    """A line for each field."""
    lines = [f"{safe(row['name'])}: {safe(row['value'])}" for row in answer["rows"]]
    return "\n".join([*lines, *([_CUT] if answer["cut"] else [])])


def text(answer: dict[str, Any]) -> str:
    """The parts, then the words."""
    lines = [
        f"{'  ' * part['depth']}{safe(part['kind'])}  {size(part['size'])}  {safe(part['name'])}".rstrip()
        for part in answer["parts"]
    ]
    words = ["It has no text."]
    if answer["source"]:
        words = [safe(line.expandtabs()) for line in answer["text"].split("\n")]
    return "\n".join([*lines, "", *words, *([_CUT] if answer["cut"] else [])])
