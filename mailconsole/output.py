"""Owner of stdout: an answer as one JSON document, or as a person reads it."""

from __future__ import annotations

import json
import sys
from typing import Any

as_json = False  # --json was said


def show(name: str, answer: Any) -> None:
    """Print the answer of the action or verb `name`."""
    if as_json:
        write(_escaped(json.dumps(answer, indent=2, ensure_ascii=False)))
        return
    from mailconsole import views

    text = views.view(name, answer)
    if text:
        write(text)


def _escaped(document: str) -> str:
    """The same JSON with all that a terminal would obey as \\u escapes. Outside its strings there is only ASCII."""
    if document.replace("\n", "").isprintable():
        return document
    return "".join(
        letter if letter.isprintable() or letter == "\n" else json.dumps(letter)[1:-1] for letter in document
    )


def write(text: str) -> None:
    """Print lines that are fit for a terminal already."""
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n")
