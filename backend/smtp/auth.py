"""AUTH PLAIN and LOGIN (RFC 4954, RFC 4616): the exchange of lines, as pure as it can be."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable

from backend.errors import BadInput, Denied

MECHANISMS = ("PLAIN", "LOGIN")
_BAD_BASE64 = "That is not base64 (RFC 4954 §4)"

Ask = Callable[[str], Awaitable[bytes]]  # sends a challenge, answers the client's line


async def exchange(argument: str, ask: Ask) -> tuple[str, str]:
    """Name and password that the client gives. `argument` is what followed AUTH: mechanism, perhaps a first response.

    BadInput when the client cancels, sends no base64, or asks for a mechanism that is not here.
    """
    mechanism, _, initial = argument.partition(" ")
    initial = initial.strip()
    match mechanism.upper():
        case "PLAIN":
            return _plain(_decode(initial.encode() if initial else await ask("")))
        case "LOGIN":
            name = _decode(initial.encode() if initial else await ask("Username:"))
            return _text(name), _text(_decode(await ask("Password:")))
        case _:
            raise BadInput(f"Mechanism not provided; use {' or '.join(MECHANISMS)}", code=504, status="5.5.4")


def challenge(words: str) -> str:
    """A challenge in base64."""
    return base64.b64encode(words.encode()).decode()


def _plain(message: bytes) -> tuple[str, str]:
    parts = message.split(b"\0")
    if len(parts) != 3:
        raise BadInput("PLAIN has three parts, separated by NUL (RFC 4616 §2)", code=501, status="5.5.2")
    authorization, name, password = map(_text, parts)
    if authorization and authorization != name:
        raise Denied("Nobody may log in here as somebody else", code=535, status="5.7.8")
    return name, password


def _decode(line: bytes) -> bytes:
    if line == b"*":
        raise BadInput("Authentication given up", code=501, status="5.7.0")
    if line == b"=":
        return b""
    try:
        return base64.b64decode(line, validate=True)
    except binascii.Error:
        raise BadInput(_BAD_BASE64, code=501, status="5.5.2") from None


def _text(word: bytes) -> str:
    try:
        return word.decode("utf-8")
    except UnicodeDecodeError:
        raise BadInput("Name and password are UTF-8 (RFC 4616 §2)", code=501, status="5.5.2") from None
