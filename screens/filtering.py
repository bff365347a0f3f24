"""The words of a filter line, as in `state:deferred to:*@remote.test error:"timed out"`: arguments of a list action."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backend.errors import BadInput

_WORD = re.compile(r'(?:[^\s"]|"[^"]*"?)+')  # "..." keeps blanks together: error:"timed out"


class FilterError(BadInput):
    """A word that is no filter; the sentence says which are."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """What may stand in the filter line of one screen. Without `guess` every word needs its key."""

    keys: Mapping[str, str]  # word before the colon -> argument of the list action
    example: str  # shown in the empty line
    guess: Callable[[str], str] | None = None  # the key of a bare word
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)  # argument -> what it may be
    values: Mapping[str, Callable[[str], Any]] = field(default_factory=dict)  # argument -> what makes it of the text

    def parse(self, words: str) -> dict[str, Any]:
        """The arguments; FilterError in a sentence."""
        found: dict[str, Any] = {}
        for word in _WORD.findall(words):
            key, value = self._split(word)
            name = self.keys[key]
            if name in found:
                raise FilterError(f'{key}: is said twice; "..." keeps words together.')
            if name in self.choices and value not in self.choices[name]:
                raise FilterError(f"There is no {key} {value!r}; there are {', '.join(self.choices[name])}.")
            found[name] = self._value(name, key, value)
        return found

    def _split(self, word: str) -> tuple[str, str]:
        key, colon, value = word.replace('"', "").partition(":")
        if self.guess is not None and (not colon or word.startswith('"')):
            value = word.replace('"', "")
            key = self.guess(value)
        if key.lower() not in self.keys:
            raise FilterError(f"There is no filter {key!r}; there are {', '.join(sorted(set(self.keys)))}.")
        if not value:
            raise FilterError(f"{key}: wants a value behind the colon.")
        return key.lower(), value

    def _value(self, name: str, key: str, value: str) -> Any:
        make = self.values.get(name, str)
        try:
            return make(value)
        except ValueError:
            raise FilterError(f"{key}: {value!r} does not fit there.") from None
