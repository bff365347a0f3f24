"""Who may do what. Four roles; an action names the one that it needs, and everything else is refused."""

from __future__ import annotations

from dataclasses import dataclass

SYSADMIN, POSTMASTER, HELPDESK, AUDITOR = "sysadmin", "postmaster", "helpdesk", "auditor"
# What a role may do: the actions that name one of these. Everybody may read what an auditor reads.
_MAY = {
    SYSADMIN: {SYSADMIN, POSTMASTER, HELPDESK, AUDITOR},
    POSTMASTER: {POSTMASTER, AUDITOR},
    HELPDESK: {HELPDESK, AUDITOR},
    AUDITOR: {AUDITOR},
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the name and the number of the user, the role, and where the call comes from."""

    user: str
    role: str
    origin: str  # `socket uid 0 pid 123`, `cli uid 0 pid 123`
    key: str = ""  # fingerprint of the SSH key, when there was one


def refusal(role: str, needed: str) -> str:
    """Why `role` may not do what needs `needed`; empty when it may."""
    if needed in _MAY.get(role, set()):
        return ""
    return f"This needs the role {needed}; yours is {role or 'none'}."
