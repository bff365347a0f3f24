"""Which host is meant, as who, and with which keys: the command line first, then ~/.ssh/config."""

from __future__ import annotations

import getpass
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paramiko import ConfigParseError, SSHConfig

from backend.errors import BadInput

PORT = 22
_USER = r"(?:(?P<user>[^\s@]+(?:@[^\s@]+)?)@)?"  # of a mail account it has an @ itself
_HOST = r"(?:\[(?P<six>[\w:.%]+)\]|(?P<host>[^\s@:\[\]-][^\s@:\[\]]*))"
_WHERE = re.compile(rf"{_USER}{_HOST}(?::(?P<port>\d{{1,5}}))?")
_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")


@dataclass(frozen=True, slots=True)
class Target:
    """Where to go. `name` is what known_hosts calls it."""

    host: str
    port: int
    user: str
    name: str
    identities: tuple[Path, ...]  # files of keys, whether they exist or not
    only_these: bool = False  # keys of the agent are not offered
    known_hosts: tuple[Path, ...] = ()  # the first is where a new one is written
    hashed: bool = False  # new names are written as hashes

    @property
    def entry(self) -> str:
        """As a line of known_hosts has it."""
        return self.name if self.port == PORT else f"[{self.name}]:{self.port}"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.user}@{host}:{self.port}"


def target(where: str, identity: str | None = None, home: Path | None = None) -> Target:
    """What `user@host:port`, or a Host of ~/.ssh/config, stands for. BadInput."""
    found = _WHERE.fullmatch(where)
    if found is None:
        raise BadInput(f"--host {where}: write admin@mail.example.org, or admin@mail.example.org:2222.")
    alias = found["six"] or found["host"]
    folder = (home or Path.home()) / ".ssh"
    settings = _settings(folder / "config", alias)
    port = int(found["port"] or settings.get("port") or PORT)
    if not 0 < port < 65_536:
        raise BadInput(f"--host {where}: there is no port {port}.")
    files = [identity] if identity else settings.get("identityfile", [])
    known = str(settings.get("userknownhostsfile", "")).split() or [str(folder / "known_hosts")]
    return Target(
        host=str(settings.get("hostname", alias)),
        port=port,
        user=found["user"] or str(settings.get("user") or getpass.getuser()),
        name=str(settings.get("hostkeyalias") or settings.get("hostname", alias)).lower(),
        identities=tuple(Path(file).expanduser() for file in files) or tuple(folder / name for name in _KEYS),
        only_these=bool(identity) or settings.get("identitiesonly") == "yes",
        known_hosts=(*(Path(file).expanduser() for file in known), Path("/etc/ssh/ssh_known_hosts")),
        hashed=settings.get("hashknownhosts") == "yes",
    )


def _settings(file: Path, alias: str) -> dict[str, Any]:
    try:
        return dict(SSHConfig.from_path(str(file)).lookup(alias))
    except FileNotFoundError:
        return {}
    except (ConfigParseError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} cannot be read: {error}.") from None
