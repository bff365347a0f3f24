"""One command: find the settings, ask the service, or do it here when the service is down."""

from __future__ import annotations

import argparse
import base64
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from backend.errors import BadInput, Permanent
from mailconsole import output, problems
from mailconsole.parser import LOCAL, parse, verb_of

if TYPE_CHECKING:
    import socket

    from backend.config import Settings
    from backend.management.registry import Action
    from backend.store.database import Store

_LINES = 256 * 1024  # bytes read of a text
_FILE = 700_000  # bytes of a file that goes into one request
_SECRET = 8_192  # bytes read of a line with a password
_FIXED = 1_000  # entries that a question can stand for one by one
_NO_OBJECT = ("why", "notice")  # arguments that say how, and not to what
_OWN_FILES = ("mailbox.export", "dmarc.import")  # actions that write or read where the command runs
_UNDO = dict.fromkeys(
    ("queue.delete", "user.delete", "domain.delete", "access.delete", "quarantine.delete", "virus.contain"),
    "`mailconsole undo` can put it back for a while.",
)


@dataclass(frozen=True, slots=True)
class _Many:
    """An action on many rows that a filter names: what lists them, what they are called, which field names one."""

    lists: str
    noun: tuple[str, str]
    names: str
    advice: str = ""


_MANY = {
    "queue.delete": _Many("queue.list", ("entry", "entries"), "recipient", ". `queue hold` would keep them"),
    "access.delete": _Many("access.list", ("rule", "rules"), "what"),
}
_SCANNED = 100  # messages that are scanned again in one call, at the most
_PLACES = ("mailconsole.toml", "/etc/mailconsole/mailconsole.toml")


def run(words: list[str], connection: socket.socket | None = None) -> int:
    """Run the command that `words` say; the exit code. Raises MailError.

    `connection`: leads to the service already, and is bound to who asks from elsewhere; this host's files and verbs
    are not for them.
    """
    known: list[Action] = []
    if verb_of(words) not in LOCAL:  # a role does without what actions pull in
        from backend.management.registry import actions

        known = list(actions().values())
    given = parse(words, known)
    output.as_json = getattr(given, "json", False)
    if connection is not None and _reads_here(given):
        raise BadInput("Say - and send the message on standard input; the files here are not yours.")
    if connection is not None and not _for_others(given):
        raise BadInput("This is for who is logged in on the mail host itself; over SSH there are the actions.")
    if "host" in given:
        from mailconsole.remote import verbs as afar

        return afar.run(given, _act)
    if "action" in given:
        return _act(given, connection)
    from mailconsole import verbs  # only what this command needs: it shall be there at once

    return verbs.run(given)


def _for_others(given: argparse.Namespace) -> bool:
    """Whether somebody who is not logged in on this host may have that done here."""
    own_file = given.action.name in _OWN_FILES or getattr(given, "file", "-") != "-" if "action" in given else True
    return not own_file and not {"config", "host"} & set(vars(given))


def _reads_here(given: argparse.Namespace) -> bool:
    """Whether a file of this host is named."""
    parameters = given.action.parameters if "action" in given else ()
    return any(p.file and getattr(given, p.name, None) not in (None, "-", ["-"]) for p in parameters)


def settings_of(given: argparse.Namespace) -> Settings:
    """The settings that a command is about; BadInput when there are none, or they are wrong."""
    from backend.settings_file import load

    return load(settings_path(given))


def settings_path(given: argparse.Namespace) -> Path:
    """--config, or $MAILCONSOLE_CONFIG, or the first of the usual places."""
    named = getattr(given, "config", None) or os.environ.get("MAILCONSOLE_CONFIG")
    if named:
        return Path(named)
    for place in _PLACES:
        if Path(place).exists():
            return Path(place)
    raise BadInput("Which site? Say --config DIR/mailconsole.toml; `mailconsole init DIR ...` makes a new one.")


class Service(Protocol):
    """Where actions are done."""

    def call(self, name: str, arguments: dict[str, Any]) -> Any:
        """The answer of an action, as JSON."""

    def close(self) -> None:
        """Let go."""


class Here:
    """A service that is down: this process works on its store."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = _open_here(settings)

    def call(self, name: str, arguments: dict[str, Any]) -> Any:
        """The answer of an action, as JSON."""
        from backend.management.codec import to_json
        from backend.management.peers import local_caller
        from backend.management.registry import find

        caller = local_caller(os.getpid(), os.getuid(), "cli")
        return to_json(find(name)(self._store, self._settings, caller, dict(arguments)))

    def close(self) -> None:
        """Let go."""
        self._store.close()


def _service(given: argparse.Namespace, connection: socket.socket | None) -> Service:
    """The service, by `connection` or on its socket, or its store when it is down."""
    from backend.management.client import Caller, NotRunning

    if connection is not None:
        return Caller(connection)
    settings = settings_of(given)
    try:
        return Caller(settings.site.run / "management.sock")
    except NotRunning:
        problems.say("The service is not running; working on its store directly.")
        return Here(settings)


def _open_here(settings: Settings) -> Store:
    """The store, as the service's own user: what root would leave there the service could not open."""
    import pwd

    from backend.store.database import Store

    if settings.site.user and os.geteuid() == 0:
        try:
            user = pwd.getpwnam(settings.site.user)
        except KeyError:
            raise BadInput(f"[site] user: there is no user {settings.site.user!r} on this host.") from None
        os.setegid(user.pw_gid)
        os.seteuid(user.pw_uid)
    return Store.open(settings.site.data, settings.limits)


# What an answer says of what was tried: 1 is the exit code where it did not succeed.
_GOOD = {"probe.run": "good", "alerts.test": "taken"}


def _act(given: argparse.Namespace, connection: socket.socket | None) -> int:
    action = given.action
    arguments = _arguments(given)
    service = _service(given, connection)
    try:
        if action.name == "access.import":
            from mailconsole import access_files

            done = access_files.read_in(service.call, given.file, arguments)
            output.show("access.import", done)
            return 1 if done["wide"] or done["wrong"] else 0
        if action.name == "access.export" and not output.as_json:
            from mailconsole import access_files

            access_files.write_out(service.call, arguments)
            return 0
        if action.name == "mailbox.export":
            from mailconsole import maildir

            exported = maildir.export(service.call, given.address, Path(given.folder))
            output.show("mailbox.export", exported)
            return 0
        if action.name == "dmarc.import":
            from mailconsole import report_files

            arguments["file"] = report_files.read(given.report)
        if action.dangerous and not getattr(given, "yes", False) and sys.stdin.isatty():
            arguments = _confirmed(service, action, arguments)
        many = next((parameter.name for parameter in action.parameters if parameter.many), "")
        if many:
            output.show(action.name, _each(service, action.name, many, getattr(given, many), arguments))
            return 0
        if action.name == "quarantine.release":
            answer = _released(service, arguments)
            output.show(action.name, answer)
            return 1 if answer["left"] else 0
        answer = service.call(action.name, arguments)
        while isinstance(answer, dict) and answer.get("next") is not None:
            problems.say(f"{answer['affected']} done, going on ...")
            belongs = {"undo": answer["undo"]} if answer.get("undo") else {}
            further = service.call(action.name, {**arguments, **belongs, "after": answer["next"]})
            further["undo"] = further.get("undo") or answer.get("undo")
            further["affected"] += answer["affected"]
            further["missed"] += answer["missed"]
            further["ids"] = (answer["ids"] + further["ids"])[:100]
            answer = further
        output.show(action.name, answer)
        if action.name == "audit-log.verify":
            _proved(answer)
        return 1 if action.name in _GOOD and not answer[_GOOD[action.name]] else 0
    finally:
        service.close()


def _proved(proof: dict[str, Any]) -> None:
    """Permanent when the audit log is not as it was written."""
    if proof["broken"] is not None:
        raise Permanent(f"The audit log is broken at row {proof['broken']}: it was changed from outside.")
    if missing := proof["missing"]:
        rows = "1 row was" if missing == 1 else f"{missing} rows were"
        raise Permanent(f"{rows} cut off the end of the audit log, behind row {proof['rows']}, from outside.")


def _arguments(given: argparse.Namespace) -> dict[str, Any]:
    """What the command line says of the action's arguments; passwords from where nobody sees them."""
    arguments: dict[str, Any] = {}
    for parameter in given.action.parameters:
        if parameter.inner or parameter.bulk or parameter.many:
            continue
        if parameter.secret:
            from_stdin = getattr(given, f"{parameter.name}_stdin")
            if parameter.required or from_stdin:
                arguments[parameter.name] = _secret(from_stdin)
            continue
        value = getattr(given, parameter.name, None)
        if parameter.lines and value == "-":
            value = _text()
        if parameter.file and value is not None:
            value = _file(value)
        if value is not None and value != []:
            arguments[parameter.name] = value
    if getattr(given, "why", None):
        arguments["why"] = given.why
    return arguments


def _text() -> str:
    """Lines from standard input."""
    try:
        return sys.stdin.buffer.read(_LINES).decode().replace("\r\n", "\n").rstrip("\n")
    except UnicodeDecodeError:
        raise BadInput("The text on standard input is not UTF-8.") from None


def _released(service: Service, arguments: dict[str, Any]) -> Any:
    """As many calls as it takes: each message is scanned again, and a call has its time."""
    ids = arguments.get("ids", [])
    answer = service.call("quarantine.release", {**arguments, "ids": ids[:_SCANNED]})
    for start in range(_SCANNED, len(ids), _SCANNED):
        problems.say(f"{start} of {len(ids)} are scanned, going on ...")
        further = service.call("quarantine.release", {**arguments, "ids": ids[start : start + _SCANNED]})
        answer = {name: value + further[name] for name, value in answer.items()}
    return answer


def _each(service: Service, action: str, name: str, files: list[str], arguments: dict[str, Any]) -> Any:
    """One call for each file, of which the beginning is enough; what they changed in all, and how it is after them."""
    changed = unchanged = 0
    answer: dict[str, Any] = {}
    for file in files:
        answer = service.call(action, {**arguments, name: _file(file, cut=True)})
        changed += answer["changed"]
        unchanged += answer["unchanged"]
    return {**answer, "changed": changed, "unchanged": unchanged}


def _file(name: str, *, cut: bool = False) -> str:
    """What is in a file, in base64; `cut`: as much of it as goes into one request."""
    try:
        with sys.stdin.buffer if name == "-" else Path(name).open("rb") as file:
            data = file.read(_FILE + 1)
    except OSError as error:
        raise BadInput(f"{name} cannot be read: {error.strerror}.") from None
    if len(data) > _FILE and not cut:
        raise BadInput(f"{name} is too large; {_FILE:,} bytes are looked at, at the most.")
    return base64.b64encode(data[:_FILE]).decode()


def _secret(from_stdin: bool) -> str:
    if from_stdin:
        line = sys.stdin.buffer.readline(_SECRET)
        try:
            return line.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise BadInput("The password on standard input is not UTF-8.") from None
    if not sys.stdin.isatty():
        raise BadInput("Where is the password? Say --password-stdin and write it to standard input.")
    import getpass

    first = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != first:
        raise BadInput("The two are not the same.")
    return first


def _confirmed(service: Service, action: Action, arguments: dict[str, Any]) -> dict[str, Any]:
    """What to do once the person at the terminal has seen what it is and said yes; Permanent when they say no.

    A filter is asked first, and what it finds is what is changed, unless it is more than a question can hold.
    """
    what = " ".join(str(value) for key, value in arguments.items() if key not in _NO_OBJECT)
    many = _MANY.get(action.name)
    if many is not None:
        if not arguments.get("ids"):
            where = {key: value for key, value in arguments.items() if key not in (*_NO_OBJECT, "all")}
            page = service.call(many.lists, {**where, "limit": _FIXED})
            ids = [str(row["id"]) for row in page["rows"]]
            if not ids:
                raise BadInput(f"No {many.noun[0]} matches.")
            number = f"{page['total']} {many.noun[len(ids) != 1]}"
            what = f"{number}, the first for {page['rows'][0][many.names]}"
            if page["total"] == len(ids):
                kept = {key: value for key, value in arguments.items() if key in _NO_OBJECT}
                arguments = {**kept, "ids": ids}
        what += many.advice
    if not problems.ask(f"{action.help} {what}. {_UNDO.get(action.name, 'This cannot be undone.')} Go on?"):
        raise Permanent("Nothing was changed.")
    return arguments
