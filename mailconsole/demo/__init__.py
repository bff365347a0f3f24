"""`mailconsole demo`, which is what `make run` runs: example.org on high ports, with mail in it, and its console."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NoReturn

from backend import service, site
from backend.config import Listen, Settings
from backend.errors import BadInput, MailError, Permanent, Temporary
from backend.management import client
from backend.settings_file import load
from mailconsole.demo import infected, mail, offers, strangers
from mailconsole.demo.elsewhere import DOMAIN, UNREACHABLE, Elsewhere
from mailconsole.demo.names import Names
from mailconsole.output import write
from mailconsole.problems import say
from mailconsole.ssh.gate import Gate, Identity

_HOST, _DOMAIN = "mail.example.org", "example.org"
_USERS = ("alice", "bob", "carol")
_ALIASES = (("sales", "alice"), ("sales", "bob"), ("everyone", "sales"), ("everyone", "carol"))
_ELSEWHERE, _CLOSED, _NAMES = 26, 27, 53  # ports above the base: the other mail host, nobody, the name server
_PATIENCE = 60.0  # seconds for the service to start
_SETTINGS = """
# The demo sends nothing to the real world: one domain is played by a small mail host of its own, another one leads to
# a port where nobody listens, and the name server is the demo's own and knows a handful of domains.
[[relay.route]]
domain = "{domain}"
to = "127.0.0.1:{elsewhere}"

[[relay.route]]
domain = "{unreachable}"
to = "127.0.0.1:{closed}"

# What may do harm is kept from its recipients until somebody has looked at it.
[antivirus]
infected = "quarantine"
refused = "quarantine"
encrypted = "quarantine"

[dns]
nameservers = ["127.0.0.1:{names}"]
timeout_seconds = 1.0
lifetime_seconds = 2.0
"""


def run(folder: Path, port_base: int) -> int:
    """Make the site in `folder` unless it is there, serve it, and open its console; the exit code."""
    folder = folder.absolute()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    new = not (folder / site.SETTINGS).exists()
    if new:
        _free(Settings(listen=_ports(port_base)))
        _make(folder, port_base)
    settings = load(folder / site.SETTINGS)
    if _running(settings):
        say(f"The demo in {folder} is running already.")
        return _use(settings)
    _free(settings)
    port = next(route.to.port for route in settings.relay.route if route.domain == DOMAIN)
    with Elsewhere(port), Names(settings.dns.nameservers[0].port, strangers.zones()), _serving(settings) as process:
        if new:
            say("Sending some mail through it ...")
            _people(settings)
            _admin(settings)
            mail.send(settings, passwords(settings))
            _lists(settings)
            strangers.send(settings)
            infected.send(settings, passwords(settings))
            offers.send(settings)
            with contextlib.suppress(Temporary):  # on a very busy machine; the daily one follows
                _call(settings, "probe.run")
        return _use(settings, process)


def passwords(settings: Settings) -> dict[str, str]:
    """The demo's accounts and their passwords."""
    lines = _passwords(settings).read_text().splitlines()
    return dict(line.split(" ", 1) for line in lines)


def _passwords(settings: Settings) -> Path:
    return settings.path.parent / "passwords"


def _ports(base: int) -> Listen:
    return Listen(("127.0.0.1",), base + 25, base + 587, base + 465, base + 22)


def _free(settings: Settings) -> None:
    """Permanent, with the program that has the port, when one of ours is taken."""
    try:
        listeners = service.bind(settings, service.KINDS)
    except MailError as error:
        raise Permanent(f"{error} Or say where there is room: mailconsole demo DIR --port-base 9000") from None
    for some in listeners.values():
        for listener in some:
            listener.close()


def _make(folder: Path, base: int) -> None:
    made = site.init(folder, _HOST, _DOMAIN, base)
    with made.settings.open("a", encoding="utf-8") as file:
        file.write(
            _SETTINGS.format(
                domain=DOMAIN,
                unreachable=UNREACHABLE,
                elsewhere=base + _ELSEWHERE,
                closed=base + _CLOSED,
                names=base + _NAMES,
            )
        )
    _keep(folder / "passwords", "".join(f"{user}@{_DOMAIN} {secrets.token_urlsafe(9)}\n" for user in _USERS))
    _keep(folder / "operator", f"{made.operator} {made.password}\n")


def _keep(path: Path, text: str) -> None:
    """Write what nobody else may read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def _running(settings: Settings) -> bool:
    try:
        client.call(_socket(settings), "hello")
    except MailError:
        return False
    return True


def _socket(settings: Settings) -> Path:
    return settings.site.run / "management.sock"


@contextlib.contextmanager
def _serving(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """The service as a child, its log in a file; stopped on leaving."""
    log = settings.path.with_name("service.log")
    command = [sys.executable, "-m", "mailconsole", "--config", str(settings.path), "serve"]
    say(f"Starting the service; its log is {log} ...")
    with log.open("ab") as file:
        # In a session of its own, so that Ctrl-C in the terminal ends the console first.
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True)
    try:
        deadline = time.monotonic() + _PATIENCE
        while not (_running(settings) and mail.greets(settings)):
            if process.poll() is not None or time.monotonic() > deadline:
                lines = log.read_text(errors="replace").splitlines() or ["It said nothing."]
                raise Permanent(f"The service did not start. The last line of {log}: {lines[-1]}")
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _people(settings: Settings) -> None:
    for address, password in passwords(settings).items():
        _call(settings, "user.add", address=address, password=password)
    _call(settings, "user.junk", address=f"bob@{_DOMAIN}", junk="on")
    for alias, target in _ALIASES:
        _call(settings, "alias.add", address=f"{alias}@{_DOMAIN}", target=f"{target}@{_DOMAIN}")


def _lists(settings: Settings) -> None:
    """Rules of the site's own lists, and keys that sign."""
    for verdict, what, reason in strangers.RULES:
        _call(settings, "access.add", verdict=verdict, what=what, why=reason)
    _call(settings, "dkim.make", domain=_DOMAIN)


def _admin(settings: Settings) -> None:
    """Choose the operator's password for good, as the first log-in would ask for."""
    name, once = _operator(settings)
    password = secrets.token_urlsafe(9)
    connection = Gate(_socket(settings)).bind(Identity(name, "", "demo"), "command", "demo")
    caller = client.Caller(connection)
    try:
        caller.call("me.password", {"old": once, "new": password})
    finally:
        caller.close()
    _keep(settings.path.with_name("operator"), f"{name} {password}\n")


def _operator(settings: Settings) -> tuple[str, str]:
    """The demo's operator: name and password."""
    name, _, password = settings.path.with_name("operator").read_text().strip().partition(" ")
    return name, password


def _call(settings: Settings, name: str, **arguments: str) -> None:
    with contextlib.suppress(BadInput):  # it is there already: an earlier run was interrupted
        client.call(_socket(settings), name, arguments)


def _use(settings: Settings, process: subprocess.Popen[bytes] | None = None) -> int:
    """The console until it is left; without a terminal, wait for SIGTERM."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        from mailconsole import app

        code = app.run(partial(client.Client.connect, _socket(settings)))
        write(_words(settings))
        return code
    write(_words(settings))
    sys.stdout.flush()
    while process is not None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            raise Permanent(f"The service has ended with {process.wait(3600)}; see its log.")
    return 0


def _words(settings: Settings) -> str:
    listen = settings.listen
    width = max(map(len, passwords(settings)))
    name, password = _operator(settings)
    return "\n".join(
        [
            f"{_HOST} for {_DOMAIN}, in {settings.path.parent}",
            f"SMTP        127.0.0.1:{listen.smtp}",
            f"submission  127.0.0.1:{listen.submission} (STARTTLS), 127.0.0.1:{listen.submissions} (TLS)",
            *(f"{address.ljust(width)}  password {password}" for address, password in passwords(settings).items()),
            f"SSH         ssh -p {listen.ssh} {name}@127.0.0.1, with the password {password}",
            f"console     mailconsole --config {settings.path} console",
        ]
    )


def _end(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(0)  # on the way out the service is stopped
