"""What a child of the front door may do at most: read the program's own files, and nothing of the site."""

from __future__ import annotations

from pathlib import Path

import backend
import mailconsole
import screens
from backend import confinement


def enter() -> tuple[str, ...]:
    """From here on, and for ever. The names of what holds."""
    return confinement.enter(Path(str(one.__file__)).parent for one in (backend, mailconsole, screens))
