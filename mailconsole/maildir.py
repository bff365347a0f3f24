"""An account's mail as a Maildir: lines end with LF there, and a file is in `new` or `cur` only when it is whole."""

from __future__ import annotations

import base64
import datetime
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from backend.errors import BadInput
from mailconsole import problems

_FLAGS = {"\\Draft": "D", "\\Flagged": "F", "\\Answered": "R", "\\Seen": "S", "\\Deleted": "T"}
_TELL = 1_000  # messages between two words on the progress


def export(call: Callable[[str, dict[str, Any]], Any], address: str, folder: Path) -> dict[str, Any]:
    """Write every mailbox of the account below `folder`; answers how much. BadInput: something else lies there."""
    boxes = call("mailbox.list", {"address": address})["mailboxes"]
    if folder.exists() and any(folder.iterdir()):
        raise BadInput(f"{folder} is not empty; choose a new folder for the Maildir.")
    messages = size = 0
    for box in boxes:
        # Maildir++: other mailboxes are folders beside INBOX, with a dot in front and between their parts.
        below = folder if box["name"] == "INBOX" else folder / f".{box['name'].replace('/', '.')}"
        one = _Maildir(below, int(box["uidvalidity"]))
        position: tuple[int, int] | None = (1, 0)
        while position is not None:
            uid, offset = position
            arguments = {"address": address, "mailbox": box["name"], "uid": uid, "offset": offset}
            position = one.add(call("mailbox.export", arguments)["pieces"])
            if one.messages // _TELL != (one.messages - one.added) // _TELL:
                problems.say(f"{box['name']}: {one.messages} of {box['messages']} messages")
        messages, size = messages + one.messages, size + one.bytes
    return {"folder": str(folder), "messages": messages, "bytes": size}


class _Maildir:
    def __init__(self, folder: Path, uidvalidity: int) -> None:
        for name in ("tmp", "new", "cur"):
            (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._uidvalidity = uidvalidity
        self._file: BinaryIO | None = None
        self._carriage_return = False  # the last piece ended with one
        self.messages = self.bytes = self.added = 0

    def add(self, pieces: list[dict[str, Any]]) -> tuple[int, int] | None:
        """Write pieces; where the next ones begin, None at the end."""
        self.added = 0
        position = None
        for piece in pieces:
            data = base64.b64decode(piece["data"])
            name = f"{self._uidvalidity}.{piece['uid']:010d}.mailconsole"
            if piece["offset"] == 0:
                self._file = (self._folder / "tmp" / name).open("wb")
                self._carriage_return = False
            assert self._file is not None
            self._write(data)
            end = piece["offset"] + len(data)
            position = (piece["uid"], end)
            if end >= piece["size"]:
                self._finish(name, piece)
                position = (piece["uid"] + 1, 0)
        return position

    def _write(self, data: bytes) -> None:
        assert self._file is not None
        if self._carriage_return:
            data = b"\r" + data
        self._carriage_return = data.endswith(b"\r")
        self._file.write((data[:-1] if self._carriage_return else data).replace(b"\r\n", b"\n"))

    def _finish(self, name: str, piece: dict[str, Any]) -> None:
        assert self._file is not None
        if self._carriage_return:
            self._file.write(b"\r")
        self._file.close()
        self._file = None
        source = self._folder / "tmp" / name
        arrived = datetime.datetime.fromisoformat(piece["date"]).timestamp()
        os.utime(source, (arrived, arrived))
        letters = "".join(sorted(_FLAGS[flag] for flag in piece["flags"].split() if flag in _FLAGS))
        target = self._folder / "cur" / f"{name}:2,{letters}" if letters else self._folder / "new" / name
        self.bytes += source.stat().st_size
        source.rename(target)
        self.messages += 1
        self.added += 1
