"""A child by its pid: waited for, and ended with everything that it started."""

from __future__ import annotations

import contextlib
import os
import signal
import time

_GRACE = 2.0  # seconds from SIGHUP to SIGKILL
_TICK = 0.01


class Process:
    """Ours to wait for. Its pid is its group's too."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._code: int | None = None

    def wait(self, seconds: float) -> int | None:
        """The exit code, negative for a signal; None when it runs on."""
        until = time.monotonic() + seconds
        while self._code is None:
            found, status = os.waitpid(self._pid, os.WNOHANG)
            if found:
                self._code = os.waitstatus_to_exitcode(status)
            elif time.monotonic() >= until:
                break
            else:
                time.sleep(_TICK)
        return self._code

    def end(self) -> int:
        """End it, if it has not ended: SIGHUP, and SIGKILL for what does not obey. The exit code."""
        for number in (signal.SIGHUP, signal.SIGKILL):
            if self.wait(0) is None:
                for send in (os.killpg, os.kill):  # it may not have a group of its own yet
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        send(self._pid, number)
                self.wait(_GRACE)
        return -signal.SIGKILL if self._code is None else self._code
