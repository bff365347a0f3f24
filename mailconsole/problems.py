"""Owner of stderr and the exit codes: 0 done, 1 failed, 2 wrong use, 3 denied, 70 our fault, 75 try again."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

from backend.errors import MailError
from screens.text import safe

INTERNAL, INTERRUPTED = 70, 130


def say(sentence: str) -> None:
    """A sentence for the person, beside the data."""
    sys.stderr.write(safe(sentence) + "\n")
    sys.stderr.flush()


def ask(question: str) -> bool:
    """Whether the person at the terminal says yes."""
    sys.stderr.write(safe(question) + " [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def guard(command: Callable[[], int]) -> int:
    """Run `command`; whatever it raises becomes a sentence and an exit code."""
    try:
        code = command()
        sys.stdout.flush()
        return code
    except MailError as error:
        say(f"mailconsole: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `| head` has seen enough
        _drop_output()
        return 0
    except OSError as error:
        _drop_output()
        where = f" ({error.filename})" if error.filename else ""
        say(f"mailconsole: {error.strerror or error}{where}.")
        return 1
    except Exception:
        say(f"mailconsole: something went wrong inside; {_written_down()} says what. Please report it.")
        return INTERNAL


def _drop_output() -> None:
    """What is still to be written goes nowhere: Python would try again at its end, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _written_down() -> Path:
    """The file that now holds the traceback of the exception at hand."""
    import traceback  # rarely needed, and slow to load

    from backend import logs

    folder = Path(os.environ.get("TMPDIR", "/tmp"))  # noqa: S108  the name is random, and nobody else may open it
    log = folder / f"mailconsole-{logs.incident()}.log"
    with contextlib.suppress(OSError):
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            traceback.print_exc(file=file)
    return log
