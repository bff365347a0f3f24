"""The verbs that act on this machine rather than on a running service."""

from __future__ import annotations

import argparse
import functools
from pathlib import Path

from backend.settings_file import load, sources, values
from mailconsole import output, problems
from mailconsole.cli import settings_of, settings_path

_SSH = 22  # the port that ssh takes without being told


def run(given: argparse.Namespace) -> int:
    """Run one; the exit code. Raises MailError."""
    verb = {
        "init": _init,
        "serve": _serve,
        "config": _config,
        "console": _console,
        "demo": _demo,
        "actions": _actions,
        "keys": _keys,
        "shell": _shell,
    }[given.verb]
    return verb(given)


def _init(given: argparse.Namespace) -> int:
    from backend import site
    from mailconsole.ssh import hostkey

    made = site.init(Path(given.folder).absolute(), given.hostname, given.domain, given.port_base, given.operator)
    settings = load(made.settings)
    hostkey.make(settings.ssh.host_key)
    port = settings.listen.ssh
    answer = {
        "settings": str(made.settings),
        "certificate": str(made.certificate),
        "host_key": hostkey.fingerprint(settings.ssh.host_key),
        "ssh": f"ssh {f'-p {port} ' if port != _SSH else ''}{made.operator}@{made.hostname}",
        "hostname": made.hostname,
        "domain": made.domain,
        "operator": made.operator,
        "password": made.password,
    }
    output.show("init", answer)
    return 0


def _serve(given: argparse.Namespace) -> int:
    from backend import service

    return service.serve(settings_of(given), given.role)


def _config(given: argparse.Namespace) -> int:
    path = settings_path(given)
    settings = load(path)
    if given.verb_of_group == "check":
        output.show("config.check", {"settings": str(path), "right": True})
        return 0
    lines = sources(path)
    rows = [
        {"key": key, "value": _plain(value), "from": f"line {lines[key]}" if key in lines else "default"}
        for key, value in values(settings)
    ]
    output.show("config.show", {"settings": rows})
    return 0


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)


def _console(given: argparse.Namespace) -> int:
    from backend.management.client import Client
    from mailconsole import app

    return app.run(functools.partial(Client.connect, settings_of(given).site.run / "management.sock"))


def _shell(given: argparse.Namespace) -> int:
    from mailconsole import shell

    return shell.run(settings_of(given), given.operator)


def _demo(given: argparse.Namespace) -> int:
    from mailconsole import demo

    return demo.run(Path(given.folder), given.port_base)


def _actions(given: argparse.Namespace) -> int:
    from backend.management.registry import actions, table
    from backend.management.roles import SYSADMIN

    known = actions()
    if given.markdown:
        output.write(table(known.values()))
        return 0
    rows = [
        {
            "name": one.name,
            "roles": [SYSADMIN, *one.roles],
            "key": one.key,
            "dangerous": one.dangerous,
            "help": one.help,
        }
        for one in known.values()
    ]
    if not rows:
        problems.say("There are no actions.")
    output.show("actions", {"actions": rows})
    return 0


def _keys(given: argparse.Namespace) -> int:
    from mailconsole import keys

    if given.markdown:
        output.write(keys.table())
        return 0
    rows = [{"screen": row.screen, "key": key, "words": words} for row in keys.rows() for key, words in row.keys]
    output.show("keys", {"keys": rows})
    return 0
