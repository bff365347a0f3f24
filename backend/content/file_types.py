"""Files that are refused for what they are: programs, by their content or by their name."""

from __future__ import annotations

import re
import unicodedata

from backend.content.unpack.kinds import PROGRAMS
from backend.content.unpacked import Piece

_DOCUMENTS = [
    "pdf",
    "docx?",
    "xlsx?",
    "pptx?",
    "odt",
    "ods",
    "txt",
    "rtf",
    "csv",
    "jpe?g",
    "png",
    "gif",
    "bmp",
    "tiff?",
    "mp[34]",
    "html?",
    "zip",
]
_TWO_ENDS = re.compile(rf"\.({'|'.join(_DOCUMENTS)})[\s_.]*\.(\w{{1,10}})$")


def refused(piece: Piece, ends: frozenset[str]) -> str:
    """Why it is refused, in words; empty when it is not. `ends`: of file names, without the dot, in small letters."""
    if piece.kind in PROGRAMS:
        return f"it is a program ({piece.kind})"
    if not piece.name:
        return ""
    if any(unicodedata.bidirectional(letter) in ("RLO", "LRO", "RLE", "RLI") for letter in piece.name):
        return "its name is written to look like another"
    name = piece.name.lower().rstrip(" .\0\t")
    end = name.rpartition(".")[2] if "." in name else ""
    if end not in ends:
        return ""
    if two := _TWO_ENDS.search(name):
        return f"its name ends in .{two[2]}, and pretends to be .{two[1]}"
    return f"its name ends in .{end}"
