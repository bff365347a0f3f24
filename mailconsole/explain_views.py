"""How the explanation of what would happen looks at the command line."""

from __future__ import annotations

from typing import Any

from screens.text import safe

_SHOWN = 400  # characters of a sentence, and of a reply
_MARKS = {"passed": "·", "accept": "✓", "mark": "!", "reject": "✗", "defer": "~", "skipped": " ", "failed": "?"}


def explained(answer: dict[str, Any]) -> str:
    """What would become of it, then a line for each check, the one that decides with an arrow."""
    sender = answer["sender"] or "<>"
    lines = [
        f"{safe(answer['verdict'])}: {safe(answer['reply'], _SHOWN)}",
        safe(answer["sentence"], _SHOWN),
        "",
        f"from        {safe(sender, 320)}, brought by {safe(answer['ip'])}"
        + (f", which calls itself {safe(answer['helo'], 255)}" if answer["helo"] else ""),
        f"to          {safe(answer['recipient'], 320)}",
    ]
    if answer["goes_to"]:
        lines.append(f"goes to     {', '.join(safe(to, 320) for to in answer['goes_to'][:10])}")
    if answer["allowed"]:
        lines.append(f"allowed by  {safe(answer['allowed'], _SHOWN)}")
    lines.append("")
    for step in answer["steps"]:
        arrow = "->" if step["decides"] else "  "
        name = f"{safe(step['stage'])}: {safe(step['check'])}"
        took = f"{step['milliseconds']:.1f} ms"
        mark = _MARKS.get(step["verdict"], "?")
        found = safe(step["found"] or step["verdict"], 60)
        lines.append(f"{arrow} {mark} {name:<28} {found:<12} {took:>10}  {safe(step['sentence'], _SHOWN)}".rstrip())
    if answer["results"]:
        lines += ["", safe(answer["results"], 2_000)]
    return "\n".join(lines)
