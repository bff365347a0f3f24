"""What a screen can do to its rows: which action of the service, with which words, and what it asks first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from screens.ask import Field


@dataclass(frozen=True, slots=True)
class Deed:
    """One key of a screen. Whether it asks first and wants a reason is said by the service, not here."""

    action: str  # its name in the registry; help, rights and the key itself come from there
    key: str  # until the service has spoken, and when it gives none
    label: str  # in the footer and on the button
    done: str  # "3 entries ..."
    argument: str = "ids"  # which of the action's arguments names the rows; empty: it is about no row
    many: bool = True  # the argument takes a list; else there is a call for each row
    alone: bool = False  # for the row under the cursor only, whatever is marked
    fields: tuple[Field, ...] = ()  # asked first
    given: Mapping[str, Any] = field(default_factory=dict)  # further arguments
    undo: str = ""  # the action that takes it back, for the same rows; others answer the id of an `undo`
    ways: tuple[Deed, ...] = ()  # the buttons of the dialog; none: itself
    advice: str = ""  # in the dialog
    style: str = "error"  # of its button
    slow: bool = False  # the service takes its time over one call: the progress is shown from the first one on
    quiet: bool = False  # not in the footer, for there is no room: in the key sheet and the palette


@dataclass(frozen=True, slots=True)
class Undoing:
    """What takes the last deed back: calls of actions, in this order."""

    what: str  # "3 entries held"
    calls: tuple[tuple[str, dict[str, Any]], ...]
