"""How the score of a message, and what was learnt, look at the command line."""

from __future__ import annotations

from typing import Any

from mailconsole.tables import table
from screens.text import safe

_SYMBOLS = 6  # rules of one scorer that are named


def score(answer: dict[str, Any]) -> str:
    """The points, and a line for each reason."""
    word = "spam" if answer["spam"] else "no spam"
    lines = [f"{answer['points']:.1f} points, {word}; spam begins at {answer['threshold']:.1f}"]
    lines += [
        f"{reason['points']:>8.1f}  {safe(reason['name']):<22} {safe(reason['words'])}" for reason in answer["reasons"]
    ]
    if answer["scorers"]:
        lines += ["", scorers(answer["scorers"])]
    if answer["learnt"]:
        lines.append(f"This message was learnt here as {safe(answer['learnt'])}.")
    return "\n".join(lines)


def scorers(rows: list[dict[str, Any]]) -> str:
    """A line for each scorer: what it says, and by which of its rules."""
    cells = [
        (
            row["scorer"],
            row["outcome"],
            f"{row['points']:.1f}" if row["outcome"] == "scored" else "",
            "" if row["score"] is None else f"{row['score']:.1f} of {row['required']:.1f}",
            ", ".join(row["symbols"][:_SYMBOLS]) or row["words"],
        )
        for row in rows
    ]
    return table(("scorer", "says", "points", "in its measure", "why"), cells)


def lessons(done: str) -> Any:
    """What changed, and what is known now."""

    def view(answer: dict[str, Any]) -> str:
        number = answer["changed"]
        text = f"{number} {'message' if number == 1 else 'messages'} {done}."
        if answer["unchanged"]:
            text += f" {answer['unchanged']} left as before."
        return f"{text} The site has learnt {answer['spam']} of spam and {answer['ham']} of good mail."

    return view


VIEWS = {"spam.score": score, "spam.learn": lessons("learnt"), "spam.forget": lessons("forgotten")}
