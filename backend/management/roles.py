"""Who may do what. Four roles; an action names the least that it needs, and everything else is refused."""

from __future__ import annotations

from dataclasses import dataclass

SYSADMIN, POSTMASTER, HELPDESK, AUDITOR = "sysadmin", "postmaster", "helpdesk", "auditor"
# What a role may do: all that names it or one of these.
_MAY = {
    SYSADMIN: {SYSADMIN, POSTMASTER, HELPDESK, AUDITOR},
    POSTMASTER: {POSTMASTER, AUDITOR},
    HELPDESK: {HELPDESK},
    AUDITOR: {AUDITOR},
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the name and the number of the user, the role, and where the call comes from."""

    user: str
    role: str
    origin: str  # `socket pid 123`, `cli pid 123`
    key: str = ""  # fingerprint of the SSH key, when there was one


def refusal(role: str, needed: str) -> str:
    """Why `role` may not do what needs `needed`; empty when it may."""
    if needed in _MAY.get(role, set()):
        return ""
    return f"This needs the role {needed}; yours is {role or 'none'}."
