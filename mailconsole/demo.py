"""`mailconsole demo`: the whole service for example.org on high ports, with people and mail in it, and its console."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from types import FrameType

from backend import site
from backend.config import Settings
from backend.errors import Permanent
from backend.management.client import call
from backend.settings_file import load
from mailconsole import output, problems
from mailconsole.neighbour import Neighbour

_NEIGHBOUR, _CLOSED = 925, 926  # added to the port base: partner.test listens, away.test does not
_PATIENCE = 20.0  # seconds for the service to greet
_PEOPLE = ("alice", "bob", "carol")
_SETTINGS = """
# -- the demonstration: two domains of the neighbourhood, and no other host is asked for anything

[[relay.route]]
domain = "partner.test"
to = "127.0.0.1:{neighbour}"

[[relay.route]]
domain = "away.test"
to = "127.0.0.1:{closed}"
"""
_SUBJECTS = (
    "Observing schedule for next week",
    "Dome 3: shutter maintenance on Thursday",
    "Seminar: first light of the new spectrograph",
    "Coffee machine, again",
    "Calibration frames from last night",
    "Visitors on Friday",
    "Nuevas contraseñas a partir de mañana",
    "Backup finished",
    "Proposal deadline moved",
    "Weather station readings",
)
_RECIPIENTS = (
    "alice@example.org",
    "bob@example.org",
    "carol@example.org",
    "staff@example.org",
    "alice+lists@example.org",
    "erika@partner.test",
    "max@partner.test",
    "nobody@partner.test",
    "ines@away.test",
    "omar@away.test",
)
_MESSAGES = 40


def run(folder: Path, port_base: int) -> int:
    """Make the site when there is none, serve it, fill it, open the console; the exit code."""
    folder = folder.absolute()
    new = not (folder / site.SETTINGS).exists()
    if new:
        problems.say(f"Making example.org in {folder} ...")
        site.init(folder, "mail.example.org", "example.org", port_base)
        ports = {"neighbour": port_base + _NEIGHBOUR, "closed": port_base + _CLOSED}
        with (folder / site.SETTINGS).open("a", encoding="utf-8") as file:
            file.write(_SETTINGS.format(**ports))
    settings = load(folder / site.SETTINGS)
    stopped = _stop_on_signals()
    with _neighbour(settings), _service(settings, folder / "service.log"):
        management = settings.site.run / "management.sock"
        if new:
            _people(management, folder / "accounts.txt")
            problems.say(f"Sending {_MESSAGES} messages through port {settings.listen.submission} ...")
            _send(settings, folder / "accounts.txt")
        if sys.stdin.isatty() and sys.stdout.isatty():
            from mailconsole import app  # Textual reads the terminal's colours when it is loaded

            return app.run(management)
        output.write(_summary(settings, folder / "accounts.txt"))
        sys.stdout.flush()
        while not stopped:
            time.sleep(0.2)
    return 0


def _stop_on_signals() -> list[int]:
    """A list that holds a signal once one came."""
    received: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, note)
    return received


@contextlib.contextmanager
def _neighbour(settings: Settings) -> Iterator[None]:
    """partner.test, as long as the demonstration runs."""
    port = next(route.to.port for route in settings.relay.route if route.domain == "partner.test")
    try:
        neighbour = Neighbour(port)
    except OSError:
        raise Permanent(f"The port 127.0.0.1:{port} is taken; choose others: mailconsole demo --port-base N.") from None
    with neighbour:
        yield
        neighbour.shutdown()


@contextlib.contextmanager
def _service(settings: Settings, log: Path) -> Iterator[None]:
    """The service as a child, ready to take mail. Permanent, in the service's own words, when it does not start."""
    with log.open("ab") as file:
        begin = file.tell()
        command = [sys.executable, "-m", "mailconsole", "--config", str(settings.path), "serve"]
        # A process group of its own: Ctrl-C in the console is not meant for the service.
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True)
    try:
        deadline = time.monotonic() + _PATIENCE
        while not _greets(settings.listen.smtp) or not (settings.site.run / "management.sock").exists():
            if child.poll() is not None or time.monotonic() > deadline:
                said = log.read_bytes()[begin:].decode("utf-8", "replace").strip().splitlines()
                words = said[-1].removeprefix("mailconsole: ") if said else f"The service did not start; see {log}."
                raise Permanent(words)
            time.sleep(0.05)
        yield
    finally:
        child.terminate()
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            child.kill()


def _greets(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as connection:
            return connection.recv(3) == b"220"
    except OSError:
        return False


def _people(management: Path, accounts: Path) -> None:
    """Three accounts with passwords of their own, and an alias for all of them."""
    lines = []
    for name in _PEOPLE:
        password = secrets.token_urlsafe(9)
        call(management, "user.add", {"address": f"{name}@example.org", "password": password})
        call(management, "alias.add", {"address": "staff@example.org", "target": f"{name}@example.org"})
        lines.append(f"{name}@example.org {password}\n")
    descriptor = os.open(accounts, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(lines)


def _send(settings: Settings, accounts: Path) -> None:
    """Real mail by submission with STARTTLS: to people here, elsewhere, out of reach, and to nobody."""
    context = ssl.create_default_context(cafile=str(settings.tls.certificate))
    context.check_hostname = False  # the certificate is for mail.example.org, and we are at 127.0.0.1
    people = dict(line.split() for line in accounts.read_text().splitlines())
    senders = list(people)
    for number in range(_MESSAGES):
        sender = senders[number % len(senders)]
        with smtplib.SMTP("127.0.0.1", settings.listen.submission, "desk.example.org", timeout=30) as smtp:
            smtp.starttls(context=context)
            smtp.login(sender, people[sender])
            smtp.send_message(_message(number, sender))


def _message(number: int, sender: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = sender, _RECIPIENTS[number * 7 % len(_RECIPIENTS)]
    message["Subject"] = _SUBJECTS[number % len(_SUBJECTS)]
    message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="example.org")
    message.set_content("Good morning,\n\nas discussed. See you at the telescope.\n\n-- \nsent by the demonstration\n")
    if number % 10 == 9:
        message.add_attachment(secrets.token_bytes(150_000), "image", "fits", filename="m31.fits")
    return message


def _summary(settings: Settings, accounts: Path) -> str:
    listen, begin = settings.listen, f"mailconsole --config {settings.path}"
    return "\n".join(
        [
            f"{settings.site.hostname} serves {settings.site.domain}:",
            f"  SMTP         127.0.0.1:{listen.smtp}",
            f"  submission   127.0.0.1:{listen.submission} (STARTTLS, log in)",
            f"  submissions  127.0.0.1:{listen.submissions} (TLS, log in)",
            "accounts:",
            *(f"  {line}" for line in accounts.read_text().splitlines()),
            f"console:  {begin} console",
            f"queue:    {begin} queue list",
            "Stop it with Ctrl-C.",
        ]
    )
