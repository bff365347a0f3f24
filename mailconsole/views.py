"""How answers look to a person."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import Any

from backend import clock
from mailconsole import (
    access_views,
    account_views,
    content_views,
    dkim_views,
    explain_views,
    list_views,
    operator_views,
    probe_views,
    quarantine_views,
    reading_views,
    sender_views,
    spam_figure_views,
    spam_views,
    tls_views,
    trace_views,
    virus_views,
)
from mailconsole.tables import table
from screens.figures import size
from screens.text import safe


def view(name: str, answer: Any) -> str:
    """The text for the answer of an action; empty when there is nothing to say."""
    text = _VIEWS.get(name, _fields)(answer)
    if name.endswith(".delete") and isinstance(answer, dict) and answer.get("undo"):
        text += f"\nUndo: mailconsole undo {safe(answer['undo'])}"
    return text


def _age(time: str | None) -> str:
    if time is None:
        return ""
    return clock.in_words(clock.now() - datetime.datetime.fromisoformat(time).timestamp())


def _until(time: str | None) -> str:
    if time is None:
        return "held"
    left = datetime.datetime.fromisoformat(time).timestamp() - clock.now()
    return "now" if left <= 0 else f"in {clock.in_words(left)}"


def _status(answer: dict[str, Any]) -> str:
    queue, disk = answer["queue"], answer["disk"]
    last = answer["minutes"][-1] if answer["minutes"] else {}
    hour = {name: sum(minute[name] for minute in answer["minutes"]) for name in last if name != "time"}
    lines = [
        f"{safe(answer['hostname'])}: {answer['service']}, Mailconsole {answer['version']}, {answer['time']}",
        "",
        table(
            ("role", "pid", "state", "up", "restarts", "memory"),
            [
                (r["role"], r["pid"], r["state"], _age(r["started"]), r["restarts"], size(r["memory_bytes"]))
                for r in answer["roles"]
            ],
        )
        if answer["roles"]
        else "No role is running; start them with: mailconsole serve",
        "",
        f"queue: {queue['total']} ({queue['new']} new, {queue['active']} active, {queue['deferred']} deferred,"
        f" {queue['held']} held)" + (f", the oldest for {_age(queue['oldest'])}" if queue["oldest"] else ""),
        "last hour: " + ", ".join(f"{number} {name}" for name, number in hour.items()),
        f"disk: {size(disk['free_bytes'])} of {size(disk['total_bytes'])} free at {safe(disk['path'])}",
    ]
    if answer["destinations"]:
        rows = [
            (to["domain"], to["total"], to["deferred"], to["held"], _until(to["next"])) for to in answer["destinations"]
        ]
        lines += ["", table(("destination", "total", "deferred", "held", "next try"), rows)]
    return "\n".join(lines)


def _queue_rows(rows: Sequence[dict[str, Any]]) -> str:
    head = ("id", "state", "age", "next try", "tries", "size", "sender", "recipient", "last error")
    return table(
        head,
        [
            (
                row["id"],
                row["state"],
                _age(row["received"]),
                _until(row["due"]),
                row["attempts"],
                size(row["size"]),
                row["sender"] or "<>",
                row["recipient"],
                row["error"],
            )
            for row in rows
        ],
    )


def _queue_list(answer: dict[str, Any]) -> str:
    if not answer["rows"]:
        return "No entry of the queue matches." if answer["total"] or answer["offset"] else "Nothing is waiting."
    first, number = answer["offset"] + 1, len(answer["rows"])
    most = "more than 100000" if answer["total"] >= 100_000 else str(answer["total"])
    return f"{_queue_rows(answer['rows'])}\n\n{first} to {first + number - 1} of {most}"


def _entry(answer: dict[str, Any]) -> str:
    lines = [
        f"message     {answer['message']}",
        f"sender      {safe(answer['sender'] or '<>')}",
        f"received    {answer['received']}, {_age(answer['received'])} ago, from {safe(answer['peer'] or 'here')}",
        f"size        {size(answer['size'])}",
        f"Message-ID  {safe(answer['message_id'] or 'none')}",
    ]
    if answer["account"]:
        lines.append(f"account     {safe(answer['account'])}")
    return "\n".join([*lines, "", _queue_rows(answer["recipients"]), "", _events(answer)])


def _events(answer: dict[str, Any]) -> str:
    if not answer["events"]:
        return "Nothing is known of that; events are kept for [trace] keep_days."
    rows = []
    for event in answer["events"]:
        who = " -> ".join(event[name] for name in ("sender", "recipient") if event[name])
        detail = dict(event["detail"])
        words = [str(detail.pop(name)) for name in ("status", "reply") if name in detail]
        words += [f"{key}={value}" for key, value in detail.items()]
        rows.append(
            (event["time"], event["message"], event["stage"], event["verdict"], event["peer"], who, " ".join(words))
        )
    return table(("time", "message", "stage", "verdict", "peer", "who", "what"), rows)


def _changed(done: str, undo: str = "") -> Callable[[dict[str, Any]], str]:
    def sentence(answer: dict[str, Any]) -> str:
        number = answer["affected"]
        text = f"{number} {'entry' if number == 1 else 'entries'} {done}."
        if answer["missed"]:
            text += f" {answer['missed']} left alone: not in a state for it, or being delivered now."
        if undo and 0 < number <= 5:
            text += f" Undo: mailconsole queue {undo} {' '.join(answer['ids'])}"
        return text

    return sentence


def _aliases(answer: dict[str, Any]) -> str:
    rows = [(row["address"], row["target"]) for row in answer["aliases"]]
    return table(("alias", "goes to"), rows) if rows else "No alias matches."


def _records(answer: dict[str, Any]) -> str:
    rows = [
        (
            row["id"],
            row["time"],
            row["user"],
            row["action"],
            " ".join(f"{key}={value}" for key, value in row["arguments"].items()),
            row["why"],
            row["outcome"],
        )
        for row in reversed(answer["rows"])
    ]
    head = ("row", "time", "user", "action", "arguments", "why", "outcome")
    return table(head, rows) if rows else "The audit log is empty."


def _verified(answer: dict[str, Any]) -> str:
    if answer["broken"] is not None or answer["missing"]:
        return ""
    anchor = f" Its anchor is {answer['anchor']}" if answer["anchor"] else ""
    return f"{answer['rows']} rows, the chain is whole.{anchor}"


def _init(answer: dict[str, Any]) -> str:
    begin = f"mailconsole --config {answer['settings']}"
    return (
        f"{answer['hostname']} is ready to take mail for {answer['domain']}.\n"
        f"Settings: {answer['settings']}\nCertificate: {answer['certificate']} (self-signed; put your own there)\n"
        f"SSH host key: {answer['host_key']}\n"
        f"Operator: {answer['operator']}, one-time password {answer['password']} (shown this once)\n"
        f"Next:\n  {begin} user add alice@{answer['domain']}\n  {begin} serve\n  {answer['ssh']}"
    )


def _settings(answer: dict[str, Any]) -> str:
    return table(("key", "value", "from"), [(row["key"], row["value"], row["from"]) for row in answer["settings"]])


def _boxes(answer: dict[str, Any]) -> str:
    rows = [(box["name"], box["messages"], size(box["bytes"])) for box in answer["mailboxes"]]
    return table(("mailbox", "messages", "size"), rows)


def _actions(answer: dict[str, Any]) -> str:
    rows = [(row["name"].replace(".", " "), ", ".join(row["roles"]), row["help"]) for row in answer["actions"]]
    return table(("action", "roles", "what it does"), rows)


def _fields(answer: Any) -> str:
    """Any other answer: a line for each field, a table for each list."""
    if not isinstance(answer, dict):
        return safe(answer)
    lists = {key: value for key, value in answer.items() if _is_rows(value)}
    width = max((len(key) for key in answer if key not in lists), default=0)
    lines = [
        f"{key.ljust(width)}  {safe('' if value is None else value)}"
        for key, value in answer.items()
        if key not in lists and not (lists and key in _PAGING)
    ]
    for rows in lists.values():
        head = [key for key, value in rows[0].items() if not isinstance(value, list | dict)]
        lines.append(table(head, [[row.get(key) for key in head] for row in rows]))
    return "\n".join(lines)


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _problems(answer: dict[str, Any]) -> str:
    marks = {"bad": "✗", "warn": "!"}
    lines = [f"{marks.get(row['severity'], '!')} {row['sentence']} {row['advice']}" for row in answer["rows"]]
    return "\n".join(map(safe, lines)) if lines else "Nothing needs attention."


_PAGING = ("total", "offset")
_VIEWS: dict[str, Callable[[Any], str]] = {
    "status": _status,
    "problems": _problems,
    "undo": lambda answer: f"Put back: {safe(answer['summary'])}.",
    "deletions": lambda answer: _fields(answer) if answer["rows"] else "Nothing can be undone.",
    "queue.list": _queue_list,
    "queue.show": _entry,
    "queue.hold": _changed("held", "release"),
    "queue.release": _changed("released", "hold"),
    "queue.retry": _changed("due now"),
    "queue.delete": _changed("deleted"),
    "queue.headers": reading_views.headers,
    "queue.read": reading_views.text,
    "rule.list": lambda answer: _fields(answer) if answer["rows"] else "No rule holds mail.",
    "rule.delete": lambda answer: f"Rule {answer['id']} is deleted; what it holds stays held until it is released.",
    **spam_views.VIEWS,
    **spam_figure_views.VIEWS,
    "trace.find": trace_views.found,
    "trace.show": trace_views.story,
    "explain": explain_views.explained,
    **content_views.VIEWS,
    **quarantine_views.VIEWS,
    **probe_views.VIEWS,
    **virus_views.VIEWS,
    **access_views.VIEWS,
    **account_views.VIEWS,
    **dkim_views.VIEWS,
    "alias.list": _aliases,
    "alias.add": _aliases,
    "alias.delete": lambda answer: "Deleted:\n" + _aliases(answer),
    "domain.add": lambda answer: f"Mail for {safe(answer['domain'])} is taken from now on.",
    "domain.delete": lambda answer: f"Mail for {safe(answer['domain'])} is refused from now on.",
    "domain.list": lambda answer: "\n".join(map(safe, answer["domains"])),
    "mailbox.list": _boxes,
    "mailbox.export": lambda a: f"{a['messages']} messages, {size(a['bytes'])}, are in {safe(a['folder'])}.",
    "audit-log.list": _records,
    "audit-log.verify": _verified,
    **list_views.VIEWS,
    **operator_views.VIEWS,
    **tls_views.VIEWS,
    **sender_views.VIEWS,
    "init": _init,
    "config.check": lambda answer: f"{safe(answer['settings'])} is right.",
    "config.show": _settings,
    "actions": _actions,
    "keys": lambda answer: table(("screen", "key", ""), [tuple(row.values()) for row in answer["keys"]]),
}
