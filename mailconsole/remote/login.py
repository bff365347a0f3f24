"""Who we are to a host: keys, then the password, then what else it asks for (RFC 4252, RFC 4256)."""

from __future__ import annotations

from collections.abc import Iterator

from paramiko import AuthenticationException, BadAuthenticationType, PKey, SSHException, Transport

from backend.errors import Denied
from mailconsole.remote.keys import Keys, Prompt
from mailconsole.remote.target import Target
from screens.text import safe

_TRIES = 3  # at a password


class Login:
    """One log-in of one transport. Without a `prompt` nobody can be asked, and keys have to do."""

    def __init__(self, transport: Transport, target: Target, keys: Keys, prompt: Prompt | None) -> None:
        self._transport = transport
        self._target = target
        self._prompt = prompt
        self._keys: Iterator[PKey] = keys.offered(prompt)
        self._passwords = _TRIES
        self._codes = _TRIES

    def run(self) -> None:
        """Log in. Denied when the host refuses all that we have, or wants what nobody is there to say."""
        left = self._ways()
        while left:
            try:
                left = self._step(left)
            except BadAuthenticationType as error:
                left = list(error.allowed_types)
            except AuthenticationException:
                if not self._transport.is_active():
                    raise Denied(f"{self._target} has refused the log-in and hung up.") from None

    def _ways(self) -> list[str]:
        """What the host takes; empty when it asks for nothing."""
        try:
            self._transport.auth_none(self._target.user)
        except BadAuthenticationType as error:
            return list(error.allowed_types)
        return []

    def _step(self, ways: list[str]) -> list[str]:
        """Try the next thing: what is still wanted behind it."""
        user = self._target.user
        if "publickey" in ways and (key := next(self._keys, None)) is not None:
            return list(self._transport.auth_publickey(user, key))
        if "password" in ways and self._passwords and self._prompt:
            self._passwords -= 1
            password = self._prompt(f"Password of {self._target}: ")
            return list(self._transport.auth_password(user, password, fallback=False))
        if "keyboard-interactive" in ways and self._codes and self._prompt:
            self._codes -= 1
            return list(self._transport.auth_interactive(user, self._answers))
        if self._prompt is None:
            raise Denied(f"{self._target} wants more than a key, and nobody can be asked here; connect again.")
        raise Denied(f"{self._target} refuses the log-in. It takes: {safe(', '.join(ways))}.")

    def _answers(self, title: str, instructions: str, questions: list[tuple[str, bool]]) -> list[str]:
        assert self._prompt is not None
        try:
            return [self._prompt(safe(question).strip() + " ") for question, _ in questions]
        except EOFError:
            raise SSHException("no answer") from None
