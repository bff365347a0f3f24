"""Owner of stdout: an answer as one JSON document, or as a person reads it."""

from __future__ import annotations

import json
import sys
from typing import Any

as_json = False  # --json was said


def show(name: str, answer: Any) -> None:
    """Print the answer of the action or verb `name`."""
    if as_json:
        write(document(answer))
        return
    from mailconsole import views

    text = views.view(name, answer)
    if text:
        write(text)


def document(answer: Any) -> str:
    """The answer as JSON, in which all that a terminal would obey is a \\u escape."""
    text = json.dumps(answer, indent=2, ensure_ascii=False)
    if text.replace("\n", "").isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter == "\n" else json.dumps(letter)[1:-1] for letter in text)


def write(text: str) -> None:
    """Print lines that are fit for a terminal already."""
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n")
