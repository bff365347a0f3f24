"""A message as its signatures see it: the header fields one by one, and hashes of the body."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

from backend.errors import Temporary
from backend.policy.dkim import canonical
from backend.policy.dkim.canonical import Canonical, Form, Tally
from backend.store.bodies import Body

_INLINE = 65_536  # bytes of a body that are hashed on the event loop: half a millisecond
_FIELD = re.compile(rb"\r\n(?![ \t])")
_SIGNATURE = re.compile(rb"((?:^|;)[ \t\r\n]*b[ \t\r\n]*=)[^;]*")

_threads = ThreadPoolExecutor(2, thread_name_prefix="hash")  # large bodies


@dataclass(frozen=True, slots=True)
class Demand:
    """A hash that somebody wants: SHA-256 of the body in this form, of its first `length` bytes or of all."""

    form: Form
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Digest:
    """It. `size`: bytes of the whole body in that form."""

    value: bytes
    size: int


class Field:
    """A header field: its name in small letters, and its bytes with the line end."""

    __slots__ = ("_relaxed", "name", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.name = raw.partition(b":")[0].strip(b" \t").lower().decode("latin-1")
        self._relaxed: bytes | None = None

    @property
    def value(self) -> bytes:
        """What stands behind the colon, folded as it came."""
        return self.raw.partition(b":")[2]

    def canonical(self, form: Form) -> bytes:
        """In one form; made once, however many signatures want it."""
        if form == "simple":
            return self.raw
        if self._relaxed is None:
            self._relaxed = canonical.field(self.raw, form)
        return self._relaxed

    def unsigned(self, form: Form) -> bytes:
        """A signature as it covers itself: with an empty b=, without the last line end (RFC 6376 §3.7)."""
        name, colon, value = self.raw.partition(b":")
        value = _SIGNATURE.sub(rb"\1", value.rstrip(b"\r\n"), count=1)
        return canonical.field(name + colon + value + b"\r\n", form)[:-2]


class Letter:
    """A message. `section`: its header section with the last CR LF; `body`: all of it, the header section included."""

    def __init__(self, section: bytes, body: Body) -> None:
        self.section = section
        self._body = body
        self._skip = len(section) + 2
        self._known: dict[Demand, Digest] = {}
        self._busy = asyncio.Lock()

    def under(self, section: bytes) -> Letter:
        """The same body below another header section; what was hashed of it is not hashed again."""
        made = Letter(section, self._body)
        made._skip, made._known, made._busy = self._skip, self._known, self._busy
        return made

    @property
    def small(self) -> bool:
        """Whether the body is hashed at once, and not in a thread."""
        return self._body.path is None and self._body.size <= _INLINE

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """From the top to the bottom."""
        raws = _FIELD.split(self.section.removesuffix(b"\r\n"))
        return tuple(Field(raw + b"\r\n") for raw in raws if raw)

    @cached_property
    def _small(self) -> bytes:
        return self.section.lower()

    @cached_property
    def by_name(self) -> dict[str, list[Field]]:
        """The fields of each name, from the top to the bottom; empty for a name that is not there."""
        found: dict[str, list[Field]] = defaultdict(list)
        for field in self.fields:
            found[field.name].append(field)
        return found

    def named(self, name: str) -> list[Field]:
        """The fields of that name, from the top to the bottom. Cheap where the name is nowhere in the section."""
        if "by_name" not in self.__dict__ and name.encode() not in self._small:  # not worth to take it apart
            return []
        return self.by_name.get(name, [])

    def covered(self, names: Iterable[str], form: Form) -> bytes:
        """The fields that a signature names, each name from the bottom up; what is not there is nothing (RFC 6376
        §5.4.2).
        """
        taken: Counter[str] = Counter()
        parts = []
        for name in names:
            some = self.named(name)
            taken[name] += 1
            if taken[name] <= len(some):
                parts.append(some[-taken[name]].canonical(form))
        return b"".join(parts)

    async def digests(self, demands: Iterable[Demand]) -> dict[Demand, Digest]:
        """All that is wanted in one pass over the body, large ones in a thread. Temporary when it cannot be read."""
        wanted = set(demands)
        async with self._busy:  # who comes second finds what the first one made
            missing = wanted - self._known.keys()
            if missing:
                if self.small:
                    self._known.update(self.hashes(missing))
                else:
                    loop = asyncio.get_running_loop()
                    try:
                        self._known.update(await loop.run_in_executor(_threads, self.hashes, missing))
                    except OSError as error:
                        raise Temporary("The disk fails; try again later.", status="4.3.0") from error
        return {demand: self._known[demand] for demand in wanted}

    def hashes(self, demands: Iterable[Demand]) -> dict[Demand, Digest]:
        """The same, here and now. Blocks."""
        tallies: dict[Form, dict[Demand, Tally]] = defaultdict(dict)
        for demand in demands:
            tallies[demand.form][demand] = Tally(demand.length)
        forms = [(Canonical(form, some.values()), some) for form, some in tallies.items()]
        for piece in self._text():
            for way, _ in forms:
                way.update(piece)
        for way, _ in forms:
            way.finish()
        return {demand: Digest(one.digest(), way.size) for way, some in forms for demand, one in some.items()}

    def _text(self) -> Iterator[bytes]:
        """The body behind the header section and the empty line."""
        skip = self._skip
        for piece in self._body.chunks():
            if skip >= len(piece):
                skip -= len(piece)
                continue
            yield piece[skip:] if skip else piece
            skip = 0


def letter(message: bytes) -> Letter:
    """Of a message that is here whole."""
    from backend.smtp.header import section

    return Letter(section(message), Body(len(message), data=message))
