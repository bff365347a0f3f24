"""Senders from many domains: a load that smtp-source cannot make, with a signed message for each domain.

`python -m tests.bench.senders PORT RECIPIENT MESSAGES SESSIONS FOLDER`: sends the files of FOLDER in turn, each over
a connection of its own from 127.0.0.7, without pipelining, as most mail hosts do. The first line of a file is the
envelope sender. Ends with 1 when a reply was not 2xx or 3xx.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import uvloop

CLIENT = "127.0.0.7"
HELO = "client.bench"


async def _send(port: int, recipient: str, sender: str, message: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(CLIENT, 0))
    try:
        await _reply(reader)
        for line in (f"EHLO {HELO}", f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>", "DATA"):
            writer.write(line.encode() + b"\r\n")
            await _reply(reader)
        writer.write(message + b"\r\n.\r\n")
        await _reply(reader)
        writer.write(b"QUIT\r\n")
        await _reply(reader)
    finally:
        writer.close()


async def _reply(reader: asyncio.StreamReader) -> None:
    while True:
        line = await reader.readline()
        if line[:1] not in b"23" or not line:
            raise ConnectionError(line.decode(errors="replace"))
        if line[3:4] != b"-":
            return


async def _session(work: Iterator[tuple[str, bytes]], port: int, recipient: str) -> None:
    for sender, message in work:
        await _send(port, recipient, sender, message)


async def main() -> None:
    """Send them all."""
    port, recipient, number, sessions, folder = sys.argv[1:]
    files = [file.read_bytes().partition(b"\n") for file in sorted(Path(folder).iterdir())]
    messages = [(sender.decode(), message) for sender, _, message in files]
    work = itertools.islice(itertools.cycle(messages), int(number))
    async with asyncio.TaskGroup() as group:
        for _ in range(int(sessions)):
            group.create_task(_session(work, int(port), recipient))


if __name__ == "__main__":
    uvloop.run(main())
