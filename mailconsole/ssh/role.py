"""The role `sshd`. It opens no store: what it knows of operators it asks management for."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import select
import signal

from backend import logs, service
from backend.config import Settings
from backend.errors import MailError
from backend.service import Kind
from backend.settings_file import load
from mailconsole.ssh import hostkey
from mailconsole.ssh.server import Server

_log = logging.getLogger("ssh")
_PULSE = 2.0  # seconds between words to management about who is still there
_DRAIN = 5.0  # seconds for sessions to end
_PR_SET_CHILD_SUBREAPER = 36
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def run(settings: Settings, kind: Kind) -> int:
    """Serve until told to stop; the exit code."""
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # garbage from the net is no error of ours
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)  # children stay ours, whoever forked them
    wake, ring = os.pipe()
    for end in (wake, ring):
        os.set_blocking(end, False)
    received: list[int] = []
    for number in _SIGNALS:
        signal.signal(number, lambda caught, _: received.append(caught))
    signal.set_wakeup_fd(ring)
    _log.info("the role runs", extra=logs.fields(pid=os.getpid()))
    hostkey.make(settings.ssh.host_key)
    _log.info("host key is %s", hostkey.fingerprint(settings.ssh.host_key))
    server = Server(settings, service.listeners(settings, kind).get("ssh", []))
    server.start()
    watched = [wake, *service.lifeline()]
    while True:
        ready, _, _ = select.select(watched, [], [], _PULSE)
        if any(number != wake for number in ready):
            return 0  # the supervisor is gone
        with contextlib.suppress(BlockingIOError):
            os.read(wake, 512)
        while received:
            if received.pop(0) != signal.SIGHUP:
                server.close(_DRAIN)
                return 0
            _reload(server)
        _pulse(server)


def _reload(server: Server) -> None:
    try:
        server.reload(load(server.settings.path))
        _log.info("the settings are loaded anew")
    except MailError as error:
        _log.error("the settings are wrong; going on with the old ones: %s", error)


def _pulse(server: Server) -> None:
    idle = server.sessions.idle()
    if not idle:
        return
    with contextlib.suppress(MailError):  # management is being started again; the next pulse will reach it
        server.sessions.end(server.gate.pulse(idle), "the session was ended by an operator.")
