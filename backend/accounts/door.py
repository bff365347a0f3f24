"""How an operator proves who it is: by key, password and one-time code. Who fails often has to wait.

Every answer about a name that nobody has is made as the one about an operator without that key or password, and
takes as long.
"""

from __future__ import annotations

import hmac
import threading
import time
from dataclasses import dataclass

import pyotp

from backend import clock
from backend.accounts import passwords
from backend.errors import Temporary
from backend.limits import Limits
from backend.store import lockouts, operators
from backend.store.database import Reader, Store, Transaction
from backend.store.operators import ACTIVE, Operator

_STEP = 30  # seconds, RFC 6238 §5.2
CODE = "totp"


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of a try: whether it was right, and what is asked for beside it."""

    right: bool
    more: tuple[str, ...] = ()
    must_change: bool = False


class Door:
    """Checks operators. Blocks, for as long as a password hash takes: it is for threads."""

    def __init__(self, store: Store, limits: Limits) -> None:
        self.limits = limits
        self._store = store
        self._hashing = threading.BoundedSemaphore(limits.password_checks)

    def key(self, name: str, algorithm: str, blob: str) -> Proof:
        """Whether the operator has this public key. Says nothing of the private one, and changes nothing."""

        def look(reader: Reader) -> tuple[Operator | None, bool]:
            operator = operators.find(reader, name)
            some = operators.keys(reader, operator.id if operator else 0)
            return operator, any((key.algorithm, key.blob) == (algorithm, blob) for key in some)

        operator, known = self._store.read(look)
        if operator is None or not known or operator.state != ACTIVE:
            return Proof(False)
        return Proof(True, _more(operator))

    def owners(self, algorithm: str, blob: str) -> list[str]:
        """Who has this public key, of those who may log in: for a key that somebody else has seen proved."""
        return self._store.read(lambda reader: operators.owners(reader, algorithm, blob))

    def password(self, name: str, word: str, peer: str, *, with_key_too: bool) -> Proof:
        """Whether this is the operator's password. `with_key_too`: it opens even for an operator who has a key. `peer`
        is the network address of who asks; empty for an operator who is here already.

        Temporary when locked out, or when too many are asking.
        """
        locks = _locks("o", name, peer)
        operator, has_key = self._store.read(lambda reader: _look_up(reader, name, locks))
        if not self._hashing.acquire(timeout=5.0):
            raise Temporary("Too many log-ins at once; try again in a minute.")
        try:
            right = passwords.verify(operator.password if operator else None, word)
        finally:
            self._hashing.release()
        if not right or operator is None or operator.state != ACTIVE or (has_key and not with_key_too):
            self._store.write(lambda transaction: self._fail(transaction, locks))
            return Proof(False)
        if operator.totp is None:
            self._store.write(lambda transaction: [lockouts.unlock(transaction, lock) for lock in locks])
        return Proof(True, _more(operator), operator.must_change)

    def code(self, name: str, code: str, peer: str) -> Proof:
        """Whether this is the operator's code of now, the step before or the next one, and was not used yet.

        Codes are counted apart: who only guesses passwords does not get as far, and keeps nobody out who has a key.
        """
        locks = _locks("c", name, peer)
        operator, _ = self._store.read(lambda reader: _look_up(reader, name, locks))
        step = _step(operator.totp, code) if operator and operator.totp and operator.state == ACTIVE else None

        def settle(transaction: Transaction) -> bool:
            if step is None or not operators.use_step(transaction, name, step):
                self._fail(transaction, locks)
                return False
            for lock in (f"o:{name}", *locks):
                lockouts.unlock(transaction, lock)
            return True

        return Proof(self._store.write(settle))

    def _fail(self, transaction: Transaction, locks: tuple[str, ...]) -> None:
        limits = self.limits
        for lock in locks:
            lockouts.fail(
                transaction, lock, limits.lockout_failures, limits.lockout_seconds, limits.lockout_max_seconds
            )


def _look_up(reader: Reader, name: str, locks: tuple[str, ...]) -> tuple[Operator | None, bool]:
    """The operator, and whether it has a key. Temporary when the name or the caller is locked out."""
    known = [lockout for lock in locks if (lockout := lockouts.lockout(reader, lock))]
    wait = max((lockout.until - clock.now() for lockout in known), default=0.0)
    if wait > 0:
        raise Temporary(f"Too many failed log-ins; try again in {wait:.0f} seconds.")
    operator = operators.find(reader, name)
    return operator, bool(operator and operators.keys(reader, operator.id))


def _locks(kind: str, name: str, peer: str) -> tuple[str, ...]:
    return (f"{kind}:{name}", f"i:{peer}") if peer else (f"{kind}:{name}",)


def _more(operator: Operator) -> tuple[str, ...]:
    return (CODE,) if operator.totp else ()


def _step(secret: str, code: str) -> int | None:
    """The time step that the code belongs to, of those that are near; None for a wrong one."""
    now = int(time.time()) // _STEP
    totp = pyotp.TOTP(secret)
    found = None
    for step in (now - 1, now, now + 1):
        if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode("utf-8", "replace")):
            found = step
    return found
