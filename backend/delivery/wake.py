"""The bell between processes: whoever queues something rings, the delivery role hears. A lost ring costs a second."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from pathlib import Path


class Wake:
    """A datagram socket in run/. `ring` never blocks and never fails; `listen` is for the one who delivers."""

    def __init__(self, run: Path) -> None:
        self._path = run / "delivery.wake"
        self._bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)

    def ring(self) -> None:
        """There is something to deliver."""
        with contextlib.suppress(OSError):  # nobody listens, or enough rings wait already
            self._bell.sendto(b"1", str(self._path))

    def listen(self, heard: Callable[[], None]) -> None:
        """Call `heard` on the running event loop at every ring, until `close`."""
        self._path.unlink(missing_ok=True)
        self._bell.bind(str(self._path))
        self._path.chmod(0o600)

        def drain() -> None:
            with contextlib.suppress(BlockingIOError):
                while self._bell.recv(1):
                    pass
            heard()

        asyncio.get_running_loop().add_reader(self._bell, drain)

    def close(self) -> None:
        """Stop listening."""
        with contextlib.suppress(RuntimeError, ValueError):
            asyncio.get_running_loop().remove_reader(self._bell)
        self._bell.close()
