"""The styles of all screens, read once for each set of colours. The toolkit reads all of them anew with each screen
that comes; here a process keeps what it has read, and a session's child has it from the process it was forked from.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.css.tokenize import tokenize_values
from textual.css.tokenizer import Token

_SOURCES = 1_024  # pieces of style kept: some 60 in each of three sets of colours

Variables = tuple[tuple[str, str], ...]


class Styles(Stylesheet):
    """Gives the rules that the toolkit's own would."""

    def set_variables(self, variables: dict[str, str]) -> None:
        """Other colours; nothing is to be done when they are the same."""
        if variables != self._variables:
            super().set_variables(variables)
            self._again()

    def reparse(self) -> None:
        """What has been added is read when it is wanted, and so is all of it in other colours."""

    def _again(self) -> None:
        self._require_parse = True
        self._rules_map = None

    def _parse_rules(self, css: str, *given: Any, **named: Any) -> list[RuleSet]:
        return _rules(tuple(self._variables.items()), css, given, tuple(named.items()))


@lru_cache(_SOURCES)
def _rules(variables: Variables, css: str, given: tuple[Any, ...], named: tuple[tuple[str, Any], ...]) -> list[RuleSet]:
    sheet = Stylesheet(variables=dict(variables))
    sheet._Stylesheet__variable_tokens = _tokens(variables)  # type: ignore[attr-defined]
    return sheet._parse_rules(css, *given, **dict(named))


@lru_cache(8)
def _tokens(variables: Variables) -> dict[str, list[Token]]:
    return tokenize_values(dict(variables))
