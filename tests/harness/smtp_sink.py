"""Postfix's `smtp-sink`: a mail host that takes everything, fast."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.harness.ports import free_port
from tests.harness.processes import end
from tests.harness.waiting import until
from tests.harness.wire import banner


class SmtpSink:
    """`smtp-sink` on a free port. With a folder every message is kept there in a file."""

    def __init__(self, folder: Path | None = None, *, options: tuple[str, ...] = (), port: int = 0) -> None:
        self.port = port or free_port()
        self.folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """As `to = ` of a route wants it."""
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        command = ["/usr/sbin/smtp-sink", *self._options]
        if os.getuid() == 0:
            command += ["-u", "root"]  # it wants to be told
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            command += ["-d", f"{self.folder}/"]
        command += [self.address, "1000"]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: banner("127.0.0.1", self.port), every=0.02, why="smtp-sink's banner")
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._process is not None:
            end(self._process, grace=5)
            self._process = None

    def messages(self) -> list[bytes]:
        """What was kept so far: smtp-sink's own X- lines, then the message."""
        assert self.folder is not None
        kept = []
        for file in sorted(self.folder.iterdir()):
            with contextlib.suppress(FileNotFoundError):
                kept.append(file.read_bytes())
        return kept
