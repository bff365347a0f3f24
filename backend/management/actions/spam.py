"""Spam: what a message scores and why, and what the site learns from messages that people have sorted."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Callable
from typing import Any

from backend.errors import BadInput
from backend.limits import Limits
from backend.management.registry import Call, Change, Parameter, action
from backend.management.roles import EVERYBODY, POSTMASTER
from backend.management.scoring import opinions, rows
from backend.management.snapshots.spam import SpamLessons, SpamReason, SpamScore
from backend.store import overrides, spam_lessons, spam_reports
from backend.store.bodies import Body
from backend.store.database import Reader, Transaction

_ONE = (Parameter("message", str, "the message", required=True, file=True),)
_MANY = (Parameter("message", str, "a message", required=True, file=True, many=True),)
_AS = Parameter("as", str, "spam, or ham: good mail", required=True, option=True)


@action("spam.score", roles=EVERYBODY, takes=_ONE)
def spam_score(call: Call, **words: str) -> SpamScore:
    """Say what a message scores and why, as far as it can be seen in it; nothing is changed."""
    from backend.content.scorer import Context, together
    from backend.content.spam import learnt, links, model, parts, scoring, tokens
    from backend.content.unpack.message import unpack

    data, size = _bytes(words["message"])
    whole = unpack(data, Limits(), deep=False)
    unpacked = parts.excerpt(whole, size)
    digest = _digest(learnt.places(tokens.tokens(unpacked)))

    def known(reader: Reader) -> tuple[Any, str | None, float]:
        threshold = overrides.threshold(reader, call.settings.spam.threshold)
        return learnt.Learnt(spam_lessons.read(reader)), spam_lessons.lesson(reader, digest), threshold

    lessons, kind, threshold = call.store.read(known)
    own = scoring.score(unpacked, Context(), model.shipped(), lessons)
    hosts = links.hosts(whole)
    others = asyncio.run(opinions(call, Body(size=len(data), data=data), hosts))
    found = together(own, others) or own
    reasons = tuple(SpamReason(one.name, one.points, one.words) for one in found.reasons)
    return SpamScore(found.points, threshold, found.points >= threshold, kind, reasons, rows(others))


@action("spam.learn", roles=(POSTMASTER,), changes=True, takes=(*_MANY, _AS))
def spam_learn(call: Call, **words: str) -> SpamLessons:
    """Learn from messages that people have sorted; one learnt the other way before is learnt anew."""
    from backend.content.spam import marks

    kind = words["as"]
    if kind not in spam_lessons.KINDS:
        raise BadInput(f"A message is learnt as spam or as ham, not as {kind[:40]!r}.")
    places, digest, points = _learnable(words["message"])
    received, message_id, told = marks.read(_bytes(words["message"])[0], call.settings.site.hostname)

    def learn(transaction: Transaction) -> bool:
        threshold = overrides.threshold(transaction, call.settings.spam.threshold)
        changed = spam_lessons.learn(transaction, digest, kind, places, points, threshold)
        scored = spam_reports.mark_of(transaction, received, message_id) or told
        if changed and scored is not None:
            spam_reports.put(transaction, digest, kind, call.caller.user, scored)
        return changed

    return _changed(call, digest, learn)


@action("spam.forget", roles=(POSTMASTER,), changes=True, takes=_MANY)
def spam_forget(call: Call, **words: str) -> SpamLessons:
    """Take back what was learnt from messages."""
    places, digest, _ = _learnable(words["message"])

    def forget(transaction: Transaction) -> bool:
        spam_reports.forget_one(transaction, digest)
        return spam_lessons.forget(transaction, digest, places)

    return _changed(call, digest, forget)


def _changed(call: Call, digest: str, change: Callable[[Transaction], bool]) -> SpamLessons:
    def operation(transaction: Transaction) -> Change:
        before = spam_lessons.lesson(transaction, digest)
        done = change(transaction)
        result = SpamLessons(int(done), int(not done), *spam_lessons.numbers(transaction))
        after = {"lesson": digest[:16], "as": spam_lessons.lesson(transaction, digest)}
        return Change(result, before={"lesson": digest[:16], "as": before}, after=after)

    answer: SpamLessons = call.change(operation)
    return answer


def _learnable(message: str) -> tuple[set[int], str, float]:
    """The places of a message, its name among the lessons, and its points without any lesson."""
    from backend.content.scorer import Context
    from backend.content.spam import learnt, model, parts, scoring, tokens

    unpacked = parts.unpack(*_bytes(message))
    places = learnt.places(tokens.tokens(unpacked))
    return places, _digest(places), scoring.score(unpacked, Context(), model.shipped()).points


def _digest(places: set[int]) -> str:
    """The same for every copy of a message, whomever it has passed."""
    return hashlib.sha256(repr(sorted(places)).encode()).hexdigest()


def _bytes(encoded: str) -> tuple[bytes, int]:
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise BadInput("message is the message in base64.") from None
    if not data.strip():
        raise BadInput("There is nothing in that message.")
    return data.partition(b"\n")[2] if data.startswith(b"From ") else data, len(data)
