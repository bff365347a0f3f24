"""Tag lists, of which signatures and key records are made: `v=1; a=rsa-sha256; ...` (RFC 6376 §3.2)."""

from __future__ import annotations

import base64
import binascii
import re

from backend.errors import BadInput

LONGEST = 16_384  # bytes of a list: a signature with a key of 4096 bits has 2,000
_MOST = 50  # tags of one list; RFC 6376 knows 14
_NAME = re.compile(rb"[A-Za-z][A-Za-z0-9_]*")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SPACE = re.compile(r"[ \t\r\n]+")
_DIGITS = re.compile(r"[0-9]{1,12}")


def parse(text: bytes) -> dict[str, str]:
    """The values by name, without the space around them; BadInput when it is no tag list.

    UTF-8 is let in, as RFC 8616 §5 wants for international domains.
    """
    if len(text) > LONGEST:
        raise BadInput(f"it is longer than {LONGEST} bytes")
    if text.count(b";") > _MOST:
        raise BadInput(f"it has more than {_MOST} tags")
    found: dict[str, str] = {}
    specs = text.split(b";")
    if not specs[-1].strip(b" \t\r\n"):
        specs.pop()
    for spec in specs:
        written, equals, value = spec.partition(b"=")
        name = written.strip(b" \t\r\n")
        if not equals or not _NAME.fullmatch(name):
            raise BadInput("it is not a list of tags")
        key = name.decode("ascii")
        if key in found:
            raise BadInput(f"the tag {key[:20]} is there twice")
        try:
            found[key] = value.strip(b" \t\r\n").decode("utf-8")
        except UnicodeDecodeError:
            raise BadInput("it is not UTF-8") from None
        if _CONTROLS.search(found[key]):
            raise BadInput("it has control characters")
    return found


def plain(value: str) -> str:
    """A value without any space in it."""
    return _SPACE.sub("", value)


def words(value: str) -> list[str]:
    """What colons separate, in small letters."""
    return plain(value).lower().split(":")


def number(tags: dict[str, str], name: str) -> int | None:
    """A number of at most 12 digits (RFC 6376 §3.5); None when the tag is not there, BadInput when it is none."""
    if name not in tags:
        return None
    if not _DIGITS.fullmatch(tags[name]):
        raise BadInput(f"{name}= is not a number")
    return int(tags[name])


def base64_bytes(value: str, name: str) -> bytes:
    """The bytes that base64 with folding space stands for; BadInput when it is not base64."""
    try:
        return base64.b64decode(plain(value), validate=True)
    except (binascii.Error, ValueError):
        raise BadInput(f"{name}= is not base64") from None
