"""The quarantine: what is kept from its recipients, a look into it, and what becomes of it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from typing import Annotated

from backend import clock, ids
from backend.accounts.directory import Directory
from backend.address import parse
from backend.content import reading
from backend.content.antivirus import EMBEDDED, Antivirus
from backend.delivery.wake import Wake
from backend.errors import BadInput, MailError
from backend.management.registry import Call, Change, action
from backend.management.roles import AUDITOR, POSTMASTER
from backend.management.sentences import steps
from backend.management.snapshots.quarantine import (
    REASONS,
    EngineWord,
    QuarantineDeleted,
    QuarantineLeft,
    QuarantineMessage,
    QuarantinePage,
    QuarantineReleased,
    QuarantineRow,
)
from backend.management.snapshots.reading import HeaderRow, PartRow
from backend.store import bodies, messages, quarantine
from backend.store.bodies import Body
from backend.store.database import Reader, Transaction
from backend.store.looking import Looking
from backend.store.messages import Local, Message, Remote
from backend.store.quarantine import Filter, Quarantined

_LOOKED_AT = 256 * 1024  # bytes of a message that are shown: enough to decide on it
_AT_ONCE = 100  # messages that are scanned again in one request
_SECONDS = 20.0  # for scanning them, of the 30 that a request may take; what is not scanned by then is left
_BESIDE = 4  # of them at the same time
_NAMED = 20  # recipients in a row of the list
Ids = Annotated[list[str], "numbers, as the list has them"]


@action("quarantine.list", roles=(POSTMASTER, AUDITOR))
def quarantine_list(
    call: Call,
    part: Annotated[str, "only with this in the reason, the sender, the subject, the host ...", "place"] = "",
    reason: Annotated[str | None, f"only for this reason: {', '.join(REASONS)}"] = None,
    sender: Annotated[str | None, "only with this in the sender"] = None,
    recipient: Annotated[str | None, "only with this in the recipients"] = None,
    sort: Annotated[str, "time, sender, reason or size; with - in front the other way round"] = "-time",
    limit: Annotated[int, "how many at the most"] = 100,
    offset: Annotated[int, "how many to pass over"] = 0,
) -> QuarantinePage:
    """List the messages that are kept from their recipients, the newest first."""
    if sort not in quarantine.SORTS:
        raise BadInput(f"There is no order {sort!r}; choose from {', '.join(quarantine.SORTS)}.")
    if reason not in (None, *REASONS):
        raise BadInput(f"There is no reason {reason!r}; there are {', '.join(REASONS)}.")
    if not 1 <= limit <= 1_000 or offset < 0:
        raise BadInput("limit is 1 to 1000, and offset not below 0.")

    auditor = call.caller.role == AUDITOR  # a subject is mail, and so is what is found in one
    wanted = Filter(part, reason, sender, recipient, subjects=not auditor)

    def page(reader: Reader) -> QuarantinePage:
        found = tuple(map(_row, quarantine.find(reader, wanted, sort, limit, offset)))
        if auditor:
            found = tuple(dataclasses.replace(row, subject="") for row in found)
        return QuarantinePage(found, quarantine.number(reader, wanted), offset)

    return call.store.read(page)


@action("quarantine.show", roles=(POSTMASTER,), changes=True)
def quarantine_show(call: Call, id: Annotated[str, "its number"]) -> QuarantineMessage:  # noqa: A002  its name in the contract
    """Show a message of the quarantine as safe text; the audit log has who looked."""
    (one,), _ = _found(call, [id])
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


@action("quarantine.release", roles=(POSTMASTER,), changes=True, dangerous=True, key="l")
def quarantine_release(
    call: Call,
    ids: Ids,
    anyway: Annotated[bool, "also what an engine still says is infected"] = False,
) -> QuarantineReleased:
    """Scan messages again, and let those that are not infected go to their recipients, all at once."""
    found, gone = _found(call, ids)
    if len(found) > _AT_ONCE:
        raise BadInput(f"At most {_AT_ONCE} are released at once: each is scanned again.")
    ready, left = asyncio.run(_examine(call, found, anyway))
    left += [QuarantineLeft(name, f"{name} is not in quarantine.") for name in gone]
    if not ready and len(left) == 1:
        raise BadInput(left[0].why)
    done: QuarantineReleased = call.change(lambda transaction: _let_go(call, transaction, ready, left))
    Wake(call.settings.site.run).ring()
    return done


@action("quarantine.delete", roles=(POSTMASTER,), changes=True, dangerous=True, key="d")
def quarantine_delete(call: Call, ids: Ids) -> QuarantineDeleted:
    """Delete messages of the quarantine; nobody is written to."""
    numbers = [one.id for one in _found(call, ids)[0]]

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


@dataclasses.dataclass(frozen=True, slots=True)
class _Ready:
    """A message that may go, and where to."""

    one: Quarantined
    local: list[Local]
    remote: list[Remote]


async def _examine(call: Call, found: list[Quarantined], anyway: bool) -> tuple[list[_Ready], list[QuarantineLeft]]:
    """Scan them again, some at a time: those that may go, and why others may not."""
    # The look-ups of this loop need a store of its own; what is changed goes through the role's.
    looking = Looking.open(call.settings.site.data, call.settings.limits)
    antivirus = Antivirus(call.settings, call.store)
    with contextlib.closing(looking), contextlib.closing(antivirus):
        directory, room = Directory(looking, call.settings), asyncio.Semaphore(_BESIDE)
        end = asyncio.get_running_loop().time() + _SECONDS

        async def judge(one: Quarantined) -> _Ready | QuarantineLeft:
            async with room:
                try:
                    async with asyncio.timeout_at(end):
                        why = await _harm(antivirus, _body(call, one), anyway)
                except TimeoutError:
                    why = "was not scanned, for there was no time left; release it once more"
                local, remote = ([], []) if why else await _copies(directory, one)
            if not why and not local and not remote:
                why = "has no recipient who is known here any more"
            return QuarantineLeft(str(one.id), f"{one.id} {why}.") if why else _Ready(one, local, remote)

        answers = await asyncio.gather(*map(judge, found))
    ready = [answer for answer in answers if isinstance(answer, _Ready)]
    return ready, [answer for answer in answers if isinstance(answer, QuarantineLeft)]


async def _harm(antivirus: Antivirus, body: Body, anyway: bool) -> str:
    """Why a message may not go, as the engines see it now; empty when it may."""
    if anyway:
        return ""
    said = await antivirus.examine(body)
    defers = antivirus.settings.antivirus.when_down == "defer"
    if said.infected is not None:
        return (
            f"is infected: {said.infected.engine} found {said.infected.signature}; say anyway to let it go all the same"
        )
    # What ends the embedded engine is unscannable to who delivers; here it was not looked at, and a person is asked.
    blind = [one.engine for one in said.failed if one.engine == EMBEDDED] if defers else []
    missing = dict.fromkeys((*said.deferring, *blind))
    return f"cannot be scanned now: {', '.join(missing)}" if missing else ""


def _let_go(call: Call, transaction: Transaction, ready: list[_Ready], left: list[QuarantineLeft]) -> Change:
    """Release all that may go, for one row of the audit log."""
    left, gone, recipients = list(left), list[Quarantined](), 0
    for one, local, remote in ((each.one, each.local, each.remote) for each in ready):
        if quarantine.get(transaction, one.id) is None:
            left.append(QuarantineLeft(str(one.id), f"{one.id} is gone already."))
            continue
        junk = call.settings.spam.junk if one.marked else None
        letter = Message(one.message, one.sender, Body(size=one.size), one.time, peer=one.peer, junk=junk)
        number = messages.spread(transaction, letter, local, remote, told=True)
        if not number:
            left.append(QuarantineLeft(str(one.id), f"{one.id} has no recipient who is known here any more."))
            continue
        quarantine.release(transaction, one, call.caller.user)
        gone.append(one)
        recipients += number
    names = tuple(str(one.id) for one in gone)
    before = [{"id": one.id, "reason": one.reason, "sender": one.sender} for one in gone]
    after = {"released": list(names), "left": [one.why for one in left]}
    return Change(QuarantineReleased(len(gone), recipients, names, tuple(left)), before, after)


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


def _found(call: Call, identities: list[str]) -> tuple[list[Quarantined], list[str]]:
    """Those of these numbers, and the numbers of none; BadInput when all are."""
    if not identities:
        raise BadInput("Say which: the numbers that `mailconsole quarantine list` shows.")

    def load(reader: Reader) -> tuple[list[Quarantined], list[str]]:
        rows, gone = list[Quarantined](), list[str]()
        for identity in dict.fromkeys(identities):
            one = quarantine.get(reader, int(identity)) if identity.isdecimal() and len(identity) < 16 else None
            if one is None:
                gone.append(identity[:40])
            else:
                rows.append(one)
        if not rows:
            raise BadInput(f"No message in quarantine has the number {gone[0]!r}.")
        return rows, gone

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
        f"Kept: {steps.quarantined(one.reason, one.engines)}.",
        one.words,
        tuple(EngineWord(name, said) for name, said in one.engines.items()),
        one.sender,
        tuple(wanted.address for wanted in one.recipients[:_NAMED]),
        len(one.recipients),
        one.account,
        one.peer,
        one.subject,
        one.size,
    )
