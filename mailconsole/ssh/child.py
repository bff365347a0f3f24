"""What a child does between its fork and its end: take its descriptors, its terminal, its confinement; then work."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import signal
import socket
import sys
import termios
from collections.abc import Awaitable, Callable
from typing import Any

from backend.management.client import Client
from mailconsole import problems
from mailconsole.ssh import command, confinement
from mailconsole.ssh.console import RemoteConsole
from mailconsole.ssh.control import Control


def run(order: dict[str, Any], descriptors: list[int]) -> int:
    """Do what `order` says; the exit code. Runs in a process of its own, which ends behind it."""
    control_number, connection_number, *standard = descriptors
    os.setsid()
    for number, given in enumerate(standard):
        os.dup2(given, number)
        os.close(given)
    if order["terminal"]:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.stdin, sys.stdout, sys.stderr = (
        io.TextIOWrapper(open(0, "rb", closefd=False), "utf-8", "surrogateescape"),  # noqa: SIM115
        io.TextIOWrapper(open(1, "wb", closefd=False), "utf-8", "backslashreplace", line_buffering=True),  # noqa: SIM115
        io.TextIOWrapper(open(2, "wb", closefd=False), "utf-8", "backslashreplace", line_buffering=True),  # noqa: SIM115
    )
    confinement.enter()
    connection = socket.socket(fileno=connection_number)
    control = Control(socket.socket(fileno=control_number), connection)
    try:
        if order["kind"] == "console":
            return console(control.connect, control.crashed, order["idle"])
        return command.run(order["line"], connection, control.crashed)
    except SystemExit as end:  # argparse
        return end.code if isinstance(end.code, int) else 0
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()


def console(connect: Callable[[], Awaitable[Client]], crashed: Callable[[str, str], None], idle: float) -> int:
    """The console at this terminal; the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is a key, also before the console has the terminal
    app = RemoteConsole(connect, crashed, idle)
    app.run()
    if app.incident:
        problems.say(
            f"mailconsole: the console failed; the service's log has it as incident {app.incident}. Mail goes on."
        )
    elif app.timed_out:
        problems.say("Nobody was there, so the session has ended.")
    return app.return_code or 0
