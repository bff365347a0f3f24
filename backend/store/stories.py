"""Where is my mail? Finds the stories behind an address, a host, an id or a time, and reads them.

A story is all events of one message; or, where no message came of it, the events of one session. Both have ids that
grow with time, so one number names a story and says when it began. Addresses are looked through in their indexes
alone, without the rows: 60 ms for a million events, also when nothing is found, and nothing to keep beside them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from backend import clock, ids
from backend.store import queue, trace
from backend.store.database import Reader
from backend.store.queue import Entry, Filter
from backend.store.trace import Event

MOST = 2_000  # stories of one search
_SCANNED = 4 * MOST  # events of it: a message has two or more
_LEASE = 900.0  # seconds in which what is being tried now is due at the latest
_UNTRIED = 100_000  # entries of the queue that are looked through, of one domain where it is known
_EACH = 60  # events of one story in a list of stories: so many from its beginning, and from its end
_SHOWN = 500  # the same of a story that is opened
_BY_INDEX = "id + 0"  # the order that keeps the engine from walking all rows by id in place of an index of addresses
_BEFORE = 200  # events of a host that are looked through for where a message's part of its session begins

Kind = Literal["everything", "id", "host", "network", "Message-ID", "address", "fragment"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked for. `number` is set for an id, `network` for a host or a network."""

    kind: Kind
    text: str
    number: int = 0
    network: Network | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """Events, the oldest first, those of the session before the message included; entries that are still queued."""

    number: int
    events: tuple[Event, ...]
    entries: tuple[Entry, ...]
    left_out: int  # events in the middle of a very long story


def subject(text: str) -> Subject:
    """What kind of thing `text` is: it says so by itself."""
    word = text.strip().strip("*")  # people write *@example.org, and a part is what is looked for anyway
    if not word:
        return Subject("everything", "")
    entry, dash, ordinal = word.partition("-")
    number = ids.parse(entry) if word[0].isdigit() and (not dash or ordinal.isdecimal()) else None
    if number is not None:
        return Subject("id", ids.text(number), number=number)
    network = _network(word)
    if network is not None:
        single = network.num_addresses == 1
        return Subject("host" if single else "network", str(network[0] if single else network), network=network)
    if word.startswith("<") and word.endswith(">") and len(word) > 2:
        return Subject("Message-ID", word)
    local, at, domain = word.rpartition("@")
    return Subject("address" if at and local and domain else "fragment", word)


def _network(word: str) -> Network | None:
    """Of an address as people and mail hosts write it: with or without brackets, IPv4 inside IPv6 too."""
    bare = word.strip("[]")
    bare = bare[5:] if bare[:5].lower() == "ipv6:" else bare
    try:
        network = ipaddress.ip_network(bare, strict=False)
    except ValueError:
        return None
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= 96:
        inner = network.network_address.ipv4_mapped
        if inner is not None:
            return ipaddress.IPv4Network((inner, network.prefixlen - 96), strict=False)
    return network


# -- searching


@dataclass(frozen=True, slots=True)
class Found:
    """Numbers of stories in the order asked for, at most MOST; `more`: there are others. `subject`: as it was taken."""

    numbers: tuple[int, ...]
    more: bool
    subject: Subject


def find(
    reader: Reader,
    about: Subject,
    since: float | None = None,
    until: float | None = None,
    *,
    oldest: bool = False,
) -> Found:
    """The stories of which an event between `since` and `until` (seconds since 1970) tells of `about`.

    What looks like a whole address, or a Message-ID, and is none that is known, is looked for as a part of one.
    """
    span = Span(_first(reader, since), _first(reader, until), "ASC" if oldest else "DESC")
    for one in (about, *_also(about)):
        numbers, more = _numbers(reader, _events(reader, one, span))
        numbers.update(_untried(reader, one, since, until))
        if numbers:
            first = tuple(sorted(numbers, reverse=not oldest)[:MOST])
            return Found(first, more or len(numbers) > MOST, one)
    return Found((), False, about)


def _also(about: Subject) -> Iterator[Subject]:
    """What else it may be meant for."""
    if about.kind == "Message-ID":
        yield subject(about.text.strip("<>"))
    if about.kind in ("Message-ID", "address"):
        yield Subject("fragment", about.text.strip("<>"))


def _first(reader: Reader, time: float | None) -> int | None:
    """The id of the first event at or after `time`, by bisection: ids grow with time."""
    if time is None:
        return None
    low, high = reader.row("SELECT (SELECT min(id) FROM events), (SELECT max(id) FROM events)") or (None, None)
    if low is None:
        return 1
    high += 1
    while low < high:
        middle = (low + high) // 2
        row = reader.row("SELECT id, time FROM events WHERE id >= ? ORDER BY id LIMIT 1", (middle,))
        if row is not None and row[1] < time:
            low = row[0] + 1
        else:
            high = middle
    found: int = low
    return found


@dataclass(frozen=True, slots=True)
class Span:
    """Which events: ids from `low` up to `high`, and which of them first."""

    low: int | None
    high: int | None
    order: Literal["ASC", "DESC"]

    def first(self, ids: Iterable[int]) -> list[int]:
        """The first _SCANNED of them."""
        return sorted(ids, reverse=self.order == "DESC")[:_SCANNED]


def _events(reader: Reader, about: Subject, span: Span) -> Iterable[int]:
    """The ids of the events that tell of `about`, at most _SCANNED."""
    match about.kind:
        case "everything":
            return _ids(reader, "1 = 1", (), span)
        case "id":
            some = _ids(reader, "message = ?", (about.number,), span)
            return some or _ids(reader, "session = ? AND message IS NULL", (about.text,), span)
        case "host":
            return _ids(reader, "peer = ?", (about.text,), span)
        case "network":
            return _of_network(reader, about, span)
        case "Message-ID":
            return _ids(reader, "message_id = ?", (about.text,), span)
        case "address":
            found = _of_address(reader, _pattern(about.text), span)
            return found or _ids(reader, "message_id = ?", (f"<{about.text}>",), span)
        case "fragment":
            return _of_address(reader, f"%{_pattern(about.text)}%", span)


def _of_address(reader: Reader, pattern: str, span: Span) -> list[int]:
    """Of senders and recipients like `pattern`, upper and lower case alike."""
    found: set[int] = set()
    for column in ("sender", "recipient"):
        found.update(_ids(reader, f"{column} IS NOT NULL AND {column} LIKE ? ESCAPE '\\'", (pattern,), span, _BY_INDEX))
    return span.first(found)


def _of_network(reader: Reader, about: Subject, span: Span) -> list[int]:
    """Of hosts in a network: the index of peers is read in order, so each host is judged once."""
    network = about.network
    assert network is not None
    low, high = _prefix(network)
    where, parameters = _where("peer >= ? AND peer < ?", (low, high), span)
    found: list[int] = []
    last, inside = "", False
    for identity, peer in reader.execute(f"SELECT id, peer FROM events WHERE {where} ORDER BY peer", parameters):  # noqa: S608
        if peer != last:
            last, inside = peer, ipaddress.ip_address(peer) in network
        if inside:
            found.append(identity)
    return span.first(found)


def _prefix(network: Network) -> tuple[str, str]:
    """The texts between which the addresses of a network are written: as far as all of them begin alike."""
    if isinstance(network, ipaddress.IPv4Network):
        begin = "".join(f"{part}." for part in str(network[0]).split(".")[: network.prefixlen // 8])
    else:
        begin = ""
        for part in network[0].exploded.split(":")[: network.prefixlen // 16]:
            if part == "0000":  # may be written as ::
                break
            begin += f"{part.lstrip('0')}:"
    return begin, begin + "\x7f"


def _ids(reader: Reader, condition: str, parameters: tuple[object, ...], span: Span, order: str = "id") -> list[int]:
    where, values = _where(condition, parameters, span)
    sql = f"SELECT id FROM events WHERE {where} ORDER BY {order} {span.order} LIMIT {_SCANNED}"  # noqa: S608
    return [row[0] for row in reader.execute(sql, values)]


def _where(condition: str, parameters: tuple[object, ...], span: Span) -> tuple[str, tuple[object, ...]]:
    for bound, test in ((span.low, "id >= ?"), (span.high, "id < ?")):
        if bound is not None:
            condition, parameters = f"{condition} AND {test}", (*parameters, bound)
    return condition, parameters


def _pattern(word: str) -> str:
    """For LIKE, every letter of which stands for itself."""
    for special in "\\%_":
        word = word.replace(special, f"\\{special}")
    return word


def _numbers(reader: Reader, events: Iterable[int]) -> tuple[set[int], bool]:
    """The stories that events belong to, and whether there may be more. A log-in alone is no story."""
    keys = list(events)
    found: set[int] = set()
    for start in range(0, len(keys), 500):
        some = keys[start : start + 500]
        marks = ",".join("?" * len(some))
        for message, session in reader.execute(
            f"SELECT message, session FROM events WHERE id IN ({marks})"  # noqa: S608
            " AND NOT (stage = 'auth' AND verdict = 'accepted')",
            some,
        ):
            number = message if message is not None else ids.parse(session or "")
            if number is not None:
                found.add(number)
    return found, len(keys) >= _SCANNED


def _untried(reader: Reader, about: Subject, since: float | None, until: float | None) -> set[int]:
    """Messages to such an address that nobody has tried to deliver yet: no event names their recipients. Of more
    than _UNTRIED entries those that are due first are looked through.
    """
    value: str | float
    match about.kind:
        case "address":
            where, value, pattern = "domain = ?", about.text.rpartition("@")[2].lower(), _pattern(about.text)
        case "fragment":
            where, value, pattern = "due <= ?", clock.now() + _LEASE, f"%{_pattern(about.text)}%"
        case _:
            return set()
    rows = reader.execute(
        "SELECT DISTINCT message FROM (SELECT message, recipient, received FROM queue"  # noqa: S608
        f" WHERE {where} ORDER BY due LIMIT ?) AS waiting"
        " WHERE recipient LIKE ? ESCAPE '\\' AND received >= ? AND received < ? LIMIT ?",
        (value, _UNTRIED, pattern, since or 0.0, until or queue.HELD, MOST),
    )
    return {row[0] for row in rows}


# -- reading


def stories(reader: Reader, numbers: Iterable[int]) -> list[Story]:
    """The stories of these numbers, for a list: of a very long one its two ends."""
    return [found for number in numbers if (found := _story(reader, number, _EACH))]


def story(reader: Reader, number: int) -> Story | None:
    """One story as a whole; None when nothing is known of it."""
    found = _story(reader, number, _SHOWN)
    if found is None or found.events[0].message is None:
        return found
    return Story(found.number, (*_session(reader, found.events[0]), *found.events), found.entries, found.left_out)


def _story(reader: Reader, number: int, most: int) -> Story | None:
    for where, value in (("message = ?", number), ("session = ? AND message IS NULL", ids.text(number))):
        events = trace.read(reader, f"{where} ORDER BY id LIMIT ?", (value, most))
        if not events:
            continue
        left_out = 0
        if len(events) == most:
            last = events[-1].id
            rest = trace.read(reader, f"{where} AND id > ? ORDER BY id DESC LIMIT ?", (value, last, most))[::-1]
            between = rest[0].id if rest else last
            left_out = reader.value(
                f"SELECT count(*) FROM events WHERE {where} AND id > ? AND id < ?",  # noqa: S608
                (value, last, between),
            )
            events += rest
        return Story(number, tuple(events), tuple(queue.find(reader, Filter(message=number), "age", most, 0)), left_out)
    return None


def _session(reader: Reader, accepted: Event) -> list[Event]:
    """What the session did before this message was accepted, and after the one before: log-in, refused recipients."""
    if accepted.session is None or accepted.peer is None:
        return []
    before = trace.read(
        reader,
        "session = ? AND message IS NULL AND id < ? ORDER BY id DESC LIMIT ?",
        (accepted.session, accepted.id, _EACH),
    )[::-1]
    if not before:
        return []
    start = 0
    for event in trace.read(
        reader, "peer = ? AND id < ? ORDER BY id DESC LIMIT ?", (accepted.peer, accepted.id, _BEFORE)
    ):
        if event.session == accepted.session and event.message is not None:
            start = event.id
            break
    return [event for event in before if event.id > start or event.stage == "auth"]
