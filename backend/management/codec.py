"""Snapshots as JSON and back."""

from __future__ import annotations

import types
import typing
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


def to_json(value: Any) -> Any:
    """A snapshot as what JSON knows: objects, lists, strings, numbers."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: to_json(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, list | tuple):
        return [to_json(part) for part in value]
    if isinstance(value, dict):
        return {key: to_json(part) for key, part in value.items()}
    return value


def from_json(kind: type[T], value: Any) -> T:
    """The snapshot again. Fields that a newer service added are passed over. KeyError, TypeError: not that kind."""
    found: T = _from(kind, value)
    return found


def _from(kind: Any, value: Any) -> Any:
    origin = typing.get_origin(kind)
    if origin is tuple:
        inner = typing.get_args(kind)[0]
        return tuple(_from(inner, part) for part in value)
    if origin is types.UnionType or origin is dict or not is_dataclass(kind):
        return value
    hints: dict[str, Any] = _hints(kind)  # type: ignore[arg-type]
    return kind(**{name: _from(hint, value[name]) for name, hint in hints.items() if name in value})  # type: ignore[operator]


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)
