"""Children by way of the zygote, which is started again when it dies."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any

from backend import logs
from backend.errors import Temporary
from mailconsole.ssh.zygote import LARGEST

_log = logging.getLogger("ssh")
_START = 30.0  # seconds for the zygote to load the console
_FORK = 10.0  # seconds for a fork


class Nursery:
    """One zygote; `child` may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: socket.socket | None = None
        self._zygote: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Have a zygote ready. Temporary when it does not start."""
        with self._lock:
            self._ready()

    def child(self, order: dict[str, Any], descriptors: Sequence[int]) -> int:
        """Start a child that has the descriptors; its pid. Temporary when that is not possible now."""
        packet = json.dumps(order).encode()
        with self._lock:
            for _ in range(2):
                try:
                    orders = self._ready()
                    socket.send_fds(orders, [packet], descriptors)
                    return int(json.loads(orders.recv(LARGEST))["pid"])
                except (OSError, ValueError, KeyError) as error:
                    _log.error("no child could be started: %r", error)
                    self._end()
        raise Temporary("No session can be started now; try again.")

    def close(self) -> None:
        """Let the zygote end; children go on."""
        with self._lock:
            self._end()

    def _ready(self) -> socket.socket:
        if self._orders is not None and self._zygote is not None and self._zygote.poll() is None:
            return self._orders
        self._end()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment = {"LANG": "C.UTF-8", "PATH": os.defpath, "PYTHONUTF8": "1", "TERM": "xterm-256color"}
        if "PYTHONPATH" in os.environ:
            environment["PYTHONPATH"] = os.environ["PYTHONPATH"]
        self._zygote = subprocess.Popen(
            [sys.executable, "-m", "mailconsole.ssh.zygote", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        self._orders = ours
        ours.settimeout(_START)
        try:
            ready = json.loads(ours.recv(LARGEST))
        except (OSError, ValueError) as error:
            self._end()
            raise Temporary("The console cannot be loaded.") from error
        ours.settimeout(_FORK)
        _log.info("console is loaded", extra=logs.fields(pid=self._zygote.pid, confined=ready["confined"]))
        return ours

    def _end(self) -> None:
        if self._orders is not None:
            self._orders.close()
        if self._zygote is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._zygote.wait(0.5)
            self._zygote.kill()
            self._zygote.wait()
        self._orders = self._zygote = None
