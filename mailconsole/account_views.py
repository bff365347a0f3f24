"""How answers about accounts look to a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mailconsole.tables import table
from screens.figures import size
from screens.text import safe


def _state(row: dict[str, Any]) -> str:
    if row["state"] != "active":
        return str(row["state"])
    if row["locked_until"]:
        return "locked"
    return "one-time" if row["one_time"] else "active" if row["login"] else "no password"


def _time(time: str | None) -> str:
    return time[:16].replace("T", " ") if time else "never"


def _users(answer: dict[str, Any]) -> str:
    rows = [
        (
            row["address"],
            _state(row),
            row["messages"],
            size(row["bytes"]),
            size(row["quota"]) if row["quota"] else "",
            _time(row["seen"]),
        )
        for row in answer["rows"]
    ]
    head = ("address", "state", "messages", "size", "quota", "last log-in")
    return table(head, rows) if rows else "No account matches."


def _user(sentence: str) -> Callable[[dict[str, Any]], str]:
    """A sentence on an account, whose fields it may name."""
    return lambda answer: sentence.format_map(
        {
            "address": safe(answer["address"]),
            "messages": answer["messages"],
            "quota": size(answer["quota"]) if answer["quota"] else "as much as the site allows",
        }
    )


def _junk(answer: dict[str, Any]) -> str:
    where = {True: "to Junk", False: "to INBOX", None: "where the site says"}[answer["junk"]]
    return f"Mail for {safe(answer['address'])} that is marked as spam goes {where} from now on."


def _shown(answer: dict[str, Any]) -> str:
    row = answer["account"]
    lines = [
        f"{row['address']}: {_state(row)}",
        answer["verdict"],
        f"{row['messages']} messages, {size(row['bytes'])}" + (f" of {size(row['quota'])}" if row["quota"] else ""),
        f"password changed {_time(answer['password_changed'])}, last log-in {_time(row['seen'])}",
    ]
    lines += [f"also gets mail for {alias}" for alias in answer["aliases"]]
    lines += [f"its mail goes to {to}" for to in answer["forwards"]]
    lines += ["a vacation message is sent" for _ in range(answer["vacation"])]
    site = ", as the site has it" if row["junk"] is None else ""
    lines.append(f"mail marked as spam goes to {'Junk' if answer['junk'] else 'INBOX'}{site}")
    lines += [f"app password {one['name']}, last used {_time(one['used'])}" for one in answer["app_passwords"]]
    return "\n".join(map(safe, lines)) + (f"\n\n{_log_ins(answer['logins'])}" if answer["logins"] else "")


def _log_ins(rows: list[dict[str, Any]]) -> str:
    cells = [
        (_time(row["time"]), row["outcome"], row["number"], row["peer"], row["service"], row["way"]) for row in rows
    ]
    return table(("time", "outcome", "times", "from", "service", "with"), cells)


def _history(answer: dict[str, Any]) -> str:
    lines = f"{safe(answer['address'])}\n{safe(answer['verdict'])}"
    return f"{lines}\n\n{_log_ins(answer['rows'])}" if answer["rows"] else lines


def _added(answer: dict[str, Any]) -> str:
    lines = f"{safe(answer['account']['address'])} is added."
    if answer["password"]:
        lines += f"\n{_one_time(answer)}"
    return lines


def _one_time(answer: dict[str, Any]) -> str:
    return (
        f"One-time password, shown this once: {safe(answer['password'])}\n"
        f"It is good until {_time(answer['expires'])} UTC, to choose another one with."
    )


def _reset(answer: dict[str, Any]) -> str:
    lines = f"{safe(answer['address'])} has a new password, and is not locked.\n{_one_time(answer)}"
    if number := answer["app_passwords"]:
        lines += f"\n{number} app password{'' if number == 1 else 's'} still open it."
    return lines


def _vacation(answer: dict[str, Any]) -> str:
    if not answer["text"]:
        return f"{safe(answer['address'])} has no vacation."
    state = "answers now" if answer["now"] else "is set, and does not answer now" if answer["enabled"] else "is off"
    lines = [
        f"The vacation of {answer['address']} {state}; {answer['answered']} senders have their answer.",
        f"from {answer['starts'] or 'now'} to {answer['ends'] or 'when it is switched off'}, "
        f"each sender once in {answer['days']} days",
        f"Subject: {answer['subject'] or 'Auto: and that of the mail'}",
        "",
        *answer["text"].split("\n"),
    ]
    return "\n".join(map(safe, lines))


def _preview(answer: dict[str, Any]) -> str:
    return "\n".join(safe(line) for line in answer["source"].splitlines())


VIEWS: dict[str, Callable[[Any], str]] = {
    "user.list": _users,
    "user.show": _shown,
    "user.logins": _history,
    "user.add": _added,
    "user.reset": _reset,
    "user.password": _user("{address} has a new password, and is not locked."),
    "user.unlock": _user("{address} is not locked."),
    "user.suspend": _user(
        "{address} cannot log in from now on; mail still comes in. Undo: mailconsole user enable {address}"
    ),
    "user.enable": _user("{address} can log in."),
    "user.quota": _user("{address} may hold {quota}."),
    "user.junk": _junk,
    "user.delete": _user("{address} is deleted, and {messages} messages with it."),
    "user.app-password-add": lambda a: (
        f"App password {safe(a['name'])} of {safe(a['address'])}, shown this once: {safe(a['password'])}"
    ),
    "user.app-password-delete": _user("{address} has that app password no longer."),
    "vacation.show": _vacation,
    "vacation.set": _vacation,
    "vacation.off": _vacation,
    "vacation.preview": _preview,
}
