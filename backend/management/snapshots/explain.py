"""What would happen to a message, check by check."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExplainStep:
    """One check. `verdict`: passed, accept, mark, reject, defer, skipped or failed."""

    stage: str  # connect, helo, mail, rcpt, data, message, content
    check: str
    verdict: str
    reason: str
    found: str  # in a word: pass, none, listed ...
    sentence: str  # to be read out; empty where the check has nothing to say
    reply: str  # what the client would be told; empty where it would not be stopped
    milliseconds: float
    decides: bool  # the first that stops it: the others would not be asked


@dataclass(frozen=True, slots=True)
class Explanation:
    """`verdict`: accepted, rejected or deferred. `decided`: the check behind it; empty when nothing stops it."""

    ip: str
    helo: str
    sender: str  # empty for <>
    recipient: str
    message: bool  # whether there was one to be looked at
    verdict: str
    decided: str
    reply: str
    sentence: str
    goes_to: tuple[str, ...]
    allowed: str  # who vouches for the sender: a rule of ours or a white list
    marks: tuple[str, ...]
    results: str  # Authentication-Results
    steps: tuple[ExplainStep, ...]
