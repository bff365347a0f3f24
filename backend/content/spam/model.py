"""The model: what a token weighs for spam, learnt from mail that was sorted by hand, in one file of whole numbers.

A file is the SHA-256 of the rest in a line, a line of JSON, and the weights: a signed byte for each, one table for each
kind of token. The weight of a token is at its hash. tests/spam/train.py makes the file.
"""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from backend.content.spam.tokens import Tokens
from backend.errors import Permanent

FILE = Path(__file__).with_name("model.bin")
FORMAT = 2
_SPREAD = 0x9E3779B1  # multiplies what is a number already; its upper bits are the place


@dataclass(frozen=True, slots=True)
class Table:
    """The weights of one kind of token: 2**bits of them. A weight is `scale` times the byte; `part`: its say in all."""

    kind: str
    bits: int
    scale: float
    bias: float
    part: float
    weights: array[int]

    def weigh(self, tokens: Tokens) -> float:
        """What the tokens of its kind say together: the mean of their weights, grown with the root of their number."""
        where = places(tokens, self.kind, self.bits)
        total = sum(map(self.weights.__getitem__, where))
        return (self.bias + self.scale * total / math.sqrt(max(1, len(where)))) * self.part


@dataclass(frozen=True, slots=True)
class Model:
    """All tables. `weigh` is near 0 where nothing is known, and above `bias` for what the model takes for spam."""

    tables: tuple[Table, ...]
    bias: float
    source: str

    def weigh(self, tokens: Tokens) -> float:
        """What the tokens of a message say: below 0 for good mail, above 0 for spam."""
        return self.bias + sum(table.weigh(tokens) for table in self.tables)


def places(tokens: Tokens, kind: str, bits: int) -> set[int]:
    """Where the tokens of one kind are in a table of 2**bits weights."""
    if kind in ("fragments", "head"):
        shift = 32 - bits
        numbers = tokens.fragments if kind == "fragments" else tokens.head
        return {(number * _SPREAD & 0xFFFFFFFF) >> shift for number in numbers}
    mask, crc = (1 << bits) - 1, zlib.crc32
    found = tokens.words if kind == "words" else tokens.form
    return {crc(token.encode("utf-8", "replace")) & mask for token in found}


@cache
def shipped() -> Model:
    """The model that comes with the program."""
    return read(FILE.read_bytes())


def read(data: bytes) -> Model:
    """The model in a file; Permanent when it is not whole."""
    digest, _, rest = data.partition(b"\n")
    if digest != hashlib.sha256(rest).hexdigest().encode():
        raise Permanent("The spam model is damaged; install the program again.")
    line, _, weights = rest.partition(b"\n")
    head = json.loads(line)
    if head["format"] != FORMAT:
        raise Permanent("The spam model is of another version; install the program again.")
    tables, place = [], 0
    for one in head["tables"]:
        size = 1 << one["bits"]
        tables.append(Table(**one, weights=array("b", weights[place : place + size])))
        place += size
    return Model(tuple(tables), head["bias"], head["source"])


def write(tables: Iterable[Table], bias: float, source: str) -> bytes:
    """The file of a model."""
    tables = tuple(tables)
    weights = b"".join(table.weights.tobytes() for table in tables)
    head = {
        "format": FORMAT,
        "source": source,
        "bias": round(bias, 6),
        "tables": [
            {"kind": one.kind, "bits": one.bits, "scale": one.scale, "bias": one.bias, "part": one.part}
            for one in tables
        ],
    }
    rest = json.dumps(head).encode() + b"\n" + weights
    return hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest
