"""What the checks found of a message that was taken, in sentences that can be read out."""

from __future__ import annotations

# (name of the check, what it found) -> the sentence.
CHECKS: dict[tuple[str, str], str] = {
    ("dkim", "none"): "It carries no DKIM signature.",
    ("dkim", "pass"): "Its DKIM signature is good: nobody changed it on its way.",
    ("dkim", "fail"): "Its DKIM signature is not good: the message was changed on its way, or the signature is forged.",
    ("dkim", "policy"): "Its DKIM signature does not count: it is too old, covers too little, or was seen too often.",
    ("dkim", "neutral"): "Its DKIM signature does not count: its domain is only trying out DKIM.",
    ("dkim", "permerror"): "Its DKIM signature cannot be checked: it is faulty, or its domain has no such key.",
    ("dkim", "temperror"): "Its DKIM signature could not be checked: the DNS did not answer.",
    ("arc", "none"): "No mail host has sealed it.",
    ("arc", "pass"): "The seals of the mail hosts it has passed are whole.",
    ("arc", "fail"): "The seals of the mail hosts it has passed are broken.",
    ("arc", "temperror"): "The seals of the mail hosts it has passed could not be checked: the DNS did not answer.",
}


def checks(found: object) -> list[str]:
    """A sentence for each check that has one, from an event's detail `checks`: {name: what it found}."""
    if not isinstance(found, dict):
        return []
    return [CHECKS[pair] for pair in ((str(name), str(value)) for name, value in found.items()) if pair in CHECKS]
