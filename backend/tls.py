"""TLS contexts: version 1.2 and later, forward secrecy and authenticated ciphers only (RFC 9325); and for mail to
hosts that ask for nothing, whatever they can (RFC 7435).
"""

from __future__ import annotations

import ssl
import warnings
from pathlib import Path

from backend.config import Tls
from backend.errors import BadInput

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
_CIPHERS_OUT = (
    f"{_CIPHERS}:DHE+AESGCM:ECDHE+AES"  # others cannot be told to change theirs; forward secrecy all the same
)
_LEGACY_SERVER = 0x4  # SSL_OP_LEGACY_SERVER_CONNECT: hosts without RFC 5746; Python 3.12 has a name for it
_RESULTS = {10: "certificate-expired", 62: "certificate-host-mismatch", 64: "certificate-host-mismatch"}  # X509_V_ERR_*


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


def client_context(*, verify: bool, ca_file: Path | None = None) -> ssl.SSLContext:
    """For mail to others, where TLS must be. With `verify` the certificate must be good for the name, and lead to an
    authority in `ca_file`, or to one that the system trusts; without it somebody else looks at it (DANE).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _harden(context, _CIPHERS_OUT)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca_file is None:
        context.load_default_certs()
    else:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:
            raise BadInput(f"The authorities in {ca_file} cannot be read ({error.strerror or error}).") from error
    return context


def opportunistic_context() -> ssl.SSLContext:
    """For mail to hosts that would get it in plain text otherwise: any certificate, any version, any cipher that
    encrypts. The weakest of them is better than none (RFC 7435 §3).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.options |= ssl.OP_NO_COMPRESSION | _LEGACY_SERVER
    return context


def failure(error: BaseException) -> tuple[str, str]:
    """The result type of RFC 8460 §4.3 that an error of a handshake is, and its reason in words of OpenSSL's."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _RESULTS.get(error.verify_code, "certificate-not-trusted"), error.verify_message.rstrip(".")[:100]
    if isinstance(error, ssl.SSLError) and error.reason:
        return "validation-failure", error.reason.lower().replace("_", " ")
    if isinstance(error, TimeoutError):
        return "validation-failure", "no end of the handshake in time"
    return "validation-failure", "the connection broke"


def _harden(context: ssl.SSLContext, ciphers: str = _CIPHERS) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(ciphers)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
