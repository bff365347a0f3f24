"""A daemon of others in one folder: started, waited for until it answers, and ended with the block."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.harness.ports import free_port
from tests.harness.processes import end
from tests.harness.waiting import until


class Daemon:
    """It listens on `port` of 127.0.0.1, and what it says is in the file `output`. A context manager."""

    question = b""  # what it is asked
    answer = b""  # what is in its answer when it works; nothing: it only has to be there

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> Sequence[str]:
        """The program and its words."""
        raise NotImplementedError

    @property
    def address(self) -> str:
        """As the settings want it."""
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            until(self._answers, within=120, why=f"{type(self).__name__} answers")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._end()

    def _answers(self) -> bool:
        assert self.process is None or self.process.poll() is None, (self.folder / "output").read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5) as line:
            if not self.answer:
                return True
            line.sendall(self.question)
            return self.answer in line.recv(64)
        return False

    def _end(self) -> None:
        process, self.process = self.process, None
        if process is not None:
            end(process, grace=10)
