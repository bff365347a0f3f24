"""One command line of an operator who came by SSH. No shell reads it, and only actions can be done with it."""

from __future__ import annotations

import shlex
import socket
import traceback
from collections.abc import Callable

from backend import logs
from backend.errors import BadInput, MailError
from mailconsole import cli, problems

HELP = (
    "This is Mailconsole. `ssh -t` opens the console, which needs a terminal. Without one say what to do:"
    " ssh HOST queue list --json; ssh HOST --help names all verbs."
)


def words_of(line: str) -> list[str]:
    """The words as a shell would split them. BadInput."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise BadInput(f"The command cannot be read: {str(error).lower()}.") from None
    return words[1:] if words[:1] == ["mailconsole"] else words


def run(line: str, connection: socket.socket, crashed: Callable[[str, str], None]) -> int:
    """Run `line`; the exit code. `crashed` is told an incident and its traceback."""

    def command() -> int:
        try:
            words = words_of(line)
            if not words:
                problems.say(HELP)
                return BadInput.exit_code
            return cli.run(words, connection)
        except (MailError, OSError):
            raise
        except Exception:
            incident = logs.incident()
            crashed(incident, traceback.format_exc())
            problems.say(f"mailconsole: something went wrong inside; the service's log has it as incident {incident}.")
            return problems.INTERNAL

    return problems.guard(command)
