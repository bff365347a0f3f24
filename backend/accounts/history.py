"""Why can't she log in? One sentence, with what to do, from the account and its last log-ins."""

from __future__ import annotations

from collections.abc import Sequence

from backend import clock
from backend.store import logins
from backend.store.accounts import Account
from backend.store.lockouts import Lockout
from backend.store.logins import Login

_LATELY = 86_400.0  # seconds that a failure counts as the trouble of now


def verdict(account: Account, lockout: Lockout | None, history: Sequence[Login], now: float) -> str:
    """The sentence for the helpdesk to read out; `history` is newest first."""
    last = history[0] if history else None
    if account.state != "active":
        return "The account is suspended: no log-in opens it. Enable it, when the reason is gone."
    if lockout is not None and lockout.until > now:
        return f"Locked out until {_time(lockout.until)}{_guesses(history)}; unlock it, or wait."
    if account.password is None:
        return "The account has no password, so nobody can log in. A reset makes one."
    if account.must_change:
        return _one_time(account, now)
    if last is None:
        return "Nobody has tried to log in lately."
    when = f"{_time(last.time)} UTC from {last.peer}"
    if last.outcome == logins.OK:
        return f"Log-ins work: the last one was at {when}."
    if now - last.time > _LATELY:
        return f"The last try failed at {when} ({last.outcome}); nobody has tried since."
    if last.outcome == logins.WRONG:
        times = "once" if last.number == 1 else f"{last.number} times"
        return f"The password was wrong {times}, last at {when}; look at what the program has kept, or reset it."
    if last.outcome == logins.LOCKED:
        return f"The last try, at {when}, came while the account or that address was locked; it may be tried again now."
    if last.outcome in (logins.UNCHANGED, logins.EXPIRED):
        return f"At {when} a program still had the one-time password; it wants the new one."
    return f"The last try failed at {when}: {last.outcome}."


def _one_time(account: Account, now: float) -> str:
    if (account.expires or 0.0) <= now:
        return "The one-time password has expired; reset it once more."
    until = _time(account.expires or 0.0)
    return f"The one-time password is not changed yet, and is good until {until} UTC; mail programs want the new one."


def _guesses(history: Sequence[Login]) -> str:
    wrong = next((one for one in history if one.outcome == logins.WRONG), None)
    if wrong is None:
        return ""
    return f" after {wrong.number} wrong password{'' if wrong.number == 1 else 's'} from {wrong.peer}"


def _time(seconds: float) -> str:
    """`2026-11-24 12:04`."""
    return clock.rfc3339(seconds)[:16].replace("T", " ")
