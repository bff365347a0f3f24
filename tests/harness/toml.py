"""TOML text merged into TOML text. The standard library reads TOML and does not write it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from typing import Any

Table = dict[str, Any]


def merged(base: str, change: str) -> str:
    """`base` with every key that `change` names set to its value; arrays are replaced whole."""
    return "\n".join(_lines(_merge(tomllib.loads(base), tomllib.loads(change)), ())) + "\n"


def _merge(base: Table, change: Table) -> Table:
    result = dict(base)
    for key, value in change.items():
        old = result.get(key)
        result[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def _lines(table: Table, path: tuple[str, ...]) -> Iterator[str]:
    inner = {key: value for key, value in table.items() if isinstance(value, dict)}
    arrays = {key: value for key, value in table.items() if _is_tables(value)}
    for key, value in table.items():
        if key not in inner and key not in arrays:
            yield f"{key} = {_value(value)}"
    for key, value in inner.items():
        yield f"[{'.'.join((*path, key))}]"
        yield from _lines(value, (*path, key))
    for key, values in arrays.items():
        for value in values:
            yield f"[[{'.'.join((*path, key))}]]"
            yield from _lines(value, (*path, key))


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _value(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False)  # strings, numbers, true and false are written alike in both
