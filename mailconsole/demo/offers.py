"""The demo's spam, and good mail that looks like it: figures for the screen *Spam*, and a threshold to be tried."""

from __future__ import annotations

import base64
import contextlib
import smtplib
from email.message import EmailMessage
from email.policy import SMTP

from backend.config import Settings
from backend.errors import MailError
from backend.management import client
from mailconsole.demo.mail import letter

DOMAIN, HOST, ADDRESS = "offers.test", "mx.offers.test", "127.0.0.31"
_HAM = "Your ticket to the planetarium"  # good mail that is marked: somebody says so
# Sender, recipient, subject, text.
_LETTERS = (
    ("win@offers.test", "alice@example.org", "YOU HAVE WON!!! Claim your FREE $$$ now",
     "Dear friend, make money fast from home, 100% free, no risk! Guaranteed income.\n"
     "Click here to order now: http://192.0.2.7/order.html\nTo be removed from our mailing list click here."),
    ("rates@offers.test", "bob@example.org", "Lowest mortgage rates, approved in minutes",
     "Refinance today, bad credit no problem! Lowest rates guaranteed.\nApply here: http://192.0.2.7/apply\n"
     "To be removed reply with REMOVE in the subject."),
    ("pharmacy@offers.test", "carol@example.org", "Cheap meds online, no prescription needed",
     "Save up to 80% on all medications. Order now, discreet shipping worldwide.\nhttp://192.0.2.7/meds"),
    ("tickets@offers.test", "alice@example.org", _HAM,
     "Thank you for your order! Click here to print your ticket: http://192.0.2.7/t\n"
     "Free parking for members. Unsubscribe from our mailing list at any time."),
    ("news@offers.test", "bob@example.org", "This week only: 20% off all telescopes",
     "Our best offers of the week. Order now and save! Click here: http://192.0.2.7/week\nUnsubscribe here."),
    ("anna@offers.test", "carol@example.org", "Slides of my talk",
     "Hello Carol,\n\nattached to the wiki page you find the slides of Tuesday. The second plot is still wrong,\n"
     "I think we forgot to subtract the dark frames.\n\nBest regards, Anna"),
    ("anna@offers.test", "bob@example.org", "Re: dark frames",
     "> did you take them at the same temperature?\n\nYes, at -20 degrees. I will repeat the series tonight."),
    ("investor@offers.test", "carol@example.org", "CONFIDENTIAL BUSINESS PROPOSAL",
     "DEAR SIR, I AM THE SON OF THE LATE MINISTER. I WISH TO TRANSFER THE SUM OF US$ 25,000,000 (TWENTY FIVE\n"
     "MILLION DOLLARS) INTO YOUR ACCOUNT. YOU WILL RECEIVE 30%. REPLY URGENTLY WITH YOUR BANK ACCOUNT."),
)  # fmt: skip


def send(settings: Settings) -> None:
    """All of it; then somebody says that one of them was marked wrongly."""
    written = [(sender, recipient, letter(sender, (recipient,), *words)) for sender, recipient, *words in _LETTERS]
    with smtplib.SMTP("127.0.0.1", settings.listen.smtp, HOST, source_address=(ADDRESS, 0)) as session:
        for sender, recipient, message in written:
            with contextlib.suppress(smtplib.SMTPException):
                session.send_message(message, sender, [recipient])
    _report(settings, next(message for _, _, message in written if message["Subject"] == _HAM))


def _report(settings: Settings, message: EmailMessage) -> None:
    encoded = base64.b64encode(message.as_bytes(policy=SMTP)).decode()
    with contextlib.suppress(MailError):
        client.call(settings.site.run / "management.sock", "spam.learn", {"message": encoded, "as": "ham"})
