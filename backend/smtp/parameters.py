"""Arguments of MAIL and RCPT: a path, then ESMTP parameters (RFC 5321 §4.1.2). Pure functions from text to values."""

from __future__ import annotations

import re
from dataclasses import dataclass

from backend import address
from backend.address import Address
from backend.errors import BadInput
from backend.smtp import reply
from backend.smtp.session import MailTransaction

_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]{0,63})(?:=([^\x00-\x20=\x7f]{1,1024}))?")
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")  # RFC 3461 §4
_ORCPT = re.compile(r"[A-Za-z0-9-]{1,40};[^\x00-\x20\x7f]{1,500}")
_ENVID_CHARACTERS = 100  # RFC 3461 §4.4
_NOTIFY = {"SUCCESS", "FAILURE", "DELAY"}


@dataclass(frozen=True, slots=True)
class RcptArgument:
    """What RCPT said."""

    address: Address
    notify: str | None
    orcpt: str | None


def mail(text: str) -> MailTransaction:
    """`FROM:<a@b> SIZE=1 ...` as a transaction; BadInput with its reply."""
    sender, rest = _path(text, "FROM:")
    transaction = MailTransaction(sender)
    for name, value in _parameters(rest):
        match name:
            case "SIZE" if value.isdecimal() and len(value) <= 20:
                transaction.size = int(value)
            case "BODY" if value.upper() in ("7BIT", "8BITMIME"):
                transaction.body = value.upper()
            case "SMTPUTF8" if not value:
                transaction.smtputf8 = True
            case "REQUIRETLS" if not value:
                transaction.requiretls = True
            case "RET" if value.upper() in ("FULL", "HDRS"):
                transaction.ret = value.upper()
            case "ENVID" if len(value) <= _ENVID_CHARACTERS and _XTEXT.fullmatch(value):
                transaction.envid = value
            case "AUTH" if value:  # RFC 4954 §5: we trust nobody's word, as if it were <>
                pass
            case _:
                raise _bad_parameter(name, value, ("SIZE", "BODY", "SMTPUTF8", "REQUIRETLS", "RET", "ENVID", "AUTH"))
    if sender is not None and not sender.ascii and not transaction.smtputf8:
        raise _error(reply.NEED_SMTPUTF8)
    return transaction


def rcpt(text: str, *, smtputf8: bool) -> RcptArgument:
    """`TO:<a@b> NOTIFY=NEVER ...`; BadInput with its reply."""
    to, rest = _path(text, "TO:")
    if to is None:
        raise BadInput("<> is not a recipient.", code=553, status="5.1.3")
    if not to.ascii and not smtputf8:
        raise _error(reply.NEED_SMTPUTF8)
    notify: str | None = None
    orcpt: str | None = None
    for name, value in _parameters(rest):
        match name:
            case "NOTIFY" if _valid_notify(value.upper()):
                notify = value.upper()
            case "ORCPT" if _ORCPT.fullmatch(value) and (smtputf8 or value.isascii()):
                orcpt = value
            case _:
                raise _bad_parameter(name, value, ("NOTIFY", "ORCPT"))
    return RcptArgument(to, notify, orcpt)


def _path(text: str, keyword: str) -> tuple[Address | None, str]:
    if text[: len(keyword)].upper() != keyword:
        raise _error(reply.BAD_SYNTAX.saying(f"Syntax: {'MAIL' if keyword == 'FROM:' else 'RCPT'} {keyword}<address>"))
    found, rest = address.path(text[len(keyword) :].lstrip(" "))  # the blank is wrong and common
    if rest and not rest.startswith(" "):
        raise _error(reply.BAD_SYNTAX)
    return found, rest


def _parameters(text: str) -> list[tuple[str, str]]:
    found = []
    for word in text.split():
        match = _PARAMETER.fullmatch(word)
        if match is None:
            raise _error(reply.BAD_SYNTAX)
        found.append((match[1].upper(), match[2] or ""))
    if len({name for name, _ in found}) < len(found):
        raise _error(reply.BAD_SYNTAX.saying("A parameter is given twice"))
    return found


def _valid_notify(value: str) -> bool:
    return value == "NEVER" or (bool(value) and set(value.split(",")) <= _NOTIFY)


def _bad_parameter(name: str, value: str, known: tuple[str, ...]) -> BadInput:
    if name in known:
        return _error(reply.BAD_SYNTAX.saying(f"Bad value of {name}" if value else f"{name} needs a value"))
    return _error(reply.UNKNOWN_PARAMETER)


def _error(answer: reply.Reply) -> BadInput:
    return BadInput(answer.text, code=answer.code, status=answer.status)
