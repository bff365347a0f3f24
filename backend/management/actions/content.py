"""Engines against viruses: how they are, and what they say of any file."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
from collections.abc import Iterator
from typing import Any

from backend import clock
from backend.content.antivirus import Antivirus, Examination
from backend.content.scorer import Context
from backend.content.viruses import decide
from backend.errors import BadInput
from backend.management.registry import Call, Parameter, action
from backend.management.roles import AUDITOR, POSTMASTER
from backend.management.scoring import opinions, rows
from backend.management.snapshots.content import (
    EngineList,
    EngineRow,
    ScanAnswer,
    ScanRow,
    ScanTrouble,
)
from backend.management.snapshots.spam import ScorerRow
from backend.store.bodies import Body
from backend.store.database import Store
from backend.store.looking import Looking

_FILE = (Parameter("file", str, "a message, or any other file", required=True, place=True, file=True),)


@contextlib.contextmanager
def _engines(call: Call, store: Store | None = None) -> Iterator[Antivirus]:
    """Engines of this request's own: the management role has none that last."""
    antivirus = Antivirus(call.settings, store or call.store)
    try:
        yield antivirus
    finally:
        antivirus.close()


@action("virus.engines", roles=(POSTMASTER, AUDITOR))
def virus_engines(call: Call) -> EngineList:
    """Ask every engine whether it works, and how old its signatures are."""

    async def ask() -> EngineList:
        with _engines(call) as antivirus:
            healths = await antivirus.healths()
            when_down = {engine.name: engine.when_down for engine in antivirus.engines}
        return EngineList(
            tuple(
                EngineRow(
                    name,
                    health.alive,
                    health.version,
                    clock.rfc3339(health.signatures_of) if health.signatures_of else None,
                    when_down[name],
                    health.words,
                )
                for name, health in healths.items()
            )
        )

    return asyncio.run(ask())


@action("scan", roles=(POSTMASTER, AUDITOR), takes=_FILE)
def scan(call: Call, **words: str) -> ScanAnswer:
    """Show what every engine, and every scorer of spam, says of a message or any other file; nothing is kept."""
    try:
        data = base64.b64decode(words["file"], validate=True)
    except (binascii.Error, ValueError):
        raise BadInput("scan: file is the file in base64.") from None

    async def ask() -> tuple[Examination, tuple[ScorerRow, ...]]:
        body = Body(size=len(data), data=data)
        # What is learnt is read in this loop, which needs a store of its own.
        looking = Looking.open(call.settings.site.data, call.settings.limits)
        with contextlib.closing(looking), _engines(call, looking) as antivirus:
            found = await antivirus.examine(body, antivirus.inspection.look(body, spam=Context()))
        own = found.report.get("spam") or {"failed": found.report.get("failed", "not looked at")}
        return found, (_own(own), *rows(await opinions(call, body, own.get("hosts", ()))))

    found, scorers = asyncio.run(ask())
    verdict = decide(found, call.settings.antivirus, inside=False)
    troubles = [
        *(
            ScanTrouble(kind, f"{' / '.join(way)}: {said}" if way else said)
            for kind, way, said in found.report.get("troubles", ())
        ),
        *(ScanTrouble("refused type", said) for said in found.refused),
    ]
    if found.macros:
        troubles.append(ScanTrouble("macros", "an Office file has macros in it"))
    if "failed" in found.report:
        troubles.append(ScanTrouble("failed", str(found.report["failed"])))
    engines = (
        ScanRow(one.engine, one.outcome, one.signature, one.words, round(one.milliseconds, 2)) for one in found.results
    )
    said = "pass" if verdict is None else f"{verdict.action}: {verdict.reason}"
    pieces = int(found.report.get("pieces", 0))
    return ScanAnswer(said, tuple(engines), tuple(troubles), pieces, found.disagree, scorers)


def _own(said: dict[str, Any]) -> ScorerRow:
    """What our own scorer says."""
    if "failed" in said:
        return ScorerRow("mailconsole", "failed", 0.0, None, None, (), str(said["failed"]), 0.0)
    symbols = tuple(f"{name}={points:g}" for name, points, _ in said["reasons"])
    return ScorerRow("mailconsole", "scored", said["points"], None, None, symbols, "", 0.0)


def _page(limit: int, offset: int) -> None:
    if not 1 <= limit <= 1_000 or offset < 0:
        raise BadInput("limit is 1 to 1000, and offset not below 0.")
