"""The terminal's keys, as they come. The toolkit's own driver looks ten times a second whether there are any, and sees
only then that nothing has followed an Escape: twenty sessions pay for that, and whoever leaves a dialog waits for it.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import selectors
import threading
import time
from typing import Any

from textual import constants
from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

_BLOCK = 4_096  # bytes read at once

# Seconds to wait whether an Escape begins the code of another key; the toolkit gives it 100 ms. A code comes whole:
# over SSH in one packet, from a terminal in one write.
constants.ESCAPE_DELAY = 0.01  # type: ignore[misc]


class _Exit(threading.Event):
    """Can be waited for together with keys: while it is set, `number` can be read from."""

    def __init__(self) -> None:
        super().__init__()
        self.number, self._ring = os.pipe()

    def set(self) -> None:
        """It is time."""
        super().set()
        os.write(self._ring, b"\0")

    def clear(self) -> None:
        """Begin anew."""
        if self.is_set():
            os.read(self.number, _BLOCK)
        super().clear()


class Driver(LinuxDriver):
    """Sleeps until a key comes."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._exit = self.exit_event = _Exit()

    def run_input_thread(self) -> None:
        """Read keys until the end of the console, or of the terminal."""
        parser = XTermParser(self._debug)
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        with selectors.DefaultSelector() as selector:
            for number in (self.fileno, self._exit.number):
                selector.register(number, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                due = parser._timeout_time  # of an Escape
                ready = selector.select(None if due is None else max(0.0, due - time.monotonic()))
                if any(key.fd == self.fileno for key, _ in ready):
                    if not (block := os.read(self.fileno, _BLOCK)):
                        return
                    for event in parser.feed(decode(block)):
                        self.process_message(event)
                for event in parser.tick():
                    self.process_message(event)
        with contextlib.suppress(EOFError, ParseError):
            list(parser.feed(""))
