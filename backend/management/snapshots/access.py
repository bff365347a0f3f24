"""The access lists: their rules, what was changed of them, and who decides for a sender."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ("address", "network", "host", "domain", "sender", "recipient", "helo")
VERDICTS = ("allow", "deny")


@dataclass(frozen=True, slots=True)
class AccessRow:
    """One rule. `until` is None without an end; `over`: its time has passed."""

    id: int
    verdict: str  # allow, deny
    kind: str
    what: str
    reason: str
    owner: str
    created: str
    until: str | None
    over: bool
    hits: int
    last_hit: str | None


@dataclass(frozen=True, slots=True)
class AccessPage:
    """A page of the rules. `total` counts what matches the filter, up to 100,000."""

    rows: tuple[AccessRow, ...]
    total: int
    offset: int


@dataclass(frozen=True, slots=True)
class AccessAdded:
    """A new rule, and what its owner should know of it; empty when there is nothing to say."""

    rule: AccessRow
    note: str
    ids: tuple[str, ...]  # its number, as `access.delete` takes it


@dataclass(frozen=True, slots=True)
class AccessAffected:
    """What was done to rules. `missed` were not there. `next` is set when there is more."""

    affected: int
    ids: tuple[str, ...]  # the first hundred
    missed: int = 0
    next: int | None = None
    undo: str | None = None  # what `undo` takes to put them back


@dataclass(frozen=True, slots=True)
class ImportNote:
    """One line of a file that somebody should look at. `about`: wrong, wide, duplicate, contradicts."""

    line: int
    about: str
    text: str
    words: str


@dataclass(frozen=True, slots=True)
class AccessImported:
    """What became of a piece of a file. `notes` has the first hundred; `contradicting` ones are added all the same."""

    added: int
    duplicates: int
    wide: int
    wrong: int
    contradicting: int
    notes: tuple[ImportNote, ...]
    lines: int  # of this piece
    header: str  # for the next piece: the line that names the columns
    marks: tuple[int, ...] = ()  # of a dry run: a number for each rule, by which duplicates between pieces are found


@dataclass(frozen=True, slots=True)
class AccessExported:
    """A piece of a file; the next one begins behind the rule `next`, None at the end."""

    text: str
    rules: int
    next: int | None


@dataclass(frozen=True, slots=True)
class AccessStep:
    """One step of a decision. `state`: decides, fits (and does not decide), nothing, later."""

    name: str
    state: str
    words: str


@dataclass(frozen=True, slots=True)
class AccessDecision:
    """Who decides. `verdict`: allow, deny, none, ours (no rule is asked). `rules`: all that fit, as they are asked."""

    verdict: str
    sentence: str
    rule: int | None
    steps: tuple[AccessStep, ...]
    rules: tuple[AccessRow, ...]
