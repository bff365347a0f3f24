"""How encrypted connections look to a person at the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mailconsole.tables import table
from screens.text import safe

_WELL = "well"


def check(answer: dict[str, Any]) -> str:
    """What a domain asks, host by host, and how it went."""
    lines = [f"{safe(answer['domain'])}: {safe(answer['sentence'])}", ""]
    if answer["exception"]:
        lines.append(f"settings    [[outbound.domain]] tls = {safe(answer['exception'])}")
    lines.append(f"DANE        {'looked for' if answer['validating'] else 'not looked for: [dns] validating is false'}")
    lines.append(f"MTA-STS     {_policy(answer['policy'])}")
    if answer["failing_since"]:
        lines.append(f"failing     since {safe(answer['failing_since'])}")
    for host in answer["hosts"]:
        lines += ["", f"{safe(host['name'])} ({', '.join(map(safe, host['addresses']))})"]
        lines.append(f"    {safe(host['sentence'], 400)}")
        lines += [f"    TLSA {safe(record)}" for record in host["records"]]
    if answer["last"]:
        lines += ["", results({"rows": answer["last"]})]
    return "\n".join(lines)


def _policy(policy: dict[str, Any]) -> str:
    words = "none"
    if policy["mode"]:
        age = f", fetched {safe(policy['fetched'])}" if policy["fetched"] else ""
        words = f"{safe(policy['mode'])}: {', '.join(map(safe, policy['mx'])) or 'no host'}{age}"
    if policy["failure"]:
        words += f"; a newer one cannot be had: {safe(policy['failure'])} ({safe(policy['reason'], 200)})"
    return words


def results(answer: dict[str, Any]) -> str:
    """Sessions by day and result."""
    if not answer["rows"]:
        return "Nothing is counted in that time."
    head = ("day", "domain", "policy", "sessions", "result", "host", "reason")
    rows = [
        (row["day"], row["domain"], row["policy"], row["number"], row["result"] or _WELL, row["mx"], row["reason"])
        for row in answer["rows"]
    ]
    return table(head, rows)


def reports(answer: dict[str, Any]) -> str:
    """What others report, with what went wrong underneath."""
    if not answer["rows"]:
        return "Nobody has reported anything; reports that came by mail are taken in by: mailconsole tls import FILE"
    lines = []
    for row in answer["rows"]:
        days = f"{safe(row['begins'])[:10]} to {safe(row['ends'])[:10]}"
        lines.append(
            f"{days}  {safe(row['organization'], 80)}  {safe(row['domain'], 255)}  {safe(row['policy'], 40)}:"
            f" {row['successes']} well, {row['failures']} failed"
        )
        for one in row["details"]:
            words = [
                f"{key}={value}" for key, value in one.items() if key not in ("result-type", "failed-session-count")
            ]
            number, result = one.get("failed-session-count", 0), one.get("result-type", "")
            lines.append(f"    {safe(number)} {safe(result, 80)}  {safe(' '.join(words), 400)}".rstrip())
    first, last = answer["offset"] + 1, answer["offset"] + len(answer["rows"])
    return "\n".join([*lines, "", f"{first} to {last} of {answer['total']}"])


def imported(answer: dict[str, Any]) -> str:
    """What was taken in."""
    known = f", {answer['known']} of them known already" if answer["known"] else ""
    return (
        f"Report {safe(answer['report'], 200)} of {safe(answer['organization'], 200)}: {answer['policies']} policies"
        f"{known}, {answer['failures']} failed sessions."
    )


def policy(answer: dict[str, Any]) -> str:
    """What to publish, and where."""
    text = "\n".join(safe(line) for line in answer["text"].split("\r\n"))
    return f'{safe(answer["name"])}. IN TXT "{safe(answer["record"])}"\n\n{safe(answer["place"])}\n{text}'.rstrip()


VIEWS: dict[str, Callable[[Any], str]] = {
    "tls.check": check,
    "tls.results": results,
    "tls.reports": reports,
    "tls.import": imported,
    "tls.policy": policy,
}
