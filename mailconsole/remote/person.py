"""The person at the terminal, who is asked there though standard input may be a file."""

from __future__ import annotations

import contextlib
import getpass
from collections.abc import Iterator
from typing import TextIO

from backend.errors import Permanent
from screens.text import safe


def there() -> bool:
    """Whether there is a terminal to ask at."""
    try:
        with _terminal():
            return True
    except OSError:
        return False


def secret(question: str) -> str:
    """What is typed, and not shown. Permanent when it is the end of input."""
    try:
        return getpass.getpass(safe(question))
    except EOFError:
        raise Permanent("Nothing was typed.") from None


def agrees(question: str) -> bool:
    """Whether the answer is yes."""
    with _terminal() as terminal:
        terminal.write(safe(question) + " [y/N] ")
        terminal.flush()
        return terminal.readline().strip().lower() in ("y", "yes")


@contextlib.contextmanager
def _terminal() -> Iterator[TextIO]:
    with open("/dev/tty", "rb+", buffering=0) as raw:  # noqa: PTH123  Python wants to seek in what Path.open gives
        import io

        yield io.TextIOWrapper(raw, "utf-8", "backslashreplace", write_through=True)
