"""What enhanced status codes mean (RFC 3463 and the registry of IANA), said of mail that comes in and that goes out.

A meaning says why, and behind the semicolon who can do something about it. Its words in braces depend on the side:
for mail that we refuse, `{server}` is the sender's server and `{there}` is here; for mail that a host refuses, they
are our server and there.
"""

from __future__ import annotations

import re

_CODE = re.compile(r"(?:\d{3}[ -])?([245]\.\d{1,3}\.\d{1,3})(?=\s|$)")
_INSIDE = {
    "host": "our service",
    "server": "the sender's server",
    "owner": "its owner",
    "there": "here",
    "postmaster": "our postmaster",
}
_OUTSIDE = {
    "server": "our server",
    "owner": "our sysadmin",
    "there": "there",
    "postmaster": "their postmaster",
}
_CHECK = "the sender must check the spelling"
_ASK = "{postmaster} can say why"
_FIX = "{owner} must fix it"

_MEANINGS = {
    "0.0": f"{{host}} gave no reason that has a number; {_ASK}",
    # The address
    "1.0": f"there is something wrong with the address; {_CHECK}",
    "1.1": f"there is no such address {{there}}; {_CHECK}",
    "1.2": "there is no mail host for that domain; the sender must check what follows the @",
    "1.3": f"the address is not written as one must be; {_CHECK}",
    "1.4": "the address could mean more than one person; the sender must write it in full",
    "1.5": "the address is good",
    "1.6": "the person has moved and left no new address; the sender must ask for it",
    "1.7": "the sender's own address is not written as one must be; the sender must correct it in the mail program",
    "1.8": "the domain of the sender's own address does not exist, or takes no mail; the sender must correct it",
    "1.9": "it was passed on to a host that sends no reports",
    "1.10": "that domain takes no mail at all; the sender must write to another address",
    # The mailbox
    "2.0": f"there is something wrong with the mailbox; {_ASK}",
    "2.1": f"the mailbox takes no mail; {_ASK}",
    "2.2": "the mailbox is full; its owner must make room, then it can be sent again",
    "2.3": "the message is larger than this mailbox takes; the sender can send a link in place of the attachment",
    "2.4": "the mailing list could not be opened; the owner of the list must fix it",
    # The mail system
    "3.0": f"{{host}} had a fault; {_ASK}",
    "3.1": f"{{host}} is short of disk space; {_ASK}",
    "3.2": f"{{host}} takes no mail at the moment; {_ASK}",
    "3.3": f"{{host}} cannot do what the message asks for; {_ASK}",
    "3.4": "the message is too large; the sender can send a link in place of the attachment",
    "3.5": f"{{host}} is not set up right; {_ASK}",
    "3.6": "it took a lower priority than the sender asked for",
    # The network
    "4.0": f"there was a fault in the network; {_ASK}",
    "4.1": "{host} did not answer",
    "4.2": "the connection to {host} broke off",
    "4.3": "the name servers could not say where the domain's mail host is",
    "4.4": "no way to the domain's mail host is known; our sysadmin can say why",
    "4.5": "{host} has too much to do",
    "4.6": f"the message goes in circles; {_FIX}",
    "4.7": "it could not be handed over in all the time that we try; the sender must reach the person in another way",
    # The dialogue
    "5.0": f"{{host}} did not follow what was said; {_ASK}",
    "4.5.0": "{host} wants it at another time",  # what we note for a host that says no more
    "5.1": f"a command came that was not to be expected; {_FIX}",
    "5.2": f"a command was not understood; {_FIX}",
    "5.3": "there were too many recipients at once; the sender can send it to fewer",
    "5.4": f"a command was not written as it must be; {_FIX}",
    "5.5": f"the two mail hosts speak different versions; {_FIX}",
    "5.6": f"a log-in was longer than it may be; {_FIX}",
    # The content
    "6.0": "the message is not built as mail must be; the sender's mail program must be corrected",
    "6.1": "the message has a kind of content that is not accepted; the sender must send it in another form",
    "6.2": "the message would have to be converted, and the sender does not allow it",
    "6.3": "the message would have to be converted, and that is not possible",
    "6.4": "the message could be converted only with losses",
    "6.5": "the message could not be converted",
    "6.6": "a part of the message could not be fetched",
    "6.7": "an address has letters outside ASCII, which {host} cannot take; an address without them is needed",
    "6.8": "an answer would need letters outside ASCII, which the other side cannot take",
    "6.9": "the header has letters outside ASCII, which {host} cannot take; the sender must leave them out",
    "6.10": f"the way of the message leads through a host that cannot take it; {_ASK}",
    # Security and policy
    "7.0": f"the rules of {{host}} forbid it; {_ASK}",
    "7.1": f"{{host}} does not accept it from this sender or from {{server}}; {_ASK}",
    "7.2": "this sender may not write to the mailing list; the owner of the list can say who may",
    "7.3": "it must be encrypted in another way, and that is not possible",
    "7.4": "it asks for a protection that {host} does not have",
    "7.5": "an encryption or signature failed; the sender's mail program must be corrected",
    "7.6": "an encryption is used that {host} does not have; the sender's mail program must be corrected",
    "7.7": "the message was changed on its way; the sender must send it again",
    "7.8": "the name or the password is wrong; a new password can be set",
    "7.9": "the way of logging in is too weak; the mail program must be set to another",
    "7.10": f"an encrypted connection is needed; {_FIX}",
    "7.11": "an encrypted connection is needed before a password is taken; the mail program must be set to STARTTLS",
    "7.12": "the password must be changed before this way of logging in works",
    "7.13": "the account is switched off; our sysadmin can switch it on",
    "7.14": f"the two mail hosts have no trust in each other; {_FIX}",
    "7.15": "its priority is too low at the moment",
    "7.16": "it is too large for its priority",
    "7.17": "the mailbox has another owner than the sender thinks; the sender must ask for the new address",
    "7.18": "the domain has another owner than the sender thinks; the sender must ask for the new address",
    "7.19": "{host} cannot say since when the mailbox has its owner",
    "7.20": f"the message has no valid DKIM signature; {_FIX}",
    "7.21": f"the message has no DKIM signature that is accepted; {_FIX}",
    "7.22": f"the DKIM signature is not that of the sender's domain; {_FIX}",
    "7.23": f"SPF says that {{server}} may not send for the sender's domain; {_FIX}",
    "7.24": f"the SPF record of the sender's domain is faulty; {_FIX}",
    "7.25": f"{{server}} has no reverse DNS; {_FIX}",
    "7.26": f"the message fails the checks of the sender's domain (SPF, DKIM, DMARC); {_FIX}",
    "7.27": "the domain of the sender's own address takes no mail; the sender must use another address",
    "7.28": "there was too much mail at once",
    "7.29": f"the ARC seals of the message are broken; {_FIX}",
    "7.30": "the sender asked for encrypted connections only (REQUIRETLS), and {host} does not keep to that",
    "4.7.24": "the name servers of the sender's domain do not answer, so that its SPF record is not known",
    "4.7.0": "{host} does not want it for now",
    "4.7.1": "{host} does not want it from {server} for now",
}


def find(text: object) -> str:
    """The enhanced status code of a reply, as in `550 5.1.1 unknown`; empty when it has none."""
    found = _CODE.match(str(text))
    return found[1] if found else ""


def known(status: str) -> bool:
    """Whether the code has a meaning of its own, and not only that of its group."""
    return status in _MEANINGS or status.partition(".")[2] in _MEANINGS


def inside(status: str) -> str:
    """Why we do not take it."""
    return _meaning(status).format(**_INSIDE)


def outside(status: str, host: str = "") -> str:
    """Why `host` does not take it, or why none could be asked."""
    return _meaning(status).format(host=host or "their mail host", **_OUTSIDE)


def _meaning(status: str) -> str:
    rest = status.partition(".")[2]
    for key in (status, rest, f"{rest.partition('.')[0]}.0"):
        if key in _MEANINGS:
            return _MEANINGS[key]
    return _MEANINGS["0.0"]
