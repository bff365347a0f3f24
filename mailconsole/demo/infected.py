"""Messages in which engines against viruses find something: an outbreak from outside, and one of ours."""

from __future__ import annotations

import contextlib
import smtplib
from collections.abc import Mapping
from email.policy import SMTP

from backend.config import Settings
from mailconsole.demo import mail
from mailconsole.demo.strangers import CLUB, FRIEND

_BOB = "bob@example.org"
# The file that every engine must find and that does nothing (EICAR), in pieces: this file is no virus.
_EICAR = r"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-" + "ANTIVIRUS-TEST-FILE!$H+H*"
_FROM = (
    ("127.0.0.21", f"mail.{FRIEND}", f"eva@{FRIEND}", "alice@example.org"),
    ("127.0.0.21", f"mail.{FRIEND}", f"jan@{FRIEND}", "bob@example.org"),
    ("127.0.0.25", f"mail.{CLUB}", f"news@{CLUB}", "carol@example.org"),
)


def send(settings: Settings, passwords: Mapping[str, str]) -> None:
    """All of it is refused."""
    for peer, helo, sender, recipient in _FROM:
        with (
            contextlib.suppress(smtplib.SMTPException),
            smtplib.SMTP("127.0.0.1", settings.listen.smtp, helo, source_address=(peer, 0)) as client,
        ):
            client.sendmail(sender, [recipient], _message(sender, recipient))
    recipient = "alice@example.org"
    with contextlib.suppress(smtplib.SMTPException), mail.session(settings, _BOB, passwords.get(_BOB)) as client:
        client.sendmail(_BOB, [recipient], _message(_BOB, recipient))


def _message(sender: str, recipient: str) -> bytes:
    made = mail.letter(sender, (recipient,), "Your invoice", "Please open the attachment.")
    made.add_attachment(_EICAR.encode(), maintype="application", subtype="octet-stream", filename="invoice.bin")
    return made.as_bytes(policy=SMTP)
