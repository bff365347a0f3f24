"""What a process of this host may ask for when it connects: what SO_PEERCRED says of it decides, and nothing it says.

The SSH role may only ask for the gate, and what it started may ask for nothing: a console is handed a connection that
is bound to its operator, and gets no other. So whoever takes a console over has that operator's role and no more. The
same holds for everything else that the service started. Where it cannot be told who started a process, as of one
that ended behind its back, it may ask for nothing.
"""

from __future__ import annotations

import json
import os
import pwd
import socket
import struct
from pathlib import Path

from backend.management.roles import SYSADMIN, Caller

GATEKEEPER = "gatekeeper"  # no role that an action could name
_DEPTH = 64  # of a process under its ancestors
_SSH_ROLE = "sshd"


def caller_of(connection: socket.socket, run: Path) -> Caller:
    """Who has connected."""
    size = struct.calcsize("3i")
    pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    caller = local_caller(pid, uid, "socket")
    if caller.role != SYSADMIN or uid != os.geteuid():  # what the service started has its user for good
        return caller
    doors = _ssh_roles(run)
    if pid in doors:
        return Caller(caller.user, GATEKEEPER, caller.origin)
    lineage, service = _lineage(pid), doors | _supervisor()
    if service and (lineage is None or lineage & service):
        return Caller(caller.user, "", caller.origin)
    return caller


def local_caller(pid: int, uid: int, way: str) -> Caller:
    """A process of this host: root and the service's own user are sysadmin, nobody else is anything yet."""
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = f"uid {uid}"
    return Caller(user, SYSADMIN if uid in (0, os.geteuid()) else "", f"{way} uid {uid} pid {pid}")


def _ssh_roles(run: Path) -> set[int]:
    try:
        rows = json.loads((run / "roles.json").read_text())
        return {row["pid"] for row in rows if row["role"] == _SSH_ROLE and row["pid"]}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _supervisor() -> set[int]:
    """The process that started this one and all other roles, and that adopts what they leave behind."""
    return {os.getppid()} if "MAILCONSOLE_LIFELINE" in os.environ else set()


def _lineage(pid: int) -> set[int] | None:
    """A process and its ancestors, up to the first of another user; None when they cannot be told."""
    found: set[int] = set()
    while pid and len(found) < _DEPTH:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return found if _is_hidden(pid) else None
        found.add(pid)
        pid = int(stat.rpartition(")")[2].split()[1])
    return None if pid else found


def _is_hidden(pid: int) -> bool:
    """Whether it is another user's, which /proc may not show to this one (ProtectProc=invisible)."""
    try:
        os.kill(pid, 0)
    except OSError as error:
        return isinstance(error, PermissionError)
    return False
