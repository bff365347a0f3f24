"""Free ports, found by binding them, and kept from every other process that looks for some."""

from __future__ import annotations

import fcntl
import functools
import os
import random
import socket
import tempfile
from collections import deque
from collections.abc import Collection
from pathlib import Path

OFFSETS = (22, 25, 443, 465, 587, 993, 995)  # what `init --port-base` may add to its base
_FIRST, _LAST = 10_000, 31_000  # below Linux's ephemeral range (32768), so no client socket takes one in between
_KEPT = 350  # ports a process keeps at once, the newest: those of fifty services
_kept: deque[int] = deque()


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen on host:port now, by TCP and by UDP."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(family, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nothing listens on at `host`, and that no other process of the tests is given."""
    while True:
        port = random.randint(_FIRST, _LAST)
        if is_free(host, port) and _keep([port]):
            return port


def free_base() -> int:
    """A number such that every service port plus it is free on 127.0.0.1 and ::1, and nobody else is given one."""
    hosts = ["127.0.0.1", "::1"] if socket.has_ipv6 and is_free("::1", 0) else ["127.0.0.1"]
    while True:
        base = random.randint(_FIRST, _LAST)
        ports = [base + offset for offset in OFFSETS]
        if all(is_free(host, port) for host in hosts for port in ports) and _keep(ports):
            return base


def _keep(ports: Collection[int]) -> bool:
    """Lock these, a byte of a file for each; False where somebody has one. A port is free for a second or more until
    its server listens, and processes that share the tests look at the same time. The kernel frees what a process held.
    """
    locks = _locks()
    taken: list[int] = []
    for port in ports:
        if port not in _kept and _locked(locks, port):
            taken.append(port)
            continue
        for one in taken:
            fcntl.lockf(locks, fcntl.LOCK_UN, 1, one)
        return False
    _kept.extend(taken)
    while len(_kept) > _KEPT:
        fcntl.lockf(locks, fcntl.LOCK_UN, 1, _kept.popleft())
    return True


def _locked(locks: int, port: int) -> bool:
    try:
        fcntl.lockf(locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


@functools.cache
def _locks() -> int:
    """The file, which all test runs of this user share: open as long as the process lives."""
    return os.open(Path(tempfile.gettempdir()) / f"mailconsole-ports-{os.getuid()}", os.O_RDWR | os.O_CREAT, 0o600)
