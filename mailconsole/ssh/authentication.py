"""What paramiko asks while somebody logs in: RFC 4252, and RFC 4256 for the code.

`check_auth_publickey` is also called for a key that is merely shown, and for any that the caller does not own. So
nothing follows from it: what was proved is known once `settled` says how the attempt ended.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from paramiko import PKey, ServerInterface
from paramiko.common import AUTH_FAILED, AUTH_PARTIALLY_SUCCESSFUL, AUTH_SUCCESSFUL
from paramiko.server import InteractiveQuery

from backend import logs
from backend.errors import MailError
from mailconsole.selfservice import Account
from mailconsole.ssh.gate import Gate, Identity

_log = logging.getLogger("ssh")
_NAME_LENGTH = 254  # of an operator or an account, RFC 5321 §4.5.3.1.3
_CODE = "keyboard-interactive"

T = TypeVar("T")


class Authentication(ServerInterface):
    """One client's way in. `address` is its IP, `peer` that with its port."""

    def __init__(self, gate: Gate, address: str, peer: str, tries: int, self_service: bool) -> None:
        self._gate = gate
        self._address = address
        self._peer = peer
        self._tries = tries
        self._self_service = self_service
        self.account: Account | None = None  # who has logged in is this, and no operator
        self._operator = ""
        self._shown = ""  # the fingerprint of the key at hand
        self._proved: str | None = None  # that of the key that was proved; empty: a password was
        self._wants_code = False  # key or password are right, and a code is to follow
        self._asked = False  # for the code

    def identity(self) -> Identity:
        """Who it is. Read it after the log-in, never before."""
        return Identity(self._operator, self._proved or "", f"ssh {self._peer}")

    def settled(self, method: str, result: int) -> bool:
        """An attempt is over. Whether there may be another."""
        if result == AUTH_FAILED:
            if method != "none":  # how a client asks which ways there are
                self._tries -= 1
                _log.info("log-in refused", extra=logs.fields(operator=self._operator, peer=self._peer, way=method))
            return self._tries > 0
        if method != _CODE:
            self._proved = self._shown if method == "publickey" else ""
        self._wants_code = result == AUTH_PARTIALLY_SUCCESSFUL
        return True

    def get_allowed_auths(self, username: str) -> str:
        """The same for every name: it says nothing of who exists."""
        return _CODE if self._wants_code else "publickey,password"

    def check_auth_none(self, username: str) -> int:
        """Never."""
        self._operator = username
        return AUTH_FAILED

    def check_auth_publickey(self, username: str, key: PKey) -> int:
        """Whether the key would do. Changes nothing."""
        if self._wants_code or not _is_name(username):
            return AUTH_FAILED
        self._operator, self._shown = username, key.fingerprint
        blob = key.get_base64()
        answer = self._answer(lambda: self._gate.key(username, key.get_name(), blob))
        return AUTH_FAILED if answer is None or not answer["known"] else _so_far(answer["more"])

    def check_auth_password(self, username: str, password: str) -> int:
        """Management decides, and counts."""
        if self._wants_code or not _is_name(username) or not isinstance(password, str):
            return AUTH_FAILED
        self._operator = username
        if "@" in username:
            return self._check_account(username, password)
        answer = self._answer(lambda: self._gate.password(username, password, self._address))
        return AUTH_FAILED if answer is None or not answer["open"] else _so_far(answer["more"])

    def _check_account(self, address: str, password: str) -> int:
        """That of a mail account, who may do nothing but change it."""
        if not self._self_service or not self._answer(lambda: self._gate.account(address, password, self._address)):
            return AUTH_FAILED
        self.account = Account(address, password, self._address)
        return AUTH_SUCCESSFUL

    def check_auth_interactive(self, username: str, submethods: str) -> int | InteractiveQuery:
        """Ask for the code, of who has shown the rest."""
        if not self._wants_code:
            return AUTH_FAILED
        self._asked = True
        return InteractiveQuery("", "", ("Code: ", False))

    def check_auth_interactive_response(self, responses: list[str]) -> int | InteractiveQuery:
        """The code."""
        asked, self._asked = self._asked, False
        if not (self._wants_code and asked) or len(responses) != 1:
            return AUTH_FAILED
        code = responses[0].strip()
        good = self._answer(lambda: self._gate.totp(self._operator, code, self._address))
        return AUTH_SUCCESSFUL if good else AUTH_FAILED

    def _answer(self, call: Callable[[], T]) -> T | None:
        """Management's answer; None when there is none: nobody gets in then."""
        try:
            return call()
        except MailError as error:
            _log.warning("no log-in: %s", error, extra=logs.fields(operator=self._operator, peer=self._peer))
            return None


def _so_far(more: list[str]) -> int:
    return AUTH_PARTIALLY_SUCCESSFUL if more else AUTH_SUCCESSFUL


def _is_name(username: str) -> bool:
    return 0 < len(username) <= _NAME_LENGTH and username.isprintable()
