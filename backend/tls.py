"""TLS contexts: version 1.2 and later, forward secrecy and authenticated ciphers only (RFC 9325)."""

from __future__ import annotations

import ssl

from backend.config import Tls
from backend.errors import BadInput

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


def server_context(tls: Tls) -> ssl.SSLContext:
    """For our ports; BadInput when the certificate or its key cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _harden(context)
    try:
        context.load_cert_chain(tls.certificate, tls.key)
    except OSError as error:  # ssl.SSLError is one
        raise BadInput(
            f"The certificate {tls.certificate} with the key {tls.key} cannot be used ({error.strerror or error});"
            " both are PEM files, and the key must belong to the certificate."
        ) from error
    return context


def client_context(*, verify: bool) -> ssl.SSLContext:
    """For mail to others. Without `verify` any certificate will do: opportunistic TLS (RFC 7435)."""
    context = ssl.create_default_context()
    _harden(context)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _harden(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
