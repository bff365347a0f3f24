"""The keys that we may log in with: those of the agent, and those in files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from paramiko import Agent, PasswordRequiredException, PKey, SSHException

from backend.errors import BadInput
from mailconsole.remote.target import Target

Prompt = Callable[[str], str]
_TRIES = 3  # at a passphrase
_log = logging.getLogger("remote")


class Keys:
    """Of one target. What a passphrase has opened stays open, so that nobody is asked again."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._opened: dict[Path, PKey] = {}

    def offered(self, prompt: Prompt | None) -> Iterator[PKey]:
        """One after the other; passphrases are asked for when their file's turn comes. BadInput."""
        if not self._target.only_these:
            yield from Agent().get_keys()
        for file in self._target.identities:
            if file not in self._opened:
                key = self._load(file, prompt)
                if key is None:
                    continue
                self._opened[file] = key
            yield self._opened[file]

    def _load(self, file: Path, prompt: Prompt | None) -> PKey | None:
        named = self._target.only_these
        if not file.exists():
            if named:
                raise BadInput(f"There is no key in {file}.")
            return None
        try:
            return PKey.from_path(file)
        except (PasswordRequiredException, TypeError):  # the latter is what cryptography says of it
            return self._unlocked(file, prompt)
        except (SSHException, UnsupportedAlgorithm, ValueError, OSError) as error:
            if named:
                raise BadInput(f"{file} holds no key that can be used: {error}.") from None
            _log.info("no key in %s: %s", file, error)
            return None

    def _unlocked(self, file: Path, prompt: Prompt | None) -> PKey | None:
        for _ in range(_TRIES if prompt else 0):
            assert prompt is not None
            if not (passphrase := prompt(f"Passphrase of {file}: ")):
                return None
            try:
                return PKey.from_path(file, password=passphrase.encode())  # type: ignore[arg-type]  # bytes it is
            except (SSHException, ValueError, TypeError):
                continue
        return None
