"""Whether a host is the one that it was: known_hosts, as OpenSSH keeps it."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

from paramiko import HostKeys, PKey

from backend.errors import Denied, Permanent
from mailconsole.remote.target import Target

Ask = Callable[[str], bool]
_REVOKED, _HASH = "@revoked", "|1|"


class KnownHosts:
    """What the files of a target say of it. Lines that cannot be read say nothing, as with ssh."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._known: set[tuple[str, str]] = set()  # type and base64
        self._revoked: set[str] = set()
        for file in target.known_hosts:
            if file.exists():
                self._read(file)

    def _read(self, file: Path) -> None:
        for line in file.read_text("utf-8", "replace").splitlines():
            match line.split():
                case [mark, names, _, blob, *_] if mark == _REVOKED and _names(names, self._target.entry):
                    self._revoked.add(blob)
                case [names, kind, blob, *_] if names[0] not in "@#" and _names(names, self._target.entry):
                    self._known.add((kind, blob))

    def kinds(self) -> set[str]:
        """The types of the keys that the host is known by: they are asked for first."""
        return {kind for kind, _ in self._known}

    def check(self, key: PKey, ask: Ask | None) -> None:
        """Return when `key` is the host's, and known or confirmed by who is asked. Denied, Permanent."""
        name, kind = self._target.entry, key.get_name()
        if key.get_base64() in self._revoked:
            raise Denied(f"The key that {name} shows was revoked; do not go on, and ask who runs the host.")
        if (kind, key.get_base64()) in self._known:
            return
        if kind in self.kinds():
            raise Denied(
                f"The {kind} key of {name} has changed: it is {key.fingerprint} now. Somebody may be listening in."
                f" Ask who runs the host; if the new key is right, remove the old one: ssh-keygen -R '{name}'."
            )
        if self._known:
            known = ", ".join(sorted(self.kinds()))
            raise Denied(f"{name} is known by {known}, and shows a {kind} key now: {key.fingerprint}.")
        if ask is None:
            raise Permanent(
                f"{name} is not known yet, and there is no terminal to ask. Its key is {key.fingerprint};"
                f" connect to it once from a terminal, or add it to {self._target.known_hosts[0]}."
            )
        if not ask(f"{name} is not known yet. Its {kind} key is {key.fingerprint}. Is that what its `init` said?"):
            raise Permanent("Not connected.")
        self._write(key)

    def _write(self, key: PKey) -> None:
        file, name = self._target.known_hosts[0], self._target.entry
        self._known.add((key.get_name(), key.get_base64()))
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        written = HostKeys.hash_host(name) if self._target.hashed else name
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "w") as end:
            end.write(f"{written} {key.get_name()} {key.get_base64()}\n")


def _names(patterns: str, name: str) -> bool:
    """Whether a line that begins like this is about `name`: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT."""
    if patterns.startswith(_HASH):
        try:
            return hmac.compare_digest(HostKeys.hash_host(name, patterns), patterns)
        except (ValueError, AssertionError):  # no salt that anybody could have used
            return False
    found = False
    for pattern in patterns.lower().split(","):
        if fnmatchcase(name, pattern.removeprefix("!").replace("[", "[[]")):
            if pattern.startswith("!"):
                return False
            found = True
    return found
