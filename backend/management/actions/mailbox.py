"""Mailboxes: what there is, and a copy of all of it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Annotated, Any

from backend import address, clock
from backend.errors import BadInput
from backend.management.registry import Call, Change, action
from backend.management.roles import EVERYBODY
from backend.store import accounts, bodies, mailboxes
from backend.store.database import Reader
from backend.store.mailboxes import Mailbox

_PIECE = 512 * 1024  # bytes of mail in one answer

Address = Annotated[str, "of the account"]


@action("mailbox.list", roles=EVERYBODY)
def mailbox_list(call: Call, address: Address) -> dict[str, Any]:
    """List the mailboxes of an account."""
    found = call.store.read(lambda reader: _boxes(reader, address))
    return {
        "mailboxes": [
            {
                "name": box.name,
                "messages": box.messages,
                "bytes": box.bytes,
                "uidvalidity": box.uidvalidity,
                "uidnext": box.uidnext,
            }
            for box in found
        ]
    }


@action("mailbox.export", roles=(), changes=True)
def mailbox_export(
    call: Call,
    address: Address,
    mailbox: Annotated[str, "its name"] = "INBOX",
    uid: Annotated[int, "begin with this message"] = 1,
    offset: Annotated[int, "and with this byte of it"] = 0,
) -> dict[str, Any]:
    """Copy the mail of an account, a piece at a time: for itself, a court, or a move."""

    def read(reader: Reader) -> list[dict[str, Any]]:
        box = next((one for one in _boxes(reader, address) if one.name == mailbox), None)
        if box is None:
            raise BadInput(f"{address} has no mailbox {mailbox!r}.")
        return _pieces(reader, call.store.folder, box, uid, offset)

    pieces = call.store.read(read)
    uids = [piece["uid"] for piece in pieces]
    looked = Change({"pieces": pieces}, after={"uids": [uids[0], uids[-1]] if uids else []})
    answer: dict[str, Any] = call.change(lambda _: looked)  # nobody sees a message before the record of it is on disk
    return answer


def _boxes(reader: Reader, written: str) -> list[Mailbox]:
    key = address.parse(written).key
    found = accounts.account(reader, key)
    if found is None:
        raise BadInput(f"There is no account {key}.")
    return mailboxes.mailboxes_of(reader, found.id)


def _pieces(reader: Reader, folder: Path, box: Mailbox, uid: int, offset: int) -> list[dict[str, Any]]:
    """The next messages, the last one perhaps in part."""
    left, pieces = _PIECE, []
    for mail in mailboxes.mail_of(reader, box.id, uid - 1, 500):
        if left <= 0:
            break
        body = bodies.load(reader, folder, mail.message)
        if body is None:
            continue
        begin = offset if mail.uid == uid else 0
        data = body.under(mail.prefix).part(begin, left)
        left -= len(data)
        pieces.append(
            {
                "uid": mail.uid,
                "date": clock.rfc3339(mail.internal_date),
                "flags": mail.flags,
                "size": mail.size,
                "offset": begin,
                "data": base64.b64encode(data).decode(),
            }
        )
    return pieces
