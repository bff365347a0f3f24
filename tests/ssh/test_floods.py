"""Many who never log in, and one who does."""

from __future__ import annotations

import contextlib
import os
import socket

from tests.harness.site import Site
from tests.ssh.conftest import Operator


def connect(site: Site, source: str = "") -> socket.socket:
    """A connection to the SSH port."""
    return socket.create_connection((site.host, site.base + 22), 60, (source, 0) if source else None)


def test_two_hundred_half_open_keep_nobody_out(olga: Operator) -> None:
    with contextlib.ExitStack() as stack:
        for number in range(200):
            connection = stack.enter_context(connect(olga.site, f"127.0.{number // 4}.7" if number % 2 else ""))
            with contextlib.suppress(OSError):
                connection.sendall(b"SSH-2.0-Flood\r\n" if number % 3 else b"")
        for _ in range(3):
            assert olga.run("status").returncode == 0
    assert olga.run("status").returncode == 0


def test_a_port_scan_leaves_nothing_behind(olga: Operator) -> None:
    [role] = olga.site.role_pids("sshd")
    for garbage in (b"", b"\r\n", b"GET / HTTP/1.0\r\n\r\n", b"SSH-1.99-x\r\n", os.urandom(4_096), b"\0" * 70_000):
        for _ in range(5):
            with contextlib.suppress(OSError), connect(olga.site) as connection:
                connection.sendall(garbage)
    assert olga.run("status").returncode == 0
    assert olga.site.role_pids("sshd") == [role]
    assert "Traceback" not in olga.site.log_text()
