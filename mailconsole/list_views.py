"""How DNS lists and rates look to a person at the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mailconsole.tables import table
from screens.figures import span
from screens.text import safe

_LONGEST = 200  # characters of what a list says


def lists(answer: dict[str, Any]) -> str:
    """A line for each list, why it is off, and our own addresses."""
    if not answer["rows"]:
        return "No DNS list is asked: [dnslists] says so."
    rows = [
        (
            row["zone"],
            row["kind"],
            row["state"],
            row["asked"],
            row["hits"],
            _time(row["last_hit"]),
            _time(row["tested"]),
        )
        for row in answer["rows"]
    ]
    lines = [table(("list", "kind", "state", "asked", "hits", "last hit", "tested"), rows)]
    for row in answer["rows"]:
        if row["state"] == "off":
            lines.append(f"{safe(row['zone'])} is off since {_time(row['since'])}: {safe(row['words'], _LONGEST)}.")
        if row["errors"]:
            errors = f"{row['errors']} answers that are none, the last one at {_time(row['last_error'])}"
            lines.append(f"{safe(row['zone'])}: {errors}: {safe(row['error'], _LONGEST)}.")
    lines += [
        f"Ours: {safe(own['address'])}, since {_time(own['since'])}: {safe(own['words'])}" for own in answer["own"]
    ]
    if not answer["own"]:
        lines.append("No black list has an address of ours, as far as they were asked.")
    return "\n".join(lines)


def answers(answer: dict[str, Any]) -> str:
    """What each list says, and what that comes to."""
    rows = [
        (
            row["zone"],
            row["kind"],
            row["state"] if row["counts"] else f"{row['state']}, off",
            f"{row['weight']:g}" if row["state"] == "listed" else "",
            " ".join(row["codes"]),
            safe(row["text"] or row["words"], _LONGEST),
        )
        for row in answer["rows"]
    ]
    lines = [table(("list", "kind", "says", "weight", "answer", "words"), rows)] if rows else []
    return "\n".join([*lines, safe(answer["verdict"])])


def rates(answer: dict[str, Any]) -> str:
    """Accounts that are slowed down, then who is near a limit."""
    lines = []
    for one in answer["throttled"]:
        what = f"{one['recipients']} recipients in a day, {one['usual']:.0f} on a usual one"
        words = "slowed down" if one["state"] == "slow" else "forgiven"
        lines.append(f"{safe(one['address'])}: {words} until {_time(one['until'])}; {what}, at {_time(one['since'])}.")
    rows = [(row["what"], row["who"], row["number"], row["limit"], span(row["seconds"], 1)) for row in answer["rows"]]
    if rows:
        lines += ["", table(("count", "of", "number", "limit", "in"), rows)]
    return "\n".join(lines).strip() or "Nobody is slowed down, and nobody is near a limit."


def forgiven(answer: dict[str, Any]) -> str:
    """Until when."""
    if answer["until"]:
        return f"{safe(answer['who'])} may send on; its rate is looked at again from {_time(answer['until'])}."
    return f"{safe(answer['who'])} begins at none again."


def _time(time: str | None) -> str:
    return safe(time or "never")[:19].replace("T", " ")


VIEWS: dict[str, Callable[[Any], str]] = {
    "dnslist.list": lists,
    "dnslist.test": lists,
    "dnslist.check": answers,
    "rate.list": rates,
    "rate.forgive": forgiven,
}
