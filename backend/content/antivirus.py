"""All engines of one process, asked at once about a message; and what they say put together."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from backend import logs
from backend.config import Settings
from backend.content.clamd import Clamd
from backend.content.command import Command
from backend.content.daemons import Faults
from backend.content.engine import Engine, EngineHealth, EngineResult
from backend.content.inspection import Inspection
from backend.store.bodies import Body
from backend.store.database import Store

_log = logging.getLogger("antivirus")
EMBEDDED = "yara"  # the name of the embedded engine
_HEALTH = 60.0  # seconds that an answer about an engine's health is good for
# What clamd calls infected and what is not: it could not look at all of it.
_LIMIT = ("Heuristics.Limits.Exceeded",)
_ENCRYPTED = ("Heuristics.Encrypted",)
_UNSCANNABLE = {"bomb", "too deep", "too many", "too large", "time", "fatal"}


@dataclass(frozen=True, slots=True)
class Examination:
    """What is known of one message. `deferring`: the engines without whose word it may not pass."""

    results: tuple[EngineResult, ...]
    refused: tuple[str, ...] = ()  # files of refused types, in words
    encrypted: tuple[str, ...] = ()
    unscannable: tuple[str, ...] = ()
    macros: bool = False
    deferring: tuple[str, ...] = ()
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def infected(self) -> EngineResult | None:
        """The first engine's word that says so."""
        return next((result for result in self.results if result.outcome == "infected"), None)

    @property
    def failed(self) -> tuple[EngineResult, ...]:
        """The engines that could not say anything."""
        return tuple(result for result in self.results if result.outcome == "failed")

    @property
    def faults(self) -> tuple[EngineResult, ...]:
        """The engines that somebody must look after: those that failed, and the embedded one with rules left out.
        Where a message was too much for the embedded one, it is the message's fault.
        """
        return tuple(
            result
            for result in self.results
            if (result.outcome == "failed" and not (result.engine == EMBEDDED and self.unscannable))
            or (result.engine == EMBEDDED and result.outcome == "clean" and result.words)
        )

    @property
    def disagree(self) -> bool:
        """Whether one says infected and another clean."""
        return {"infected", "clean"} <= {result.outcome for result in self.results}

    def words(self) -> dict[str, str]:
        """Each engine's own verdict, for the trace."""
        return {result.engine: str(result) for result in self.results}


class Yara:
    """The embedded engine. Its work is done in the workshop, with the unpacking; this reads what came of it."""

    name = "yara"

    def __init__(self, antivirus: Antivirus) -> None:
        self.when_down = antivirus.settings.antivirus.when_down
        self._antivirus = antivirus

    async def scan(self, body: Body, report: dict[str, Any]) -> EngineResult:
        """What the rules found."""
        said = report.get("yara")
        spent = report.get("milliseconds", {}).get("yara", 0.0)
        if not isinstance(said, dict):
            return EngineResult(self.name, "failed", "", str(report.get("failed", "nothing was looked at")), spent)
        if said["found"]:
            rule, way = said["found"][0]
            return EngineResult(self.name, "infected", rule, " / ".join(way)[:200], spent)
        if said["failed"]:
            return EngineResult(self.name, "failed", "", said["failed"], spent)
        return EngineResult(self.name, "clean", "", said["words"], spent)

    async def health(self) -> EngineHealth:
        """Whether the rules can be compiled, which version, and how old they are."""
        report = await self._antivirus.inspection.look(Body(size=2, data=b"\r\n"))
        said = report.get("yara")
        if not isinstance(said, dict):
            return EngineHealth("", 0.0, False, str(report.get("failed", "no answer")))
        words = said["failed"] or said["words"]
        return EngineHealth(said["version"], said["of"], not words, words)

    def close(self) -> None:
        """Nothing is kept: the children are the inspection's."""


class Antivirus:
    """The engines of the settings. `examine` asks them all, each in its own time."""

    def __init__(self, settings: Settings, store: Store, inspection: Inspection | None = None) -> None:
        self.settings = settings
        self.store = store
        self.inspection = inspection or Inspection(settings, store)
        self.engines = self._engines()
        self._health: dict[str, tuple[float, EngineHealth]] = {}
        self.faults = Faults()

    def reload(self, settings: Settings) -> None:
        """Go on with other settings."""
        self.inspection.reload(settings)
        if settings.antivirus != self.settings.antivirus:
            self.settings = settings
            old, self.engines = self.engines, self._engines()
            for engine in old:
                engine.close()
            self._health.clear()
        self.settings = settings

    def close(self) -> None:
        """End the children and the sessions."""
        self.inspection.close()
        for engine in self.engines:
            engine.close()

    async def examine(self, body: Body, look: Coroutine[Any, Any, dict[str, Any]] | None = None) -> Examination:
        """Ask every engine about the message. `look`: what gives the report about it, where others want it too."""
        looking = asyncio.ensure_future(look or self.inspection.look(body))
        answers = await asyncio.gather(looking, *(self._ask(engine, body, looking) for engine in self.engines))
        report: dict[str, Any] = answers[0]
        results: list[EngineResult] = answers[1:]
        for data in report.pop("hidden", ()):
            hidden = Body(size=len(data), data=data)
            results = await asyncio.gather(*(self._further(result, hidden, looking) for result in results))
        return self._together(report, results)

    async def healths(self) -> dict[str, EngineHealth]:
        """How each engine is."""
        found = await asyncio.gather(*(self._healthy(engine, 0.0) for engine in self.engines))
        return dict(zip((engine.name for engine in self.engines), found, strict=True))

    async def _ask(self, engine: Engine, body: Body, looking: Awaitable[dict[str, Any]]) -> EngineResult:
        try:
            result = await engine.scan(body, await looking if engine.name == EMBEDDED else {})
        except Exception as error:  # an engine's fault is no session's
            _log.exception("an engine failed", extra=logs.fields(engine=engine.name))
            return EngineResult(engine.name, "failed", "", type(error).__name__)
        if engine.name == EMBEDDED:
            return result
        if result.outcome == "clean":
            health = await self._healthy(engine, _HEALTH)
            if not health.alive:
                return EngineResult(engine.name, "failed", "", health.words, result.milliseconds)
        return result

    async def _further(self, result: EngineResult, hidden: Body, looking: Awaitable[dict[str, Any]]) -> EngineResult:
        """What an engine says that has found nothing so far, when it is given this by itself. The embedded one has seen
        it already.
        """
        engine = next((one for one in self.engines if one.name == result.engine), None)
        if engine is None or engine.name == EMBEDDED or result.outcome != "clean":
            return result
        return await self._ask(engine, hidden, looking)

    async def _healthy(self, engine: Engine, good_for: float) -> EngineHealth:
        known = self._health.get(engine.name)
        if known is None or time.monotonic() - known[0] >= good_for:
            known = (time.monotonic(), await engine.health())
            if known[1].alive:  # one that is not is asked again
                self._health[engine.name] = known
            else:
                self._health.pop(engine.name, None)
        return known[1]

    def _together(self, report: dict[str, Any], results: list[Any]) -> Examination:
        troubles = [(kind, f"{' / '.join(way) or 'the message'}: {words}") for kind, way, words in _troubles(report)]
        encrypted = [words for kind, words in troubles if kind == "encrypted"]
        unscannable = [f"{kind}: {words}" for kind, words in troubles if kind in _UNSCANNABLE]
        kept: list[EngineResult] = []
        for result in results:
            if result.outcome == "infected" and result.signature.startswith(_LIMIT):
                unscannable.append(f"{result.engine}: {result.signature}")
            elif result.outcome == "infected" and result.signature.startswith(_ENCRYPTED):
                encrypted.append(f"{result.engine}: {result.signature}")
            else:
                kept.append(result)
                continue
            kept.append(EngineResult(result.engine, "clean", "", result.signature, result.milliseconds))
        when_down = {engine.name: engine.when_down for engine in self.engines}
        # A message that is too much for the embedded engine is unscannable, and that has its own rule.
        deferring = [
            result.engine
            for result in kept
            if result.outcome == "failed"
            and when_down.get(result.engine) == "defer"
            and not (result.engine == EMBEDDED and unscannable)
        ]
        if "failed" in report and self.settings.antivirus.when_down == "defer" and EMBEDDED not in deferring:
            deferring.append(EMBEDDED)
        refused = tuple(f"{' / '.join(way)}: {words}" for way, words in report.get("refused", ()))
        return Examination(
            tuple(kept),
            refused,
            tuple(encrypted),
            tuple(unscannable),
            bool(report.get("macros")),
            tuple(deferring),
            report,
        )

    def _engines(self) -> tuple[Engine, ...]:
        wanted = self.settings.antivirus
        embedded: tuple[Engine, ...] = (Yara(self),) if wanted.yara else ()
        return (*embedded, *(Clamd(one) if one.kind == "clamd" else Command(one) for one in wanted.engine))


def _troubles(report: dict[str, Any]) -> list[tuple[str, list[str], str]]:
    return [(kind, way, words) for kind, way, words in report.get("troubles", ())]
