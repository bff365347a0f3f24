"""The command line's grammar: a verb for each action of the registry, and those that act on this machine only."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn

import backend
from mailconsole import problems

if TYPE_CHECKING:
    from backend.management.registry import Action, Parameter

LOCAL = ("--version", "config", "console", "demo", "init", "serve", "shell")  # these need none of the actions
_GROUPS = {
    "access": "white and black lists: who is let in, and who is kept out",
    "alias": "where mail for other addresses goes",
    "audit-log": "who changed what",
    "authentication": "what the checks of mail found",
    "config": "the settings",
    "dmarc": "reports on mail in the name of domains",
    "dns": "what should stand in the DNS",
    "domain": "domains whose mail ends here",
    "mailbox": "mail that has been delivered",
    "me": "oneself",
    "operator": "who runs the service",
    "queue": "mail on its way",
    "spam": "what a message scores, and what the site learns of spam",
    "trace": "where is my mail?",
    "session": "who is logged in",
    "settings": "what is in force",
    "tls": "encrypted connections with other mail hosts",
    "user": "accounts",
    "vacation": "what is answered for who is away",
}


class _Parser(argparse.ArgumentParser):
    """argparse that takes no half words, and whose complaints pass the gate for outside text."""

    def __init__(self, **words: Any) -> None:
        super().__init__(allow_abbrev=False, **words)

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        problems.say(f"{self.prog}: {message}.")
        self.exit(2)


_Verbs = Any  # argparse keeps the class of its sub-parsers to itself


def verb_of(words: list[str]) -> str:
    """The first word that is no option; an option that stands for itself, as --version does, counts too."""
    given, rest = _options().parse_known_args(words)
    return rest[0] if rest else "console" if "host" in given else ""


def parse(words: list[str], actions: Iterable[Action]) -> argparse.Namespace:
    """What `words` say: `verb`, its arguments, and `action` when it is one. Wrong use ends the program with 2."""
    whole = list(words)
    while "--sort" in whole[:-1]:  # argparse would take the -age of `--sort -age` for an option
        at = whole.index("--sort")
        whole[at : at + 2] = [f"--sort={whole[at + 1]}"]
    if verb_of(whole) not in ("", *whole):  # --host alone
        whole.append("console")
    if verb_of(whole) == "trace":  # `trace alice@example.org` is what a person types
        at = whole.index("trace") + 1
        if whole[at : at + 1] not in (["find"], ["show"], ["-h"], ["--help"]):
            whole.insert(at, "find")
    return _build(actions).parse_args(whole)


def _build(actions: Iterable[Action]) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="mailconsole",
        description="A mail service and its console.",
        epilog="Exit codes: 0 done, 1 failed, 2 wrong use, 3 denied, 70 our fault, 75 try again later. Secrets are read"
        " from standard input (--password-stdin) or asked for, never taken as an argument.",
        parents=[_options()],
    )
    parser.add_argument("--version", action="version", version=f"mailconsole {backend.__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    groups: dict[str, _Verbs] = {}
    _local(verbs, groups)
    for action in actions:
        group, _, name = action.name.rpartition(".")
        into = _group(verbs, groups, group) if group else verbs
        mark = " Asks first." if action.dangerous else ""
        one = into.add_parser(name, help=action.help, description=action.help + mark, parents=[_options()])
        one.set_defaults(action=action)
        if action.name == "access.import":
            one.add_argument("file", metavar="FILE", help="to be read here; - for standard input")
        if action.name == "mailbox.export":
            one.add_argument("address", metavar="ADDRESS")
            one.add_argument("folder", metavar="FOLDER", help="the Maildir to write")
            continue
        if action.name == "dmarc.import":
            one.add_argument("report", metavar="FILE", help="XML, gzip or zip; - for standard input")
        for parameter in action.parameters:
            if not parameter.inner and not parameter.bulk:
                _argument(one, parameter)
    return parser


def _options() -> _Parser:
    """What may stand before the verb and behind it."""
    options = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    options.add_argument("--config", metavar="FILE", help="the settings (else $MAILCONSOLE_CONFIG, ./mailconsole.toml)")
    options.add_argument("--host", metavar="USER@HOST", help="a mail host elsewhere, by SSH (USER@HOST:PORT)")
    options.add_argument("--identity", metavar="FILE", help="with --host: the key to log in with")
    options.add_argument("--json", action="store_true", help="answer in JSON")
    options.add_argument("--yes", action="store_true", help="do not ask")
    options.add_argument("--why", metavar="TEXT", help="the reason, for the audit log")
    return options


def _group(verbs: _Verbs, groups: dict[str, _Verbs], name: str) -> _Verbs:
    if name not in groups:
        parser = verbs.add_parser(name, help=_GROUPS.get(name, ""), description=_GROUPS.get(name, ""))
        groups[name] = parser.add_subparsers(dest="verb_of_group", metavar="WHAT", required=True)
    return groups[name]


def _argument(parser: argparse.ArgumentParser, parameter: Parameter) -> None:
    option, metavar = f"--{parameter.name.replace('_', '-')}", parameter.name.upper()
    if parameter.secret:
        parser.add_argument(f"{option}-stdin", action="store_true", help=f"read {parameter.help} from standard input")
    elif parameter.kind is bool:
        parser.add_argument(option, action="store_true", default=None, help=parameter.help)
    elif parameter.kind is list:
        number = "+" if parameter.required else "*"
        parser.add_argument(parameter.name, nargs=number, metavar=metavar.rstrip("S"), help=parameter.help)
    elif parameter.option:
        parser.add_argument(option, required=parameter.required, metavar=metavar, help=parameter.help)
    elif parameter.file:
        words = f"{parameter.help}; - for standard input"
        nargs = "+" if parameter.many else None if parameter.required else "?"
        parser.add_argument(parameter.name, nargs=nargs, metavar="FILE", help=words)
    elif parameter.required or parameter.place:
        nargs = None if parameter.required else "?"
        parser.add_argument(parameter.name, nargs=nargs, type=parameter.kind, metavar=metavar, help=parameter.help)
    else:
        kind = str if parameter.span else parameter.kind
        parser.add_argument(option, type=kind, metavar=metavar, help=parameter.help)


def _local(verbs: _Verbs, groups: dict[str, _Verbs]) -> None:
    init = verbs.add_parser("init", help="make a new site", parents=[_options()])
    init.add_argument("folder", metavar="DIR")
    init.add_argument("--hostname", required=True, help="the name of this mail host, as in mail.example.org")
    init.add_argument("--domain", required=True, help="the domain whose mail it takes, as in example.org")
    init.add_argument("--port-base", type=int, metavar="N", help="listen on N + 25, N + 587, N + 465")
    init.add_argument("--operator", default="admin", metavar="NAME", help="the first operator, a sysadmin")
    serve = verbs.add_parser("serve", help="run the service", parents=[_options()])
    serve.add_argument("--role", help="only this role of it")
    config = _group(verbs, groups, "config")
    config.add_parser("check", help="say whether the settings are right", parents=[_options()])
    config.add_parser("show", help="show every setting, and where it comes from", parents=[_options()])
    verbs.add_parser("console", help="open the console", parents=[_options()])
    shell = verbs.add_parser("shell", help="what OpenSSH's ForceCommand runs", parents=[_options()])
    shell.add_argument("--operator", metavar="NAME", help="who it is (else whose key sshd's ExposeAuthInfo shows)")
    demo = verbs.add_parser("demo", help="make and serve example.org here, with mail in it", parents=[_options()])
    demo.add_argument("folder", nargs="?", default="var", metavar="DIR")
    demo.add_argument("--port-base", type=int, default=8_000, metavar="N")
    listing = verbs.add_parser("actions", help="list everything that can be done", parents=[_options()])
    listing.add_argument("--markdown", action="store_true", help="as the table in the manual")
    keys = verbs.add_parser("keys", help="list the keys of the console, screen by screen", parents=[_options()])
    keys.add_argument("--markdown", action="store_true", help="as the table in the manual")
