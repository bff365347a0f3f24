"""What a message holds, once it is unpacked. What the engines and the scorers look at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing inside a message: a MIME part, a member of an archive, the text of a macro."""

    way: tuple[str, ...]  # names from the outside in: ("letter.zip", "inner.zip", "eicar.com"); safe only for machines
    kind: str  # what it is, by its content: "text/plain", "text/html", "application/zip", "application/x-dosexec" ...
    declared: str  # what the sender says it is; empty inside archives
    name: str  # file name as the sender says, decoded (RFC 2047, RFC 2231); empty when none
    data: bytes
    depth: int  # 0: a part of the message itself
    text: str = ""  # the characters of text/plain and text/html, HTML without its tags; `data` has the raw bytes
    hidden: bool = False  # a second reading of a part, which others may not think of: as base64, as uuencoded


@dataclass(frozen=True, slots=True)
class Trouble:
    """What could not be opened or may not be.

    `kind`: encrypted, bomb, too deep, too many, too large, broken, unopened (a format that we only name), time.
    """

    kind: str
    way: tuple[str, ...]
    words: str


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A message and all that is in it."""

    header: tuple[tuple[str, str], ...]  # field names as they came, values decoded, in order
    pieces: tuple[Piece, ...]
    troubles: tuple[Trouble, ...]
    size: int  # bytes of the whole message
