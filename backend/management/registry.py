"""The registry of actions: everything that the console, the command line and SSH can do.

To add one, write a function with a `Call` first and annotated arguments behind it, and put `@action` above it.
The command line, its help, the console's keys and the table in the README follow from it.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from backend import clock
from backend.config import Settings
from backend.errors import BadInput, Denied, MailError
from backend.management.roles import ROLES, Caller, refusal
from backend.management.sessions import Sessions
from backend.store import audit, deletions
from backend.store.database import Store, Transaction

T = TypeVar("T")
MOST_IDS = 1_000  # in one list: a page of the console, and no burden for others
ROOMS = (
    "status",
    "problems",
    "queue",
    "rules",
    "access",
    "access_check",
    "access_files",
    "reading",
    "spam",
    "spam_scores",
    "spam_threshold",
    "trace",
    "explain",
    "content",
    "viruses",
    "quarantine",
    "probe",
    "alerts",
    "accounts",
    "vacation",
    "addresses",
    "dkim",
    "mailbox",
    "tls",
    "dns",
    "authentication",
    "dmarc",
    "undo",
    "dnslists",
    "rates",
    "audit",
    "settings",
    "operators",
    "sessions",
    "me",
)  # modules of backend.management.actions


@dataclass(frozen=True, slots=True)
class Change:
    """What an operation did, for the audit log: `result` is answered, `before` and `after` are kept."""

    result: Any
    before: Any = None
    after: Any = None


@dataclass(frozen=True, slots=True)
class Call:
    """What a function of an action is handed: the store and settings of the site, who asks and why."""

    store: Store
    settings: Settings
    caller: Caller
    action: Action
    arguments: dict[str, Any]  # as the audit log may keep them
    why: str = ""
    sessions: Sessions | None = None  # who is here; None when the service is down

    def change(self, operation: Callable[[Transaction], Change]) -> Any:
        """Run a change and its row of the audit log in one transaction."""

        def both(transaction: Transaction) -> Any:
            change = operation(transaction)
            self._record(transaction, change)
            return change.result

        return self.store.write(both)

    def keep(self, transaction: Transaction, summary: str, content: deletions.Content, batch: int = 0) -> str:
        """Keep what was deleted for as long as the site says; the id that `undo` takes."""
        until = transaction.now + self.settings.management.undo_hours * 3_600
        number = deletions.keep(
            transaction,
            until=until,
            actor=self.caller.user,
            action=self.action.name,
            summary=summary,
            content=content,
            batch=batch,
        )
        return f"U{number}"

    def failed(self, error: MailError) -> None:
        """Record that nothing was changed, and why."""
        outcome = f"{'denied' if isinstance(error, Denied) else 'failed'}: {error}"
        with contextlib.suppress(MailError):  # the store may be what failed
            self.store.write(lambda transaction: self._record(transaction, Change(None), outcome))

    def _record(self, transaction: Transaction, change: Change, outcome: str = audit.DONE) -> None:
        caller = self.caller
        audit.add(
            transaction,
            actor=caller.user,
            role=caller.role,
            origin=caller.origin,
            key=caller.key,
            action=self.action.name,
            arguments=self.arguments,
            before=change.before,
            after=change.after,
            reason=self.why,
            outcome=outcome,
        )


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of an action. `kind` is str, int, bool or list (of str; a str stands for a list of one)."""

    name: str
    kind: type
    help: str
    default: Any = None
    required: bool = False
    secret: bool = False
    place: bool = False  # on the command line by its place, though it has a default
    span: bool = False  # a length of time, in words on the command line, in seconds in the contract
    lines: bool = False  # a text of more lines than one
    inner: bool = False  # for programs that page through much, and not on the command line
    option: bool = False  # on the command line by its name, though it is required
    file: bool = False  # on the command line the name of a file; in the contract what is in it, in base64
    many: bool = False  # with `file`: of any number of files on the command line, a call for each
    bulk: bool = False  # a piece of a file: of many lines, and the audit log keeps its length only


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be done."""

    name: str
    help: str
    roles: tuple[str, ...]  # that may do it, beside the sysadmin
    changes: bool  # changes something or looks into mail: the audit log has a row for every try
    dangerous: bool  # asks first
    reason: bool  # wants to be told why, for the audit log
    key: str
    parameters: tuple[Parameter, ...]
    function: Callable[..., Any]

    def __call__(
        self,
        store: Store,
        settings: Settings,
        caller: Caller,
        arguments: dict[str, Any],
        sessions: Sessions | None = None,
    ) -> Any:
        """Check the right and the arguments, then do it. Denied, BadInput, or what the function raises."""
        if reason := refusal(caller.role, self.roles):
            denied = Denied(reason)
            if self.changes:
                Call(store, settings, caller, self, {}).failed(denied)
            raise denied
        given = self._checked(arguments)
        why = given.pop(_WHY.name)
        if self.reason and not why.strip():
            raise BadInput(f"{self.name} needs a reason (why); the audit log keeps it.")
        kept = {
            p.name: f"{len(given[p.name]):,} characters" if p.bulk or p.file else given[p.name]
            for p in self.parameters
            if not p.secret and given[p.name] != p.default
        }
        call = Call(store, settings, caller, self, kept, why, sessions)
        try:
            return self.function(call, **given)
        except MailError as error:
            if self.changes:
                call.failed(error)
            raise

    def _checked(self, arguments: dict[str, Any]) -> dict[str, Any]:
        known = {parameter.name: parameter for parameter in (*self.parameters, _WHY)}
        for name in arguments:
            if name not in known:
                raise BadInput(f"{self.name} has no argument {name[:40]!r}; it has {', '.join(known)}.")
        return {name: self._value(parameter, arguments.get(name)) for name, parameter in known.items()}

    def _value(self, parameter: Parameter, value: Any) -> Any:
        if value is None:
            if parameter.required:
                raise BadInput(f"{self.name} needs {parameter.name}.")
            return parameter.default
        if parameter.span and isinstance(value, str):
            return int(clock.span(value))
        if parameter.kind is list and isinstance(value, str):
            value = [value]
        plain = value.replace("\n", "") if parameter.lines and isinstance(value, str) else value
        if not _fits(parameter.kind, plain):
            raise BadInput(f"{self.name}: {parameter.name} is not {_NAMES[parameter.kind]}.")
        return value


_WHY = Parameter("why", str, "the reason, for the audit log", default="")
_LARGEST = 2**53  # what every JSON reader takes for a whole number
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_NAMES = {
    str: "a text of one line",
    int: "a whole number",
    bool: "true or false",
    list: f"a list of at most {MOST_IDS} texts",
}
_actions: dict[str, Action] = {}


def _fits(kind: type, value: Any) -> bool:
    match value:
        case bool():
            return kind is bool
        case int():
            return kind is int and abs(value) <= _LARGEST
        case str():
            return kind is str and not _CONTROLS.search(value)
        case list():
            return kind is list and len(value) <= MOST_IDS and all(_fits(str, part) for part in value)
    return False


def action(
    name: str,
    *,
    roles: tuple[str, ...],
    changes: bool = False,
    dangerous: bool = False,
    reason: bool = False,
    key: str = "",
    takes: tuple[Parameter, ...] = (),
) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Put a function into the registry. Its docstring's first line is the help; `Annotated[kind, "help", ...]` its
    arguments, where the further words "secret", "span", "lines", "place", "file", "inner" and "bulk" mark passwords,
    lengths of time, texts of many lines, what is written without its name, a file, what only programs say, and pieces
    of files. `takes`: arguments that many actions share, and that the function gets by keyword.
    """

    def register(function: Callable[..., T]) -> Callable[..., T]:
        assert name not in _actions, name
        help_text = inspect.cleandoc(function.__doc__ or "").partition("\n")[0]
        parameters = (*_parameters(function), *takes)
        _actions[name] = Action(name, help_text, roles, changes, dangerous, reason, key, parameters, function)
        return function

    return register


def _parameters(function: Callable[..., Any]) -> tuple[Parameter, ...]:
    hints = get_type_hints(function, include_extras=True)
    found = []
    for given in list(inspect.signature(function).parameters.values())[1:]:
        if given.kind is inspect.Parameter.VAR_KEYWORD:
            continue
        hint = hints[given.name]
        words: tuple[Any, ...] = ()
        if get_origin(hint) is Annotated:
            hint, *rest = get_args(hint)
            words = tuple(rest)
        if get_origin(hint) in (types.UnionType, typing.Union):
            hint = next(part for part in get_args(hint) if part is not type(None))
        kind = list if get_origin(hint) is list else hint
        required = given.default is inspect.Parameter.empty
        found.append(
            Parameter(
                given.name,
                kind,
                words[0] if words else "",
                None if required else given.default,
                required,
                "secret" in words[1:],
                "place" in words[1:],
                "span" in words[1:],
                "lines" in words[1:] or "bulk" in words[1:],
                inner="inner" in words[1:],
                file="file" in words[1:],
                bulk="bulk" in words[1:],
            )
        )
    return tuple(found)


def actions() -> dict[str, Action]:
    """All actions by name."""
    for room in ROOMS:
        importlib.import_module(f"backend.management.actions.{room}")
    return _actions


def find(name: str) -> Action:
    """The action of that name; BadInput when there is none."""
    known = actions()
    if name not in known:
        raise BadInput(f"There is no action {name[:60]!r}.")
    return known[name]


def table(some: Iterable[Action]) -> str:
    """The actions as a table in Markdown, with a column for each role."""
    lines = [f"| action | key | {' | '.join(ROLES)} | what it does |", f"| --- | --- |{' :-: |' * len(ROLES)} --- |"]
    for one in some:
        marks = " (asks first)" * one.dangerous + " (needs a reason)" * one.reason
        key = f"`{one.key}`" if one.key else ""
        may = " | ".join("" if refusal(role, one.roles) else "●" for role in ROLES)
        lines.append(f"| `{one.name.replace('.', ' ')}` | {key} | {may} | {one.help}{marks} |")
    return "\n".join(lines)
