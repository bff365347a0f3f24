"""The one ladder of errors.

    MailError
    |-- BadInput     what was sent or typed is wrong; doing the same again fails again
    |-- Denied       understood, and not allowed to this caller
    |-- Temporary    nothing wrong with the request; the same may work later
    '-- Permanent    will not work, now or later

Each carries an SMTP reply, an exit code and a sentence for a person that says what to do next. They are caught
at the top of a connection, a command or a worker, and logged there once.
"""

from __future__ import annotations

from typing import ClassVar


class MailError(Exception):
    """Something the service reports in words. `str(error)` is the sentence for a person.

    `code` and `status` are the SMTP reply code and enhanced status code (RFC 3463) when it ends up on the wire.
    """

    code: int = 451
    status: str = "4.3.0"
    exit_code: ClassVar[int] = 1

    def __init__(self, sentence: str, *, code: int | None = None, status: str | None = None) -> None:
        super().__init__(sentence)
        if code is not None:
            self.code = code
        if status is not None:
            self.status = status


class BadInput(MailError):
    """What was sent or typed is wrong: a syntax error, an unknown key, a number out of range."""

    code = 501
    status = "5.5.4"
    exit_code = 2


class Denied(MailError):
    """Understood, and not allowed to this caller."""

    code = 550
    status = "5.7.1"
    exit_code = 3


class Temporary(MailError):
    """Nothing is wrong with the request; the same may work later (EX_TEMPFAIL)."""

    code = 451
    status = "4.3.0"
    exit_code = 75


class Permanent(MailError):
    """It will not work, now or later."""

    code = 554
    status = "5.0.0"
    exit_code = 1
