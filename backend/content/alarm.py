"""Alerts as they are raised: kept in the store, and told to the postmaster by mail and to the site's webhook, once for
an outbreak.

Who is written to is the postmaster alone: the sender of a virus is forged more often than not.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from backend import clock, ids
from backend.address import Address
from backend.config import Settings
from backend.content import event
from backend.delivery.wake import Wake
from backend.store import accounts, alerts, messages
from backend.store.alerts import Alert
from backend.store.bodies import Body
from backend.store.database import Transaction
from backend.store.messages import Local, Message, Remote

_ADVICE = {
    "incoming": "It was not delivered. Nothing need be done.",
    "outgoing": "It was refused. The machine or the account that sent it is infected, or somebody else uses it:\r\n"
    "take it off the network, change the password, and look at what it sent before.",
    "probe": "Until it is found again, viruses or spam may pass unseen. `mailconsole probe run` tries it now, and\r\n"
    "`mailconsole trace show` has what became of each letter.",
    "engine": "Until it works again mail waits at its senders, or passes without its word, as the settings say.\r\n"
    "`mailconsole scan` with any file shows what each engine says.",
    "scorer": "Mail passes without its word; spam may be missed. Nothing waits for it.\r\n"
    "`mailconsole spam score` with any message shows what each scorer says.",
}
_WIDTH = 400  # characters of what came from outside


def alarm(
    transaction: Transaction,
    settings: Settings,
    kind: str,
    subject: str,
    words: str,
    *,
    peer: str | None = None,
    account: str | None = None,
    number: int = 1,
    disagree: bool = False,
    parts: Iterable[tuple[str, str]] = (),
) -> None:
    """Raise one, and tell the postmaster and the webhook unless that was done about the same thing not long ago. The
    further words are those of `alerts.note`.
    """
    hours = settings.antivirus.alert_hours
    alert, tell = alerts.note(
        transaction, kind, subject, words,
        hours=hours, peer=peer, account=account, number=number, disagree=disagree, parts=parts,
    )  # fmt: skip
    if not tell:
        return
    if settings.alerts.webhook:
        event.post(transaction, settings, alert)
    transaction.after_commit(lambda: _ring(settings))
    site = settings.site
    address = Address("postmaster", site.domain)
    resolution = accounts.resolve(transaction, address, settings.accounts.tag_separator, site.domain)
    if resolution is None:
        return
    identity = ids.new()
    text = _text(identity, settings, alert)
    letter = Message(
        id=identity,
        sender="",
        body=Body(size=len(text), data=text),
        received=time.time(),
        message_id=f"<{ids.text(identity)}@{site.hostname}>",
        detail={"alert": alert.id},
    )
    local = [Local(mailbox, name, str(address)) for mailbox, name in resolution.local]
    messages.accept(transaction, letter, local, [Remote(to, to.rpartition("@")[2]) for to in resolution.remote])


def _ring(settings: Settings) -> None:
    bell = Wake(settings.site.run)
    bell.ring()
    bell.close()


def _text(identity: int, settings: Settings, alert: Alert) -> bytes:
    site = settings.site
    lines = [
        f"From: Mailconsole <postmaster@{site.domain}>",
        f"To: postmaster@{site.domain}",
        f"Subject: [alert] {event.TITLES[alert.kind]}",
        f"Date: {clock.date(time.time())}",
        f"Message-ID: <{ids.text(identity)}@{site.hostname}>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "Auto-Submitted: auto-generated",
        "",
        f"{event.TITLES[alert.kind]}: {_plain(alert.subject)}",
        "",
        f"What: {_plain(alert.words)}",
    ]
    if alert.account:
        lines.append(f"Account: {_plain(alert.account)}")
    if alert.peer:
        lines.append(f"From the address: {_plain(alert.peer)}")
    lines += [
        f"How often so far: {alert.count}, first on {clock.date(alert.first)}",
        "",
        _ADVICE[alert.kind],
        "",
        f"There is no further mail about this for {settings.antivirus.alert_hours} hours;"
        " `mailconsole virus list` has all of it.",
        "",
    ]
    return "\r\n".join(lines).encode("utf-8", "replace")


def _plain(words: str) -> str:
    """Outside text on one line of a mail."""
    return "".join(letter if letter.isprintable() else "?" for letter in words[:_WIDTH])
