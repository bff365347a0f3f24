"""What we put our name to as a message comes in: ours is signed, a stranger's that an alias sends on is sealed.

The copies of a message share one body, so a local copy of a forwarded message has the seal too, where it does no harm.
"""

from __future__ import annotations

from backend.policy import authentication_results, ours
from backend.policy.arc.chain import Chain
from backend.policy.arc.seal import seal
from backend.policy.check import Services
from backend.policy.dkim import outgoing
from backend.policy.dkim.letter import Letter
from backend.smtp.session import MailTransaction, Session

_UNSIGNED = Chain("none")


async def above(letter: Letter, session: Session, services: Services, results: bytes, now: float) -> bytes:
    """The fields that come above `letter`, the message as it will leave; `results`: our Authentication-Results."""
    settings, mail = services.settings, session.mail
    assert mail is not None
    if ours.ours(session, settings):
        return await outgoing.signatures(letter, services.keyring, settings, now)
    if not settings.arc.seal or not _forwarded(mail):
        return b""
    keys = await services.keyring.keys(settings.site.domain)
    key = next((key for key in keys if key.algorithm == "rsa-sha256"), None)  # what all verifiers know
    if key is None or (mail.chain is None and letter.named("arc-seal")):  # nobody has looked at the sets
        return b""
    found = results or authentication_results.write(settings.site.hostname, ())
    return await seal(letter, mail.chain or _UNSIGNED, found, key, now)


def _forwarded(mail: MailTransaction) -> bool:
    return any(recipient.own and recipient.resolution.remote for recipient in mail.recipients)
