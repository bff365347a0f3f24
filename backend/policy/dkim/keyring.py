"""The keys that sign, ready for use in each process until the directory changes."""

from __future__ import annotations

from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

from backend.policy.dkim.sign import SigningKey
from backend.store import dkim_keys
from backend.store.database import Store
from backend.store.dkim_keys import Private

_REMEMBERED = 10_000  # domains


class Keyring:
    """Look-ups that cost a dictionary's when they were made before, a query in a thread when not."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._generation = 0
        self._domains: frozenset[str] | None = None
        self._known: dict[str, tuple[SigningKey, ...]] = {}
        self._loaded: dict[bytes, RSAPrivateKey | Ed25519PrivateKey] = {}

    async def domains(self) -> frozenset[str]:
        """Those that mail is signed for now."""
        number = self._store.generation.number
        if number != self._generation:
            self._generation = number
            self._domains = None
            self._known.clear()
        if self._domains is None:
            found = await self._store.query(dkim_keys.domains)
            if number != self._store.generation.number:
                return found
            self._domains = found
        return self._domains

    async def keys(self, domain: str) -> tuple[SigningKey, ...]:
        """The keys that mail of the domain is signed with now; none when it has none."""
        if domain not in await self.domains():
            return ()
        number = self._generation
        if domain not in self._known:
            found = await self._store.query(lambda reader: dkim_keys.signing(reader, domain))
            keys = tuple(map(self._ready, found))
            if number != self._store.generation.number:
                return keys
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
                self._loaded.clear()
            self._known[domain] = keys
        return self._known[domain]

    def _ready(self, key: Private) -> SigningKey:
        private = self._loaded.get(key.data)
        if private is None:
            # Ours, and made whole: checking it again takes as long as fifty signatures.
            loaded = load_der_private_key(key.data, None, unsafe_skip_rsa_key_validation=True)
            private = self._loaded[key.data] = cast(RSAPrivateKey | Ed25519PrivateKey, loaded)
        return SigningKey(key.domain, key.selector, key.algorithm, private)
