"""How answers about operators and their sessions look to a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from backend import clock
from mailconsole.tables import table
from screens.text import safe


def _operators(answer: dict[str, Any]) -> str:
    rows = []
    for row in answer["rows"]:
        ways = [f"{len(row['keys'])} keys"] if row["keys"] else []
        ways += ["password"] if row["password"] else []
        ways += ["code"] if row["totp"] else []
        rows.append((row["name"], row["role"], row["state"], ", ".join(ways), (row["seen"] or "never")[:16]))
    return table(("operator", "role", "state", "logs in by", "last log-in"), rows)


def _operator(answer: dict[str, Any]) -> str:
    lines = [f"{answer['name']} is {answer['role']}, {answer['state']}."]
    lines += [f"  key {key['fingerprint']} {key['comment']}" for key in answer["keys"]]
    return "\n".join(map(safe, lines))


def _made(answer: dict[str, Any]) -> str:
    lines = [_operator(answer["operator"])]
    if answer["password"]:
        lines.append(f"One-time password, shown this once: {safe(answer['password'])}")
        lines.append("Another one has to be chosen at the first log-in.")
    return "\n".join(lines)


def _totp(answer: dict[str, Any]) -> str:
    return (
        f"{safe(answer['name'])} is asked for a code at every log-in from now on. Shown this once:\n"
        f"  secret  {safe(answer['secret'])}\n  URL     {safe(answer['url'])}"
    )


def _me(answer: dict[str, Any]) -> str:
    key = f", with the key {answer['key']}" if answer["key"] else ""
    words = f"You are {answer['name']}, {answer['role'] or 'without a role'}, from {answer['origin']}{key}."
    return safe(words) + ("\nChoose a password of your own: mailconsole me password" if answer["must_change"] else "")


def _sessions(answer: dict[str, Any]) -> str:
    rows = [
        (row["id"], row["operator"], row["role"], row["kind"], row["origin"], clock.in_words(row["idle_seconds"]))
        for row in answer["rows"]
    ]
    return table(("session", "operator", "role", "kind", "from", "idle"), rows) if rows else "Nobody is logged in."


VIEWS: dict[str, Callable[[Any], str]] = {
    "operator.list": _operators,
    "operator.add": _made,
    "operator.password": _made,
    "operator.totp": _totp,
    **dict.fromkeys(
        (
            "operator.role",
            "operator.key-add",
            "operator.key-delete",
            "operator.totp-off",
            "operator.disable",
            "operator.enable",
        ),
        _operator,
    ),
    "operator.delete": lambda answer: f"{safe(answer['name'])} is deleted.",
    "me.show": _me,
    "me.password": lambda _: "Your password is changed.",
    "me.theme": lambda answer: f"Your console opens in {safe(answer['theme'])}.",
    "session.list": _sessions,
    "session.end": lambda answer: f"The session of {safe(answer['operator'])} from {safe(answer['origin'])} is over.",
}
