"""Viruses: what was found, how the engines are, the quarantine, and a look at any file."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Annotated, Any

from backend import clock, ids
from backend.accounts.directory import Directory
from backend.address import parse
from backend.content import reading
from backend.content.antivirus import Antivirus, Examination
from backend.content.scorer import Context
from backend.content.viruses import decide
from backend.delivery.wake import Wake
from backend.errors import BadInput, MailError
from backend.management.registry import Call, Change, Parameter, action
from backend.management.roles import AUDITOR, POSTMASTER
from backend.management.scoring import opinions, rows
from backend.management.snapshots.content import (
    AlertPage,
    AlertRow,
    EngineList,
    EngineRow,
    QuarantineDeleted,
    QuarantineMessage,
    QuarantinePage,
    QuarantineReleased,
    QuarantineRow,
    ScanAnswer,
    ScanRow,
    ScanTrouble,
)
from backend.management.snapshots.reading import HeaderRow, PartRow
from backend.management.snapshots.spam import ScorerRow
from backend.store import alerts, bodies, messages, quarantine, trace
from backend.store.bodies import Body
from backend.store.database import Reader, Store, Transaction
from backend.store.looking import Looking
from backend.store.messages import Local, Message, Remote
from backend.store.quarantine import Quarantined

_LOOKED_AT = 256 * 1024  # bytes of a message that are shown: enough to decide on it
_AT_ONCE = 100  # messages that are scanned again in one request
Ids = Annotated[list[str], "numbers, as the list has them"]
_FILE = (Parameter("file", str, "a message, or any other file", required=True, place=True, file=True),)


@contextlib.contextmanager
def _engines(call: Call, store: Store | None = None) -> Iterator[Antivirus]:
    """Engines of this request's own: the management role has none that last."""
    antivirus = Antivirus(call.settings, store or call.store)
    try:
        yield antivirus
    finally:
        antivirus.close()


@action("virus.list", roles=(POSTMASTER, AUDITOR))
def virus_list(
    call: Call,
    part: Annotated[str, "only alerts with this in what was found, the account or the address", "place"] = "",
    limit: Annotated[int, "how many at the most"] = 100,
    offset: Annotated[int, "how many to pass over"] = 0,
) -> AlertPage:
    """List alerts about viruses and engines, what happened last first; an outbreak is one."""
    _page(limit, offset)
    found = call.store.read(lambda reader: alerts.latest(reader, part=part, most=limit, offset=offset))
    rows = (
        AlertRow(
            one.id,
            one.kind,
            one.subject,
            one.words,
            one.peer,
            one.account,
            clock.rfc3339(one.first),
            clock.rfc3339(one.last),
            one.count,
            clock.rfc3339(one.told),
        )
        for one in found
    )
    return AlertPage(tuple(rows))


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


@action("quarantine.list", roles=(POSTMASTER, AUDITOR))
def quarantine_list(
    call: Call,
    part: Annotated[str, "only with this in the reason, the sender, the subject or the recipients", "place"] = "",
    limit: Annotated[int, "how many at the most"] = 100,
    offset: Annotated[int, "how many to pass over"] = 0,
) -> QuarantinePage:
    """List the messages that are kept from their recipients, the newest first."""
    _page(limit, offset)

    def page(reader: Reader) -> QuarantinePage:
        rows = quarantine.find(reader, part=part, most=limit, offset=offset)
        found = tuple(map(_row, rows))
        if call.caller.role == AUDITOR:  # a subject is mail
            found = tuple(dataclasses.replace(row, subject="") for row in found)
        return QuarantinePage(found, quarantine.number(reader, part), offset)

    return call.store.read(page)


@action("quarantine.show", roles=(POSTMASTER,), changes=True)
def quarantine_show(call: Call, id: Annotated[str, "its number"]) -> QuarantineMessage:  # noqa: A002  its name in the contract
    """Show a message of the quarantine as safe text; the audit log has who looked."""
    (one,) = _found(call, [id])
    body = _body(call, one)
    data = body.start(_LOOKED_AT)
    headers, cut = reading.fields(data)
    text = reading.text(data)
    call.change(lambda _: Change(None, after={"looked": "text"}))
    return QuarantineMessage(
        _row(one),
        tuple(HeaderRow(name, value) for name, value in headers),
        text.words,
        text.source,
        tuple(PartRow(part.kind, part.name, part.size, part.depth) for part in text.parts),
        cut or text.cut or body.size > _LOOKED_AT,
    )


@action("quarantine.release", roles=(POSTMASTER,), changes=True, dangerous=True)
def quarantine_release(
    call: Call,
    ids: Ids,
    anyway: Annotated[bool, "also what an engine still says is infected"] = False,
) -> QuarantineReleased:
    """Scan messages again, and let those that are not infected go to their recipients."""
    found = _found(call, ids)
    if len(found) > _AT_ONCE:
        raise BadInput(f"At most {_AT_ONCE} are released at once: each is scanned again.")
    return asyncio.run(_release(call, found, anyway))


@action("quarantine.delete", roles=(POSTMASTER,), changes=True, dangerous=True)
def quarantine_delete(call: Call, ids: Ids) -> QuarantineDeleted:
    """Delete messages of the quarantine; nobody is written to."""
    numbers = [one.id for one in _found(call, ids)]

    def delete(transaction: Transaction) -> Change:
        content = quarantine.delete(transaction, numbers)
        rows = content["quarantine"]
        if not rows:
            raise BadInput("They are gone already.")
        summary = f"{len(rows)} message{'' if len(rows) == 1 else 's'} in quarantine"
        undo = call.keep(transaction, summary, content)
        before = [{name: row[name] for name in ("id", "reason", "sender", "subject")} for row in rows]
        return Change(QuarantineDeleted(len(rows), undo), before=before)

    gone: QuarantineDeleted = call.change(delete)
    return gone


async def _release(call: Call, found: list[Quarantined], anyway: bool) -> QuarantineReleased:
    released = recipients = 0
    # The look-ups of this loop need a store of its own; what is changed goes through the role's.
    looking = Looking.open(call.settings.site.data, call.settings.limits)
    with contextlib.closing(looking), _engines(call) as antivirus:
        directory = Directory(looking, call.settings)
        for one in found:
            said = await antivirus.examine(_body(call, one))
            if said.infected is not None and not anyway:
                raise BadInput(
                    f"{one.id} is infected: {said.infected.engine} found {said.infected.signature}."
                    f" {released} released before it; say anyway to let it go all the same."
                )
            if said.deferring and not anyway:
                raise BadInput(f"{one.id} cannot be scanned now: {', '.join(said.deferring)}. {released} released.")
            local, remote = await _copies(directory, one)
            if not local and not remote:
                raise BadInput(f"None of the recipients of {one.id} is known here any more. {released} released.")
            letter = Message(one.message, one.sender, Body(size=one.size), one.time, peer=one.peer)

            def go(
                transaction: Transaction,
                one: Quarantined = one,
                letter: Message = letter,
                local: list[Local] = local,
                remote: list[Remote] = remote,
            ) -> Change:
                if quarantine.get(transaction, one.id) is None:
                    raise BadInput(f"{one.id} is gone already.")
                number = messages.spread(transaction, letter, local, remote)
                copies = [(copy.address, None) for copy in local]
                trace.add_many(transaction, "local", "delivered", one.message, copies)
                quarantine.release(transaction, one, call.caller.user)
                return Change(number, before={"id": one.id, "reason": one.reason, "sender": one.sender})

            recipients += call.change(go)
            released += 1
    Wake(call.settings.site.run).ring()
    return QuarantineReleased(released, recipients)


async def _copies(directory: Directory, one: Quarantined) -> tuple[list[Local], list[Remote]]:
    local: dict[int, Local] = {}
    remote: dict[str, Remote] = {}
    sender = parse(one.sender) if "@" in one.sender else None
    leaves_as = await directory.leaves_as(sender)
    for wanted in one.recipients:
        try:
            own = await directory.is_own(wanted.address.rpartition("@")[2].lower())
            resolution = await directory.resolve(wanted.address)
        except MailError:
            continue
        if resolution is None:
            continue
        for mailbox, account in resolution.local:
            local.setdefault(mailbox, Local(mailbox, account, wanted.address))
        for to in resolution.remote:
            domain = to.rpartition("@")[2]
            remote.setdefault(to, Remote(to, domain, wanted.notify, wanted.orcpt, leaves_as if own else None))
    return list(local.values()), list(remote.values())


def _found(call: Call, identities: list[str]) -> list[Quarantined]:
    """Those of these numbers; BadInput when one is none."""
    if not identities:
        raise BadInput("Say which: the numbers that `mailconsole quarantine list` shows.")

    def load(reader: Reader) -> list[Quarantined]:
        rows = []
        for identity in dict.fromkeys(identities):
            one = quarantine.get(reader, int(identity)) if identity.isdecimal() and len(identity) < 16 else None
            if one is None:
                raise BadInput(f"No message in quarantine has the number {identity[:40]!r}.")
            rows.append(one)
        return rows

    return call.store.read(load)


def _body(call: Call, one: Quarantined) -> Body:
    body = call.store.read(lambda reader: bodies.load(reader, call.settings.site.data, one.message))
    assert body is not None, "the quarantine counts as a reference of its message"
    return body


def _row(one: Quarantined) -> QuarantineRow:
    return QuarantineRow(
        str(one.id),
        ids.text(one.message),
        clock.rfc3339(one.time),
        clock.rfc3339(one.until),
        one.reason,
        one.words,
        one.sender,
        tuple(wanted.address for wanted in one.recipients),
        one.account,
        one.peer,
        one.subject,
        one.size,
    )


def _page(limit: int, offset: int) -> None:
    if not 1 <= limit <= 1_000 or offset < 0:
        raise BadInput("limit is 1 to 1000, and offset not below 0.")
