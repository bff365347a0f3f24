"""Who may do what. An action names the roles that may do it beside the sysadmin; everybody else is refused."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

SYSADMIN, POSTMASTER, HELPDESK, AUDITOR = ROLES = ("sysadmin", "postmaster", "helpdesk", "auditor")
EVERYBODY = (POSTMASTER, HELPDESK, AUDITOR)  # every operator; for what only reads, and shows nobody's mail


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the name of the operator (or of the host's user), the role, and where the call comes from."""

    user: str
    role: str
    origin: str  # `socket uid 0 pid 123`, `cli uid 0 pid 123`, `ssh 192.0.2.7:50022`
    key: str = ""  # fingerprint of the SSH key, when there was one
    session: str = ""  # of an operator who came by SSH


def refusal(role: str, roles: Collection[str]) -> str:
    """Why `role` may not do what is for `roles` and the sysadmin; empty when it may."""
    if role == SYSADMIN or role in roles:
        return ""
    return f"This needs the role {' or '.join((*roles, SYSADMIN))}; yours is {role or 'none'}."
