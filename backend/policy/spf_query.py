"""One question of SPF (RFC 7208): may this address send for that domain? The rules are pyspf's, the look-ups ours.

pyspf asks the DNS in the middle of its work and waits for the answer. Here it never waits: where an answer is not at
hand it stops, the event loop asks, and it begins anew with what it knows by then. So a slow name server holds no
thread, and the names of many mail hosts are asked for together.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import re
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import spf

from backend.errors import Temporary
from backend.resolver.answer import Answer, Asks

Value = Literal["pass", "fail", "softfail", "neutral", "none", "permerror", "temperror"]

_log = logging.getLogger("policy")
_ROUNDS = 60  # beginnings of one question: ten look-ups, each with what it leads to, need a third of them
_RECORD = 8_192  # characters of a record: more is made to keep us busy (RFC 7208 §3.4 asks for 450)
_TERM = 512  # characters of a term, for the same reason: some of pyspf's patterns take the square of it
_NAMES = 10  # mail hosts of an "mx", names of a "ptr" (RFC 7208 §4.6.4)
_VOID = 2  # look-ups that may find nothing (RFC 7208 §4.6.4)
_KEPT = 20_000  # verdicts kept
_PERSONAL = re.compile(r"%\{[lshrt]", re.IGNORECASE)  # macros that depend on more than address and domain
_MODIFIER = re.compile(r"([a-z][a-z0-9_.-]*)=", re.IGNORECASE)
_LATE = "The DNS took too long to answer."
_VALUES: frozenset[str] = frozenset(("pass", "fail", "softfail", "neutral", "none", "permerror", "temperror"))

threads = ThreadPoolExecutor(2, thread_name_prefix="spf")  # pyspf at work; it never waits there

Question = tuple[str, str]  # name and type


@dataclass(frozen=True, slots=True)
class Outcome:
    """`value` is one of RFC 7208 §2.6. `explanation` is the domain's own text: hostile until it is made safe."""

    value: Value
    domain: str
    problem: str = ""  # what is wrong with the record, of a permerror or temperror
    explanation: str = ""


class _Missing(Exception):
    """Answers that are not at hand."""

    def __init__(self, questions: list[Question]) -> None:
        super().__init__(questions)
        self.questions = questions


class _Explanation(str):
    """Where the explanation is: it is fetched when it is wanted, and not with every question."""

    domain: str  # what %{d} in it means


class _Query(spf.query):  # type: ignore[misc]  # pyspf has no types
    """pyspf with our look-ups. `answers` has what was asked for; `used` gets what was looked at."""

    def __init__(
        self, asks: Asks, answers: dict[Question, Answer | Temporary], address: str, sender: str, helo: str
    ) -> None:
        super().__init__(i=address, s=sender, h=helo, timeout=0, querytime=0)
        self.asks = asks
        self.answers = answers
        self.used: dict[Question, Answer] = {}
        self.personal = False  # the outcome depends on more than address and domain
        self.steady = True  # no look-up failed, not even one that does not count

    # -- the DNS

    def look(self, name: str, kind: str) -> Answer:
        """The answer. _Missing, spf.TempError."""
        question = (name, kind)
        answer = self.answers.get(question)
        if answer is None:
            try:
                answer = self.asks.known(name, kind)
            except Temporary as error:
                answer = error
        if isinstance(answer, Temporary):
            self.steady = False
            raise spf.TempError(str(answer))
        if answer is None:
            raise _Missing([question])
        self.used[question] = answer
        return answer

    def dns(self, name: Any, qtype: str, cnames: Any = None, ignore_void: bool = False) -> list[Any]:
        """As pyspf's: the records as plain values; none for what cannot be a name (RFC 7208 §4.3, RFC 8616 §4)."""
        name = str(name).removesuffix(".").lower()
        records: list[Any] = []
        if name.isascii() and len(name) <= 253 and all(0 < len(label) < 64 for label in name.split(".")):
            asked = name.replace("\\", "\\\\")  # macros may put one there; to a resolver it would be an escape
            records = [_plain(record, qtype) for record in self.look(asked, qtype).records]
        if not records and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > _VOID:
                raise spf.PermError(f"more than {_VOID} look-ups found nothing")
        return records

    def dns_mx(self, domainname: str) -> list[str]:
        """The addresses of a domain's mail hosts, all asked for at once."""
        hosts = sorted(self.dns(domainname, "MX"))
        if len(hosts) > _NAMES:
            raise spf.PermError(f"more than {_NAMES} mail hosts")
        names = [name for _, name in hosts if name]
        self.want([(name, self.A) for name in names])
        return [address for name in names for address in self.dns_a(name, self.A)]

    def validated_ptrs(self) -> list[str]:
        """The names of the address that lead back to it; a name server that fails only hides them (RFC 7208 §5.5).

        What is not found is not counted here: the client writes these names, and could make an error of a fail.
        """
        try:
            names = self.dns(f"{spf.reverse_dots(self.i)}.{self.v}.arpa", "PTR", ignore_void=True)[:_NAMES]
        except spf.TempError:
            return []
        self.want([(name, self.A) for name in names])
        found = []
        for name in names:
            try:
                if self.cidrmatch(self.dns(name, self.A, ignore_void=True), self.cidrmax):
                    found.append(name)
            except spf.TempError:
                continue
        return found

    def want(self, questions: list[Question]) -> None:
        """_Missing with all of these that are not at hand."""
        missing: list[Question] = []
        for name, kind in questions:
            question = (name.removesuffix(".").lower(), kind)
            try:
                self.look(*question)
            except _Missing:
                missing.append(question)
            except spf.TempError:
                continue  # it is met again where it is used
        if missing:
            raise _Missing(missing)

    # -- the record

    def check0(self, record: Any, recursion: int) -> Any:
        """As pyspf's; a record that is made to keep us busy is an error, and modifiers that nobody knows are passed
        over however often they come (RFC 7208 §6), where pyspf finds fault with the second.
        """
        terms = (record or "").split(" ")
        if len(record or "") > _RECORD or any(len(term) > _TERM for term in terms):
            raise spf.PermError("the record is too long")
        for place, term in enumerate(terms):
            modifier = _MODIFIER.match(term) if place else None  # the first is the version
            if modifier is not None and modifier[1].lower() not in ("exp", "redirect"):
                self.expand(term[modifier.end() :])  # the syntax of its macros counts all the same
                terms[place] = ""
        return super().check0(" ".join(terms), recursion)

    def expand(self, text: str, stripdot: bool = True) -> str:
        """As pyspf's; notes whether the outcome depends on more than address and domain."""
        self.personal = self.personal or _PERSONAL.search(text) is not None
        expanded: str = super().expand(text, stripdot)
        return expanded

    def get_explanation(self, spec: str) -> str:
        """Where it is; `explain` fetches it."""
        place = _Explanation(spec)
        place.domain = self.d
        return place

    def explain(self, place: _Explanation) -> str:
        """The explanation (RFC 7208 §6.2); empty when there is none that is right."""
        self.d = place.domain
        try:
            return super().get_explanation(str(place)) or ""
        except (spf.TempError, spf.PermError):
            return ""

    def cidrmatch(self, addresses: list[str], length: int) -> bool:
        """Whether our address is in the network of `length` bits around one of these."""
        shift = self.cidrmax - length
        own = int(self.ipaddr) >> shift
        try:
            return any(int(ipaddress.ip_address(address)) >> shift == own for address in addresses)
        except ValueError as error:
            raise spf.PermError(str(error)) from None


def _plain(record: Any, kind: str) -> Any:
    match kind:
        case "TXT":
            return record.strings
        case "MX":
            return record.preference, str(record.exchange).rstrip(".")
        case "PTR":
            return str(record.target).rstrip(".")
    return record.address


class Checker:
    """Answers questions, and keeps verdicts as long as all answers of the DNS that they rest on."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str, bool], tuple[Outcome, dict[Question, Answer]]] = OrderedDict()

    def kept(self, asks: Asks, address: str, sender: str, helo: str) -> Outcome | None:
        """The same as `check`, where nobody need be asked; else None."""
        domain = _domain(sender, helo)
        if "." not in domain or domain.startswith("["):  # RFC 7208 §4.3: no name, no record
            return Outcome("none", domain)
        key = (address, domain, not sender)
        kept = self._kept.get(key)
        if kept is None or not _holds(asks, kept[1]):
            return None
        with contextlib.suppress(KeyError):  # forgotten meanwhile by another event loop's thread
            self._kept.move_to_end(key)
        return kept[0]

    async def check(self, asks: Asks, address: str, sender: str, helo: str, seconds: float) -> Outcome:
        """May the client at `address` send with this reverse-path? An empty one: may it call itself `helo` (RFC 7208
        §2.3)? Never raises for what the DNS or the client says; late is a temperror (RFC 7208 §4.6.4).
        """
        kept = self.kept(asks, address, sender, helo)
        if kept is not None:
            return kept
        domain = _domain(sender, helo)
        try:
            async with asyncio.timeout(seconds):
                outcome, used = await _ask(asks, address, sender, helo, domain)
        except TimeoutError:
            return Outcome("temperror", domain, _LATE)
        if used:
            key = (address, domain, not sender)
            self._kept.pop(key, None)
            self._kept[key] = outcome, used
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return outcome


def _domain(sender: str, helo: str) -> str:
    return (sender.rpartition("@")[2] if sender else helo).lower()


def _holds(asks: Asks, used: dict[Question, Answer]) -> bool:
    """Whether each answer is still the one that counts: its time has not run out, and no other has come."""
    try:
        return all(asks.known(*question) is answer for question, answer in used.items())
    except Temporary:
        return False


async def evaluate(asks: Asks, address: str, sender: str, helo: str, record: str, seconds: float) -> Outcome:
    """What a record would say that need not be published yet."""
    domain = sender.rpartition("@")[2]
    try:
        async with asyncio.timeout(seconds):
            return (await _ask(asks, address, sender, helo, domain, record))[0]
    except TimeoutError:
        return Outcome("temperror", domain, _LATE)


async def _ask(
    asks: Asks, address: str, sender: str, helo: str, domain: str, record: str = ""
) -> tuple[Outcome, dict[Question, Answer]]:
    """The outcome, and the answers that it rests on; none when it must not be kept. `record`: not the domain's."""
    loop = asyncio.get_running_loop()
    answers: dict[Question, Answer | Temporary] = {}
    for _ in range(_ROUNDS):
        query = _Query(asks, answers, address, sender, helo)
        try:
            outcome = await loop.run_in_executor(threads, _run, query, domain, record)
        except _Missing as missing:
            found = await asyncio.gather(*(asks.ask(*one) for one in missing.questions), return_exceptions=True)
            for question, answer in zip(missing.questions, found, strict=True):
                if not isinstance(answer, Answer | Temporary):
                    raise answer from None
                answers[question] = answer
            continue
        return outcome, query.used if query.steady and not (query.personal and sender) else {}
    return Outcome("permerror", domain, "The record asks for too many look-ups."), {}


def _run(query: _Query, domain: str, record: str) -> Outcome:
    """pyspf once through, in a thread. _Missing."""
    try:
        value, _, words = query.check(record or None)
        explanation = query.explain(words) if value == "fail" and isinstance(words, _Explanation) else ""
    except _Missing:
        raise
    except Exception:  # pyspf has met what it was not written for
        _log.exception("SPF: a record could not be read", extra={"domain": domain})
        return Outcome("permerror", domain, "The record cannot be read.")
    if value not in _VALUES:
        return Outcome("permerror", domain, "The record cannot be read.")
    problem = str(query.prob) if value in ("permerror", "temperror") else ""
    return Outcome(value, domain, problem, explanation)
