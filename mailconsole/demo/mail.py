"""The demo's mail: a few dozen messages of all kinds, sent through the service's own ports as anybody would."""

from __future__ import annotations

import contextlib
import random
import smtplib
import socket
import ssl
from collections.abc import Iterator, Mapping
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from backend.config import Settings
from mailconsole.demo.elsewhere import DOMAIN, UNREACHABLE

_ALICE, _BOB, _CAROL = (f"{user}@example.org" for user in ("alice", "bob", "carol"))
_HOST = "127.0.0.1"

# Sender, recipients, subject, text. A sender of ours logs in at a submission port, everybody else comes to port 25.
_LETTERS: tuple[tuple[str, tuple[str, ...], str, str], ...] = (
    (_ALICE, (_BOB,), "Lunch on Thursday?", "The new place by the river, at one? Carol may join us."),
    (_BOB, (_ALICE,), "Re: Lunch on Thursday?", "Gladly. I have the telescope until noon, so rather half past one."),
    (_CAROL, (_ALICE, _BOB), "Minutes of Monday's meeting", "Attached to the wiki page. Corrections until Friday."),
    (_ALICE, ("everyone@example.org",), "Power cut on Saturday", "From 8 to 10. Please shut down what can be."),
    (_BOB, ("sales@example.org",), "Who answers the offer of June?", "It has been lying here for a week."),
    (_CAROL, (f"observer@{DOMAIN}",), "Observing time in March", "Three nights are yours: the 4th, 5th and 6th."),
    (_CAROL, (f"dome@{DOMAIN}", _BOB), "Spare parts for the dome", "Two bearings and a motor; the list is below."),
    (_ALICE, (f"nobody@{DOMAIN}",), "Are you still there?", "My last two letters came back."),
    (_BOB, (f"busy@{DOMAIN}",), "The drawings", "As soon as you have a minute."),
    (_ALICE, (f"archive@{UNREACHABLE}", f"office@{UNREACHABLE}"), "Tapes of 1998", "Do you still have a reader?"),
    (_BOB, (f"office@{UNREACHABLE}",), "Invoice 2026-117", "Please find the amount below: 1,250.00 euros."),
    (_CAROL, (f"editor@{UNREACHABLE}", _ALICE), "Proofs of chapter 4", "Two figures are upside down."),
    (_CAROL, ("friend@dark.test",), "Greetings from the mountain", "First snow today."),
    (f"observer@{DOMAIN}", (_CAROL,), "Re: Observing time in March", "Thank you! We are four people."),
    (f"news@{DOMAIN}", ("alice+news@example.org",), "Weekly news, 47", "Three papers, two talks, one comet."),
    (f"news@{DOMAIN}", ("bob@example.org",), "Weekly news, 47", "Three papers, two talks, one comet."),
    (f"robot@{DOMAIN}", ("postmaster@example.org",), "Your monthly report", "No complaints in November."),
    (f"someone@{DOMAIN}", ("abuse@example.org",), "Spam from your network", "See the header below, please."),
    (f"visitor@{DOMAIN}", ("everyone@example.org",), "Lost: a blue umbrella", "I must have left it in the library."),
    (_ALICE, (_CAROL,), "Grüße aus München — y un saludo de Almería", "Schön war's. ¡Hasta luego! ☃ 星"),
    (f"звезда@{DOMAIN}", (_BOB,), "Привет", "Письмо с адресом в UTF-8."),
    (f"joker@{DOMAIN}", (_ALICE,), "Re: [/nope] [bold red]sale[/] \u202egnp.exe", "This subject has broken consoles."),
)  # fmt: skip
_REFUSED = (  # what the dashboard counts as rejected
    ("spammer@example.net", "nobody.here@example.org"),
    ("spammer@example.net", "jobs@example.org"),
    ("spammer@example.net", "info%example.net@example.org"),
)
_REPORTS = 12  # from a machine, a line and a number each
_PHOTO_BYTES = 300_000  # of the attachment: past 64 KiB a body is a file


def greets(settings: Settings) -> bool:
    """Whether the SMTP port answers 220."""
    with contextlib.suppress(OSError), socket.create_connection((_HOST, settings.listen.smtp), 5) as connection:
        return connection.recv(3) == b"220"
    return False


def send(settings: Settings, passwords: Mapping[str, str]) -> None:
    """Send it all: with STARTTLS, with TLS and plain, text and attachments, to people here and elsewhere."""
    letters = [(sender, recipients, letter(sender, recipients, *words)) for sender, recipients, *words in _LETTERS]
    letters += [(_BOB, (_ALICE, _CAROL), _photo())]
    letters += [_report(number) for number in range(1, _REPORTS + 1)]
    for sender in dict.fromkeys(sender for sender, _, _ in letters):
        with session(settings, sender, passwords.get(sender)) as client:
            for who, recipients, written in letters:
                if who == sender:
                    client.send_message(written, sender, recipients)
    for sender, recipient in _REFUSED:
        with session(settings, sender, None) as client, contextlib.suppress(smtplib.SMTPRecipientsRefused):
            client.sendmail(sender, [recipient], "Subject: Buy now\r\n\r\nCheap!\r\n")


@contextlib.contextmanager
def session(settings: Settings, sender: str, password: str | None) -> Iterator[smtplib.SMTP]:
    """A client of the service that speaks as `sender`, logged in where there is a password."""
    listen = settings.listen
    context = ssl.create_default_context(cafile=str(settings.tls.certificate))
    context.check_hostname = False  # it names the mail host, and we ask for 127.0.0.1
    name = sender.rpartition("@")[2]
    if password is None:
        client = smtplib.SMTP(_HOST, listen.smtp, name)
    elif sender == _CAROL:
        client = smtplib.SMTP_SSL(_HOST, listen.submissions, name, context=context)
    else:
        client = smtplib.SMTP(_HOST, listen.submission, name)
        client.starttls(context=context)
    with client:
        if password is not None:
            client.login(sender, password)
        yield client


def letter(sender: str, recipients: tuple[str, ...], subject: str, text: str) -> EmailMessage:
    """A message as a person writes it."""
    made = EmailMessage()
    made["From"] = sender
    made["To"] = ", ".join(recipients)
    made["Subject"] = subject
    made["Date"] = formatdate(localtime=True)
    made["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    made.set_content(f"{text}\n\n-- \n{sender}\n", cte="8bit")
    return made


def _photo() -> EmailMessage:
    made = letter(_BOB, (_ALICE, _CAROL), "The nebula, last night", "Two hours of exposure, unprocessed.")
    made.add_alternative("<p>Two hours of exposure, <b>unprocessed</b>.</p>", subtype="html")
    pixels = random.Random(47).randbytes(_PHOTO_BYTES)  # noqa: S311  noise, as a photograph of the night sky is
    made.add_attachment(pixels, maintype="image", subtype="x-raw", filename="nebula.raw")
    return made


def _report(number: int) -> tuple[str, tuple[str, ...], EmailMessage]:
    sender, to = f"weather@{DOMAIN}", (_BOB if number % 2 else _CAROL,)
    text = f"Dome {number}: {4 + number % 5} degrees, humidity {40 + 3 * number} %, no wind."
    return sender, to, letter(sender, to, f"Weather at {number + 7}:00", text)
