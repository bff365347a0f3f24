"""The scanner against viruses: every message passes every engine, in and out. What is done then the site says."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from backend import ids
from backend.config import Antivirus
from backend.content.alarm import alarm
from backend.content.antivirus import Examination
from backend.errors import MailError
from backend.policy import ours
from backend.policy.check import Services, Verdict, defer, reject
from backend.store import accounts
from backend.store.database import Transaction

if TYPE_CHECKING:
    from backend.content.scan import Incoming


class Viruses:
    """Refuses what is infected, what may not come and what cannot be looked at."""

    name = "viruses"

    async def __call__(self, message: Incoming, services: Services) -> Verdict | None:
        """550 5.7.1, 451 4.7.1 while an engine is missing, or marks."""
        antivirus = services.antivirus
        settings = services.settings.antivirus
        if antivirus is None or not settings.enabled:
            return None
        found = await antivirus.examine(message.body, antivirus.inspection.at(message))
        mail, session = message.session.mail, message.session
        assert mail is not None
        mail.engines = found.words()
        inside = ours.inside(session, services.settings)
        verdict = decide(found, settings, inside=inside)
        if mail.probe is None:
            mail.counts += counts(found, verdict, inside=inside)
        await _raise(found, verdict, message, services, inside=inside)
        for result in found.failed:
            session.marks.append(f"{self.name}: not looked at by {result.engine}")
        return verdict


def decide(found: Examination, settings: Antivirus, *, inside: bool) -> Verdict | None:
    """What is done with a message of which this was found. `inside`: one of ours sends it."""
    if found.infected is not None:
        if settings.infected == "quarantine" and not inside:
            return Verdict("quarantine", "infected")
        return reject("infected", "5.7.1", f"The message is infected ({_ascii(found.infected.signature)})")
    if found.deferring:
        engines = ", ".join(found.deferring)
        return defer("engine", "4.7.1", f"The message cannot be looked at now ({engines}); try again later", 451)
    marks = []
    for reason, what, todo in (
        ("unscannable", found.unscannable, settings.unscannable),
        ("refused type", found.refused, settings.refused),
        ("encrypted", found.encrypted, settings.encrypted),
        ("macros", ("there are macros in it",) if found.macros else (), settings.macros),
    ):
        if not what or todo == "pass":
            continue
        if todo == "mark":
            marks.append(reason)
        elif todo == "quarantine" and not inside:
            return Verdict("quarantine", reason)
        else:
            return reject(reason, "5.7.1", f"{_SENTENCES[reason]} ({_ascii(what[0])})")
    return Verdict("mark", ", ".join(marks)) if marks else None


def counts(found: Examination, verdict: Verdict | None, *, inside: bool) -> list[str]:
    """The figures that the message counts in."""
    what = ["looked at"]
    if found.infected is not None:
        what.append("infected")
    if found.disagree:
        what.append("disagreed")
    done = _DONE.get(verdict.action) if verdict is not None else None
    if done is not None:
        what.append(done)
    return [f"virus.{'out' if inside else 'in'} {one}" for one in what]


def _ascii(words: str) -> str:
    """For a reply: names in it are the sender's."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in words[:200])


async def _raise(
    found: Examination, verdict: Verdict | None, message: Incoming, services: Services, *, inside: bool
) -> None:
    """Tell of what is infected, and of engines that do not work. The answer to the client does not wait for the disk
    where nothing is wrong, nor where it was told of a moment ago.
    """
    if services.dry or services.antivirus is None:
        return
    faults = [(one, number) for one in found.faults if (number := services.antivirus.faults.count(one.engine))]
    if found.infected is None and not faults:
        return
    session, settings = message.session, services.settings
    account = session.account.address if session.account else None
    peer = str(session.peer)
    probe = session.mail is not None and session.mail.probe is not None
    taken = verdict is not None and verdict.action == "quarantine"
    story = ids.text(message.id) if taken else session.id

    def write(transaction: Transaction) -> None:
        for result, number in faults:
            alarm(transaction, settings, "engine", result.engine, result.words, number=number)
        if found.infected is None or probe:
            return  # what the probe brings is meant to be infected
        said = ", ".join(f"{name}: {words}" for name, words in found.words().items())
        kind, subject = ("outgoing", account or peer) if inside else ("incoming", found.infected.signature)
        parts = [("address", peer), ("verdict", said), ("story", story)]
        if account is not None:
            parts.append(("account", account))
        alarm(
            transaction, settings, kind, subject, said,
            peer=peer, account=account, disagree=found.disagree, parts=parts,
        )  # fmt: skip
        if inside and account is not None and settings.antivirus.suspend:
            accounts.set_state(transaction, account, "suspended")
            transaction.directory_changed = True

    with contextlib.suppress(MailError):  # the answer is the same when the store cannot take it
        await services.antivirus.store.commit(write)


_DONE = {"reject": "refused", "quarantine": "quarantined", "defer": "deferred"}
_SENTENCES = {
    "unscannable": "The message holds something that cannot be looked at",
    "refused type": "Files of this type are not taken",
    "encrypted": "Encrypted files are not taken",
    "macros": "Documents with macros are not taken",
}
