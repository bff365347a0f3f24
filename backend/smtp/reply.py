"""Replies of the server, named. Each has a code, an enhanced status code (RFC 3463) and words (RFC 5321 §4.2)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from backend.errors import MailError


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply; `text` may have several lines. `status` is empty where RFC 2034 §4 forbids one (greeting, EHLO)."""

    code: int
    status: str
    text: str

    def encode(self) -> bytes:
        """The reply on the wire: `250 2.0.0 OK` CRLF."""
        return _encode(self.code, self.status, self.text)

    def saying(self, text: str) -> Reply:
        """The same codes with other words."""
        return Reply(self.code, self.status, text)

    @property
    def refuses(self) -> bool:
        """Whether it is a 4xx or 5xx."""
        return self.code >= 400


@lru_cache(maxsize=256)  # most replies are the same few
def _encode(code: int, status: str, text: str) -> bytes:
    lines = text.replace("\r", " ").split("\n")
    prefix = f"{status} " if status else ""
    written = [f"{code}-{prefix}{line}\r\n" for line in lines[:-1]]
    written.append(f"{code} {prefix}{lines[-1]}\r\n")
    return "".join(written).encode("utf-8", "replace")


def of(error: MailError) -> Reply:
    """The reply that an error is on the wire."""
    return Reply(error.code, error.status, str(error))


OK = Reply(250, "2.0.0", "OK")
HELP = Reply(214, "2.0.0", "This is an SMTP server (RFC 5321); its postmaster can help")
BYE = Reply(221, "2.0.0", "Bye")
START_TLS = Reply(220, "2.0.0", "Ready to start TLS")
AUTHENTICATED = Reply(235, "2.7.0", "Authenticated")
SENDER_OK = Reply(250, "2.1.0", "Sender OK")
RECIPIENT_OK = Reply(250, "2.1.5", "Recipient OK")
CANNOT_VERIFY = Reply(252, "2.5.2", "Cannot verify the address; send the mail and see")
GO_AHEAD = Reply(354, "", "Go ahead; end with a dot on a line of its own")

SHUTTING_DOWN = Reply(421, "4.3.2", "The service is restarting; try again in a minute")
TOO_SLOW = Reply(421, "4.4.2", "Nothing came in time; closing")
TOO_LONG = Reply(421, "4.4.2", "The session has taken too long; closing")
TOO_MANY_ERRORS = Reply(421, "4.7.0", "Too many errors; closing")
TOO_MANY_MESSAGES = Reply(421, "4.7.0", "Enough messages for one connection; come back on another")
INTERNAL = Reply(451, "4.3.0", "Something went wrong here; try again later")
TOO_MANY_RECIPIENTS = Reply(452, "4.5.3", "Too many recipients; send the others another copy")
AUTH_ABORTED = Reply(501, "5.7.0", "Authentication given up")

UNKNOWN_COMMAND = Reply(500, "5.5.2", "Command unrecognized")
LINE_TOO_LONG = Reply(500, "5.5.2", "Line too long")
BARE_LINE_END = Reply(500, "5.5.2", "Lines end with CR LF; a bare CR or LF is not accepted (RFC 5321 §2.3.8)")
NOT_ASCII = Reply(500, "5.5.2", "Commands are ASCII; addresses may be UTF-8 after MAIL with SMTPUTF8")
BAD_SYNTAX = Reply(501, "5.5.4", "Syntax error in the argument")
NOT_IMPLEMENTED = Reply(502, "5.5.1", "Command not provided here")
SAY_HELLO = Reply(503, "5.5.1", "Say EHLO first")
NEED_MAIL = Reply(503, "5.5.1", "Say MAIL first")
NEED_RECIPIENT = Reply(503, "5.5.1", "No valid recipient")
NESTED_MAIL = Reply(503, "5.5.1", "A sender is already given")
BDAT_PENDING = Reply(503, "5.5.1", "BDAT has begun; only BDAT or RSET may follow")
TLS_ACTIVE = Reply(503, "5.5.1", "TLS is already active")
NO_AUTH_BEFORE_TLS = Reply(538, "5.7.11", "Say STARTTLS first; passwords are never taken in plain text")
AUTH_TWICE = Reply(503, "5.5.1", "Already authenticated")
AUTH_IN_MAIL = Reply(503, "5.5.1", "AUTH is not possible during a mail transaction")
UNKNOWN_MECHANISM = Reply(504, "5.5.4", "Mechanism not provided; use PLAIN or LOGIN")
NEED_TLS = Reply(530, "5.7.0", "Say STARTTLS first")
NEED_TLS_FOR_REQUIRETLS = Reply(530, "5.7.10", "REQUIRETLS is for connections in TLS; say STARTTLS first (RFC 8689)")
NEED_AUTH = Reply(530, "5.7.0", "Authentication required")
TOO_BIG = Reply(552, "5.3.4", "Message too big")
HEADER_TOO_BIG = Reply(552, "5.3.4", "Header section too big")
NEED_SMTPUTF8 = Reply(553, "5.6.7", "A UTF-8 address needs MAIL with SMTPUTF8 (RFC 6531)")
BARE_IN_MESSAGE = Reply(554, "5.6.0", "The message has a bare CR or LF; lines end with CR LF (RFC 5321 §2.3.8)")
NUL_IN_MESSAGE = Reply(554, "5.6.0", "The message has a NUL byte (RFC 5321 §4.5.2)")
UNKNOWN_PARAMETER = Reply(555, "5.5.4", "Parameter unrecognized")
