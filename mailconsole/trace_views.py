"""How stories look to a person at the command line: what happened in sentences, the facts underneath."""

from __future__ import annotations

from typing import Any

from screens.figures import size
from screens.text import safe

_SHOWN = 400  # characters of a sentence, and of a fact


def found(answer: dict[str, Any]) -> str:
    """Stories, two lines each: who to whom, and what became of it."""
    rows = answer["rows"]
    if not rows:
        about = f"{answer['kind']} {answer['subject']}".strip()
        return f"Nothing is known of {safe(about, 200)} in that time; events are kept for [trace] keep_days."
    lines = []
    for row in rows:
        lines.append(f"{_time(row['time'])}  {safe(row['id'])}  {safe(row['verdict']).ljust(9)}  {who(row)}")
        lines.append(f"    {safe(row['sentence'], _SHOWN)}")
    first, last = answer["offset"] + 1, answer["offset"] + len(rows)
    more = " or more; a time span (--since, --until) shows others" if answer["more"] else ""
    return "\n".join(
        [*lines, "", f"{first} to {last} of {answer['total']}{more}. One in full: mailconsole trace show ID"]
    )


def story(answer: dict[str, Any]) -> str:
    """One story, a line a step."""
    lines = [
        f"{safe(answer['id'])}  {safe(answer['verdict'])}",
        safe(answer["sentence"], _SHOWN),
        "",
        f"from        {safe(_sender(answer), 320)}",
    ]
    if answer["recipients"]:
        lines.append(f"to          {_recipients(answer, 10)}")
    if answer["peer"]:
        lines.append(f"brought by  {safe(answer['peer'])}")
    if answer["account"]:
        lines.append(f"account     {safe(answer['account'])}")
    if answer["message_id"]:
        lines.append(f"Message-ID  {safe(answer['message_id'], _SHOWN)}")
    if answer["size"] is not None:
        lines.append(f"size        {size(answer['size'])}")
    day = ""
    for step in answer["steps"]:
        if step["time"][:10] != day:
            day = step["time"][:10]
            lines += ["", safe(day)]
        to = step["recipient"] or ""
        whom = f"  ({safe(to, 320)})" if answer["number"] > 1 and to not in step["sentence"] else ""
        lines.append(f"{safe(step['time'][11:19])}  {safe(step['sentence'], _SHOWN)}{whom}")
        lines += [f"          {safe(sentence, _SHOWN)}" for sentence in step["found"]]
        facts = "  ".join(f"{key}={_fact(value)}" for key, value in step["facts"].items() if value not in ("", None))
        if facts:
            lines.append(f"          {safe(facts, _SHOWN)}")
    if answer["left_out"]:
        lines += ["", f"{answer['left_out']} steps in the middle are left out."]
    return "\n".join(lines)


def _fact(value: Any) -> Any:
    """What checks found, as `spf:pass,dkim:none`; anything else as it is."""
    return ",".join(f"{name}:{found}" for name, found in value.items()) if isinstance(value, dict) else value


def who(row: dict[str, Any]) -> str:
    """`alice@example.org -> bob@remote.test and 2 more`; of a connection without addresses, its host."""
    if row["sender"] is None and not row["recipients"]:
        return safe(row["peer"] or "")
    to = _recipients(row, 1)
    return f"{safe(_sender(row), 80)} -> {to}" if to else safe(_sender(row), 80)


def _sender(row: dict[str, Any]) -> str:
    return "<>" if row["sender"] == "" else row["sender"] or row["peer"] or "nobody"


def _recipients(row: dict[str, Any], most: int) -> str:
    names = [safe(name, 80) for name in row["recipients"][:most]]
    more = row["number"] - len(names)
    return ", ".join(names) + (f" and {more} more" if names and more > 0 else "")


def _time(rfc3339: str) -> str:
    return safe(rfc3339[:19].replace("T", " "))
