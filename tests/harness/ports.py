"""Free ports, found by binding them."""

from __future__ import annotations

import random
import socket

OFFSETS = (22, 25, 443, 465, 587, 993, 995)  # what `init --port-base` may add to its base
_FIRST, _LAST = 10_000, 31_000  # below Linux's ephemeral range (32768), so no client socket takes one in between


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen on host:port now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nothing listens on at `host`."""
    while True:
        port = random.randint(_FIRST, _LAST)
        if is_free(host, port):
            return port


def free_base() -> int:
    """A number such that every service port plus it is free on 127.0.0.1 and ::1."""
    hosts = ["127.0.0.1", "::1"] if socket.has_ipv6 and is_free("::1", 0) else ["127.0.0.1"]
    while True:
        base = random.randint(_FIRST, _LAST)
        if all(is_free(host, base + offset) for host in hosts for offset in OFFSETS):
            return base
