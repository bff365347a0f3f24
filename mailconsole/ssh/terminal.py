"""A client's terminal: its size, its name, the few words of environment, and how it is put right again."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import termios
from dataclasses import dataclass, field

_COLUMNS, _ROWS = 500, 300  # the largest that is drawn
_USUAL = (80, 24)
_TERM = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]{0,63}")
_VALUE = re.compile(r"[A-Za-z0-9._@:+-]{0,64}")
_ENVIRONMENT = ("LANG", "LC_ALL", "COLORTERM", "NO_COLOR")

# CAN ends a sequence that was cut off. Then: synchronized output, in-band resize, keyboard, mouse, focus and bracketed
# paste off, the main screen, wrapping on, the cursor visible, plain colours.
RESTORE = (
    b"\x18\x1b[?2026l\x1b[?2048l\x1b[<u\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l\x1b[?1004l"
    b"\x1b[?2004l\x1b[?1049l\x1b[?7h\x1b[?25h\x1b[0m"
)


@dataclass(slots=True)
class Terminal:
    """What the client has said of itself so far. Without a `term` it has no terminal."""

    term: str = ""
    columns: int = _USUAL[0]
    rows: int = _USUAL[1]
    environment: dict[str, str] = field(default_factory=dict)

    def name(self, term: bytes) -> None:
        """TERM; what is no name of a terminal becomes the usual one."""
        text = term.decode("ascii", "replace") if isinstance(term, bytes) else term
        self.term = text if _TERM.fullmatch(text) else "xterm-256color"

    def resize(self, columns: int, rows: int) -> None:
        """In characters; 0 is what a client says that does not know."""
        self.columns = min(columns, _COLUMNS) if columns > 0 else _USUAL[0]
        self.rows = min(rows, _ROWS) if rows > 0 else _USUAL[1]

    def accept(self, name: bytes, value: bytes) -> bool:
        """Whether this variable reaches the child."""
        try:
            key, text = name.decode("ascii"), value.decode("ascii")
        except UnicodeDecodeError:
            return False
        if key not in _ENVIRONMENT or not _VALUE.fullmatch(text):
            return False
        self.environment[key] = text
        return True

    def variables(self) -> dict[str, str]:
        """The whole environment of a child. COLUMNS and LINES are not in it: they would freeze the size."""
        found = {"LANG": "C.UTF-8", **self.environment}
        return {**found, "TERM": self.term} if self.term else found

    def open(self, *, raw: bool) -> tuple[int, int]:
        """A new pty of this size: our end and the child's. `raw`: nothing is echoed before the child has drawn."""
        ours, theirs = os.openpty()
        self.apply(ours)
        if raw:
            modes = termios.tcgetattr(theirs)
            modes[3] &= ~(termios.ECHO | termios.ICANON | termios.ISIG)
            termios.tcsetattr(theirs, termios.TCSANOW, modes)
        return ours, theirs

    def apply(self, pty: int) -> None:
        """Give the pty this size; its child hears of it."""
        fcntl.ioctl(pty, termios.TIOCSWINSZ, struct.pack("HHHH", self.rows, self.columns, 0, 0))
