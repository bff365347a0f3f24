"""A process that has the console loaded, and forks a child of itself for each session: the first frame comes at once.

It has one thread and never speaks to anybody but the SSH role. An order is one packet: JSON, and the descriptors that
the child shall have. The child is forked twice, so that it is the SSH role's to wait for, and its pid is answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys
from typing import Any

from backend.management.client import Client, NotRunning

LARGEST = 192 * 1024  # bytes of an order
DESCRIPTORS = 5  # of one: the child's end of its control, its management connection, and 0, 1, 2
_SIZE = (80, 24)
_REHEARSAL = 10.0  # seconds


def main() -> None:
    """Obey until the SSH role is gone."""
    orders = socket.socket(fileno=int(sys.argv[1]))
    _rehearse()
    gc.collect()
    gc.freeze()  # what is shared with the children shall not be written to by their collectors
    orders.send(json.dumps({"confined": _confined()}).encode())
    while True:
        packet, descriptors, _, _ = socket.recv_fds(orders, LARGEST, DESCRIPTORS)
        if not packet:
            return
        if len(descriptors) == DESCRIPTORS:
            orders.send(_fork(orders, json.loads(packet), descriptors))
        for number in descriptors:
            os.close(number)


def _fork(orders: socket.socket, order: dict[str, Any], descriptors: list[int]) -> bytes:
    """The answer to an order. It leaves when the process between has ended: before that the child is not yet the SSH
    role's, which could neither wait for it nor end it when its client has gone already.
    """
    reading, writing = os.pipe()
    between = os.fork()
    if between == 0:
        os.close(reading)
        _fork_again(orders, writing, order, descriptors)
    os.close(writing)
    os.waitpid(between, 0)
    answer = os.read(reading, LARGEST)
    os.close(reading)
    return answer or json.dumps({"failed": "fork"}).encode()


def _fork_again(orders: socket.socket, answer: int, order: dict[str, Any], descriptors: list[int]) -> None:
    """The process between: it ends at once, and its child becomes the SSH role's. Does not return."""
    code = 70
    try:
        pid = os.fork()
        if pid:
            os.write(answer, json.dumps({"pid": pid}).encode())
            os._exit(0)
        os.close(answer)
        orders.close()
        from mailconsole.ssh import child

        code = child.run(order, descriptors)
    finally:
        os._exit(code)


def _confined() -> str:
    """What will hold a child, tried on one."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        from mailconsole.ssh import confinement

        os.write(writing, ", ".join(confinement.enter()).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as words:
        found = words.read().decode()
    os.wait()
    return found


def _rehearse() -> None:
    """Draw a console on no terminal once, so that all that it loads and works out is there before the fork."""
    from mailconsole.app import TABS
    from mailconsole.ssh import child, command  # noqa: F401  what the children run
    from mailconsole.ssh.console import RemoteConsole

    for tab in TABS:
        importlib.import_module(tab.place.partition(":")[0])

    async def nobody() -> Client:
        raise NotRunning("This is a rehearsal.")

    async def draw() -> None:
        console = RemoteConsole(nobody, lambda incident, trace: None, idle=0)
        async with asyncio.timeout(_REHEARSAL), console.run_test(size=_SIZE) as pilot:
            await pilot.pause()
            for key in (*(tab.key for tab in TABS), "question_mark", "escape", TABS[0].key):
                await pilot.press(key)
                await pilot.pause()

    with contextlib.suppress(Exception):  # a session will show what is wrong, and to whom it matters
        asyncio.run(draw())


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main()
