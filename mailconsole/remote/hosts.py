"""Whether a host is the one that it was: known_hosts, as OpenSSH keeps it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from paramiko import HostKeys, PKey
from paramiko.hostkeys import InvalidHostKey

from backend.errors import BadInput, Denied, Permanent
from mailconsole.remote.target import Target

Ask = Callable[[str], bool]
_REVOKED = "@revoked"


class KnownHosts:
    """What the files of a target say."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._keys = HostKeys()
        self._revoked: set[str] = set()
        for file in target.known_hosts:
            self._read(file)

    def _read(self, file: Path) -> None:
        try:
            self._keys.load(str(file))
            lines = file.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return
        except (InvalidHostKey, ValueError) as error:
            raise BadInput(f"{file} has a line that is no host key: {error}.") from None
        self._revoked |= {words[3] for line in lines if (words := line.split())[:1] == [_REVOKED] and len(words) > 3}

    def kinds(self) -> list[str]:
        """The types of the keys that the host is known by: they are asked for first."""
        return list(self._keys.lookup(self._target.entry) or ())

    def check(self, key: PKey, ask: Ask | None) -> None:
        """Return when `key` is the host's, and known or confirmed by who is asked. Denied, Permanent."""
        name, kind = self._target.entry, key.get_name()
        if key.get_base64() in self._revoked:
            raise Denied(f"The key that {name} shows was revoked; do not go on, and ask who runs the host.")
        known = self._keys.lookup(name)
        if known and kind in known:
            if known[kind].asbytes() == key.asbytes():
                return
            raise Denied(
                f"The {kind} key of {name} has changed: it is {key.fingerprint} now. Somebody may be listening in."
                f" Ask who runs the host; if the new key is right, remove the old one: ssh-keygen -R '{name}'."
            )
        if known:
            raise Denied(f"{name} is known by {', '.join(known)}, and shows a {kind} key now: {key.fingerprint}.")
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
        self._keys.add(name, key.get_name(), key)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        written = HostKeys.hash_host(name) if self._target.hashed else name
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "w") as end:
            end.write(f"{written} {key.get_name()} {key.get_base64()}\n")
