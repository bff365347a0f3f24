"""Access lists as files: CSV with all that a rule has, Postfix access maps (access(5)), rspamd maps (multimap).

Only CSV keeps everything. The maps of others say what is allowed or denied; their meaning of a name is turned into ours
and back: in Postfix, by default, `x.test` takes in all below it too, and `.x.test` only what is below it.
"""

from __future__ import annotations

import csv
import datetime
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from backend import clock
from backend.errors import BadInput
from backend.store import access_patterns
from backend.store.access import ALLOW, DENY, VERDICTS, Rule
from backend.store.access_patterns import Pattern

FORMATS = ("csv", "postfix", "rspamd")
COLUMNS = ("verdict", "kind", "what", "reason", "owner", "created", "until", "hits", "last_hit")
ABOUT = {  # what a map of somebody else is about: the kinds of its rules; names are of the last
    "client": ("address", "network", "host"),
    "sender": ("sender", "domain"),
    "recipient": ("recipient",),
    "helo": ("helo",),
}
LONGEST = 2_000  # characters of a line
_OWNER, _REASON = 64, 300  # characters
_LAST = 253_402_300_800.0  # the year 10000, which no clock of ours can write
_MOST_HITS = 2**53
_OCTETS = re.compile(r"\d{1,3}(?:\.\d{1,3}){0,2}\.?")  # the start of an IPv4 address
_HEXTETS = re.compile(r"[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6}:?", re.IGNORECASE)
_STATUS = re.compile(r"[45]\.\d{1,3}\.\d{1,3}\s*")
_NOT_OURS = {
    "HOLD": "mail is held by a hold rule: mailconsole rule add",
    "DUNNO": "nothing is to be decided about it, so there is nothing to keep",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One rule of a file. What is None, the file does not say."""

    line: int
    text: str
    verdict: str
    pattern: Pattern
    reason: str
    owner: str | None = None
    created: float | None = None
    until: float | None = None
    hits: int = 0
    last_hit: float = 0.0


@dataclass(frozen=True, slots=True)
class Wrong:
    """A line that is no rule, and why."""

    line: int
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is read. `verdict`: of lines that have none. `about`: of names in maps of others. `header`: the line
    of a CSV that names its columns, when it stood in a piece before.
    """

    format: str
    verdict: str | None = None
    about: str | None = None
    header: str = ""
    first: int = 1  # the number of the first line


def read(text: str, how: Reading) -> tuple[list[Entry | Wrong], str]:
    """What stands in the lines of a piece, and the header for the next one. What is not understood is Wrong."""
    header = how.header
    found: list[Entry | Wrong] = []
    for number, line in enumerate(text.split("\n"), how.first):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if how.format == "csv" and not header and _is_header(line):
            header = line
            continue
        try:
            if len(line) > LONGEST:
                raise BadInput(f"The line is longer than {LONGEST:,} characters.")
            entry = _READ[how.format](line, number, how, header)
        except BadInput as error:
            found.append(Wrong(number, line[:200], str(error)))
        else:
            if entry is not None:
                found.append(entry)
    return found, header


# -- CSV


def _is_header(line: str) -> bool:
    return {"verdict", "what"} <= set(_names(line))


def _names(header: str) -> list[str]:
    return [name.strip(' "').lower() for name in header.split(_delimiter(header))]


def _delimiter(line: str) -> str:
    """Spreadsheets of many countries write semicolons, for their comma stands in numbers."""
    return ";" if line.count(";") > line.count(",") else ","


def _csv(line: str, number: int, how: Reading, header: str) -> Entry:
    names = _names(header) if header else list(COLUMNS)
    try:
        [cells] = csv.reader([line], strict=True, delimiter=_delimiter(header or line))
    except (csv.Error, ValueError):
        raise BadInput("The line is not CSV.") from None
    row = {name: cell.strip() for name, cell in zip(names, cells, strict=False)}
    hits = row.get("hits") or "0"
    if not (hits.isascii() and hits.isdecimal() and int(hits[:20]) <= _MOST_HITS):
        raise BadInput(f"{hits[:40]!r} is no number of hits.")
    return Entry(
        number,
        line[:200],
        _verdict(row.get("verdict") or how.verdict),
        access_patterns.parse(row.get("what", ""), row.get("kind") or None),
        _short(row.get("reason", ""), _REASON, "reason"),
        _short(row.get("owner", ""), _OWNER, "owner") or None,
        _time(row.get("created")),
        _time(row.get("until")),
        int(hits),
        _time(row.get("last_hit")) or 0.0,
    )


def _short(text: str, most: int, name: str) -> str:
    if len(text) > most:
        raise BadInput(f"The {name} is longer than {most} characters.")
    return text


def _time(written: str | None) -> float | None:
    if not written:
        return None
    try:
        time = datetime.datetime.fromisoformat(written)
        seconds = (time if time.tzinfo else time.replace(tzinfo=datetime.UTC)).timestamp()
    except (ValueError, OverflowError):
        raise BadInput(f"{written[:40]!r} is no time, as 2026-11-24T12:00:00Z.") from None
    if not 0 <= seconds < _LAST:
        raise BadInput(f"{written[:40]!r} is a time out of all range.")
    return seconds


def _verdict(written: str | None) -> str:
    if written is None:
        raise BadInput("Nothing says whether to allow or to deny; say verdict (--verdict).")
    if written not in VERDICTS:
        raise BadInput(f"{written[:40]!r} is no verdict; it is allow or deny.")
    return written


# -- Postfix


def _postfix(line: str, number: int, how: Reading, header: str) -> Entry | None:
    if line[0].isspace():  # the text of the action before goes on
        return None
    key, _, action = line.strip().partition(" ")
    verdict, reason = _action(action.strip())
    return Entry(number, line[:200], verdict, _postfix_pattern(key, how), reason[:_REASON])


def _action(written: str) -> tuple[str, str]:
    word, _, rest = written.partition(" ")
    name = word.upper()
    if name in ("OK", "PERMIT") or (word.isdecimal() and len(word) != 3):
        return ALLOW, ""
    if name == "REJECT" or re.fullmatch(r"5\d\d", word):
        return DENY, _STATUS.sub("", rest.strip(), count=1)
    if not word:
        raise BadInput("No action stands behind it.")
    raise BadInput(f"{word[:40]} is no action of these lists: {_NOT_OURS.get(name, 'they know OK and REJECT')}.")


def _postfix_pattern(key: str, how: Reading) -> Pattern:
    if "@" in key or key == "<>":
        return _mailbox(f"{key}*" if key.endswith("@") else key, how)
    if how.about == "helo" and _numeric(key.strip("[]")):
        return _named(key, how)
    if _OCTETS.fullmatch(key):
        parts = key.rstrip(".").split(".")
        return access_patterns.parse(f"{'.'.join(parts + ['0'] * (4 - len(parts)))}/{8 * len(parts)}")
    if ":" in key and "::" not in key and _HEXTETS.fullmatch(key):
        parts = key.rstrip(":").split(":")
        return access_patterns.parse(f"{':'.join(parts)}::/{16 * len(parts)}")
    if _numeric(key):
        return access_patterns.parse(key, "network")
    return _named(f"*{key}" if key.startswith(".") else f".{key}", how)


def _numeric(key: str) -> bool:
    return "/" in key or ":" in key or key.replace(".", "").isdigit()


def _mailbox(key: str, how: Reading) -> Pattern:
    return access_patterns.parse(key, "recipient" if how.about == "recipient" else "sender")


def _named(name: str, how: Reading) -> Pattern:
    """A name in a map; what it is of depends on what the map is about, else it is a sender's domain."""
    kind = ABOUT[how.about or "sender"][-1]
    return access_patterns.parse(f"*@{name}" if kind == "recipient" else name, kind)


# -- rspamd


def _rspamd(line: str, number: int, how: Reading, header: str) -> Entry:
    words, _, comment = line.strip().partition("#")
    key = words.split()[0] if words.split() else ""
    if key[:1] in ("/", "!"):
        raise BadInput("Regular expressions and exceptions have no place in these lists.")
    if how.about != "helo" and _numeric(key.strip("[]")):
        pattern = access_patterns.parse(key, "network")
    else:
        pattern = _mailbox(key, how) if "@" in key or key == "<>" else _named(key, how)
    return Entry(number, line[:200], _verdict(how.verdict), pattern, comment.strip()[:_REASON])


_READ = {"csv": _csv, "postfix": _postfix, "rspamd": _rspamd}


# -- writing


def head(kind: str, about: str | None, verdict: str | None) -> str:
    """What stands above the rules in a file of that format."""
    if kind == "csv":
        return ",".join(COLUMNS) + "\n"
    if kind == "postfix":
        return f"# for check_{about}_access; networks need the type cidr, the rest a type as hash\n"
    return f"# {verdict} by {about}\n"


def write(rules: Sequence[Rule], kind: str) -> str:
    """The lines of the rules. BadInput never: what a format has no word for becomes a comment."""
    if kind == "csv":
        return _to_csv(rules)
    lines = (_to_postfix(rule) if kind == "postfix" else _to_rspamd(rule) for rule in rules)
    return "".join(f"{line}\n" for some in lines for line in some)


def _to_csv(rules: Iterable[Rule]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for rule in rules:
        writer.writerow(
            (
                rule.verdict,
                rule.kind,
                rule.what,
                rule.reason,
                rule.owner,
                clock.rfc3339(rule.created),
                "" if rule.until is None else clock.rfc3339(rule.until),
                rule.hits,
                clock.rfc3339(rule.last_hit) if rule.last_hit else "",
            )
        )
    return text.getvalue()


def _to_postfix(rule: Rule) -> Iterator[str]:
    if rule.reason:
        yield f"# {rule.reason}"
    key = _postfix_key(rule)
    action = "OK" if rule.verdict == ALLOW else "REJECT"
    yield f"{key} {action}" if key else f"# no word for: {rule.verdict} {rule.kind} {rule.what}"


def _postfix_key(rule: Rule) -> str:
    local, at, name = rule.what.rpartition("@")
    if at and name == "*" and "*" not in local:
        return f"{local}@"
    if at and local != "*":
        return "" if "*" in rule.what or name.startswith(".") else rule.what
    name = name.removeprefix("*") if name.startswith("*.") else name.removeprefix(".")
    return "" if "*" in name else name


def _to_rspamd(rule: Rule) -> Iterator[str]:
    comment = f" # {rule.reason}" if rule.reason else ""
    local, at, name = rule.what.rpartition("@")
    if rule.kind in ("address", "network"):
        yield f"{rule.what}{comment}"
    elif name.startswith("."):
        yield f"{local}{at}{name[1:]}{comment}"
        yield f"{local}{at}*{name}{comment}"
    else:
        yield f"{rule.what}{comment}"
