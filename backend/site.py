"""Making a site: its folder, settings, keys and a self-signed certificate."""

from __future__ import annotations

import datetime
import os
import re
from dataclasses import dataclass
from pathlib import Path

from backend import address
from backend.accounts.operators import NAME
from backend.errors import BadInput
from backend.store import operators
from backend.store.accounts import found_site
from backend.store.database import Store, Transaction
from backend.store.operators import SYSADMIN

SETTINGS = "mailconsole.toml"
OPERATOR = "admin"  # the first one, unless the site says otherwise
_DAYS = 825  # of the self-signed certificate
_PORTS = (("smtp", 25), ("submission", 587), ("submissions", 465), ("ssh", 22))
_HIGHEST = 995  # the highest well-known port that --port-base is added to


@dataclass(frozen=True, slots=True)
class Made:
    """What `init` made."""

    settings: Path
    certificate: Path
    hostname: str
    domain: str
    operator: str  # the first one, a sysadmin
    password: str  # its one-time password: shown once, kept as a hash


def shipped(name: str) -> Path:
    """A file of configs/: beside this package in a checkout, inside it in a wheel."""
    here = Path(__file__).parent
    for folder in (here / "configs", here.parent / "configs"):
        if (folder / name).exists():
            return folder / name
    raise BadInput(f"The shipped file {name} is missing; install Mailconsole again.")


def init(folder: Path, hostname: str, domain: str, port_base: int | None = None, operator: str = OPERATOR) -> Made:
    """Write a new site into `folder`. BadInput when one is there already or a name is no name."""
    from backend.accounts.passwords import hash_password, readable

    if not NAME.fullmatch(operator):
        raise BadInput(f"{operator[:40]!r} is no name for an operator: small letters, digits, dots, dashes.")
    hostname, domain = address.domain(hostname), address.domain(domain)
    if port_base is not None and not 1 <= port_base <= 65_535 - _HIGHEST:
        raise BadInput(f"--port-base is 1 to {65_535 - _HIGHEST}, so that every port fits above it.")
    settings = folder / SETTINGS
    if settings.exists():
        raise BadInput(f"There is a site in {folder} already; choose another folder, or delete {settings} first.")
    for path in (folder, folder / "run", folder / "tls"):
        path.mkdir(mode=0o700 if path != folder else 0o755, parents=True, exist_ok=True)
    certificate(folder / "tls", hostname)
    password = readable()
    secret = hash_password(password)
    Store.create(folder / "data")
    store = Store.open(folder / "data")
    try:
        store.write(lambda transaction: _found(transaction, domain, operator, secret))
    finally:
        store.close()
    text = shipped(SETTINGS).read_text("utf-8")
    changes = {"hostname": f'"{hostname}"', "domain": f'"{domain}"'}
    if port_base is not None:
        changes |= {name: str(port_base + port) for name, port in _PORTS}
        changes["addresses"] = '["127.0.0.1", "::1"]'
    settings.write_text(_quiet(_edited(text, changes)), "utf-8")
    return Made(settings, folder / "tls" / "cert.pem", hostname, domain, operator, password)


def _found(transaction: Transaction, domain: str, operator: str, secret: str) -> None:
    found_site(transaction, domain)
    operators.add(transaction, operator, SYSADMIN, secret, must_change=True)


def certificate(folder: Path, hostname: str) -> None:
    """A key and a self-signed certificate for `hostname`, as cert.pem and key.pem."""
    from cryptography import x509  # heavy, and needed once
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, hostname[:64])])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(hostname)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    descriptor = os.open(folder / "key.pem", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret)


def _quiet(text: str) -> str:
    """The template with the defaults of every section but [site] and [listen] commented out.

    What is not a comment is a decision of the site; a default that a later release improves reaches it.
    """
    lines, section = [], ""
    for line in text.splitlines():
        if line.startswith("["):
            section = line
        plain = section in ("", "[site]", "[listen]") or not line or line.startswith("#")
        lines.append(line if plain else f"# {line}")
    return "\n".join(lines) + "\n"


def _edited(text: str, changes: dict[str, str]) -> str:
    """The template with other values; the comments behind them stay. The first key of each name is meant."""
    for key, value in changes.items():
        text = re.sub(rf"(?m)^{key} = .*?(?=  #|$)", lambda _, v=f"{key} = {value}": v, text, count=1)  # type: ignore[misc]
    return text
