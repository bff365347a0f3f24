"""The console and the actions with --host."""

from __future__ import annotations

import argparse
import logging
import socket
from collections.abc import Callable

from backend.errors import BadInput
from mailconsole import problems
from mailconsole.remote import person
from mailconsole.remote.target import target
from mailconsole.remote.tunnel import Tunnel

Act = Callable[[argparse.Namespace, socket.socket], int]


def run(given: argparse.Namespace, act: Act) -> int:
    """Connect to `given.host` and open the console there, or let `act` do an action; the exit code."""
    if given.verb != "console" and "action" not in given:
        raise BadInput(f"`{given.verb}` is done on the mail host itself; with --host there are console and actions.")
    if "config" in given:
        raise BadInput("--config names a site of this machine, and --host another machine; say one of the two.")
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # what matters is raised too
    tunnel = Tunnel(target(given.host, getattr(given, "identity", None)), problems.say)
    asked = (person.secret, person.agrees) if person.there() else (None, None)
    tunnel.open(*asked)
    try:
        return _console(tunnel) if given.verb == "console" else act(given, tunnel.connection())
    finally:
        tunnel.close()


def _console(tunnel: Tunnel) -> int:
    from mailconsole import app
    from mailconsole.attended import Attended

    said: list[str] = []
    tunnel.say = said.append  # the screen is the console's
    try:
        return app.run(tunnel.connect, Attended)
    finally:
        for sentence in dict.fromkeys(said):
            problems.say(sentence)
