"""The scorers of the settings beside our own, all asked at once about a message, each within its own time.

Nobody waits for a score: a scorer that is dead, slow or lies costs its seconds at the most, and the mail passes
without its word. One that has failed several times in a row is left alone for a moment, so that it does not slow down
every message.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from backend.config import Settings, SpamScorer
from backend.content.scorer import Envelope, Nonsense, Opinion, Said, Scorer
from backend.content.spam.rspamd import Rspamd
from backend.content.spam.spamassassin import SpamAssassin
from backend.store.bodies import Body

_FAILURES = 3  # in a row, after which a scorer is left alone
_REST = 10.0  # seconds that it is
_log = logging.getLogger("spam")


class Scorers:
    """The scorers of one process."""

    def __init__(self, settings: Settings) -> None:
        self._settings: tuple[SpamScorer, ...] = ()
        self._lines: tuple[_Line, ...] = ()
        self.reload(settings)

    def reload(self, settings: Settings) -> None:
        """Other scorers from now on."""
        if settings.spam.scorer != self._settings:
            self._settings = settings.spam.scorer
            self._lines = tuple(_Line(one) for one in self._settings)

    async def ask(self, body: Body, envelope: Envelope, threshold: float) -> tuple[Opinion, ...]:
        """What each says, in the order of the settings. Never raises; takes as long as the slowest may."""
        return tuple(await asyncio.gather(*(line.ask(body, envelope, threshold) for line in self._lines)))


class _Line:
    """One scorer: how many ask it at once, and whether it is worth asking now."""

    def __init__(self, settings: SpamScorer) -> None:
        self._settings = settings
        self._scorer = _scorer(settings)
        self._room = asyncio.Semaphore(settings.connections)
        self._failures = 0
        self._rests = 0.0  # until when it is left alone

    async def ask(self, body: Body, envelope: Envelope, threshold: float) -> Opinion:
        own = self._settings
        if body.size > own.largest_bytes:
            return Opinion(own.name, "skipped", words="the message is too large for it")
        began = time.monotonic()
        if began < self._rests:
            return Opinion(own.name, "skipped", words="it has failed, and is left alone for a moment")
        try:
            async with asyncio.timeout(own.seconds), self._room:
                said = await self._scorer.ask(body, envelope)
        except TimeoutError:
            return self._failed(f"no answer within {own.seconds:g} seconds", began)
        except Nonsense as error:
            return self._failed(str(error), began)
        except OSError as error:
            return self._failed(f"it cannot be reached: {error.strerror or type(error).__name__}", began)
        except Exception as error:  # a scorer's fault is no session's
            _log.exception("the scorer %s failed", own.name)
            return self._failed(type(error).__name__, began)
        self._failures = 0
        words = f"{own.name} says {said.score:.1f}, and takes it for spam from {said.required:.1f}"
        return Opinion(own.name, "scored", points(said, own, threshold), words, said, _since(began))

    def _failed(self, words: str, began: float) -> Opinion:
        self._failures += 1
        if self._failures >= _FAILURES:
            self._rests = time.monotonic() + _REST
        return Opinion(self._settings.name, "failed", words=words, milliseconds=_since(began))


def points(said: Said, settings: SpamScorer, threshold: float) -> float:
    """A scorer's word in our points: what it requires becomes our threshold, within what it may give or take."""
    scaled = said.score / said.required * threshold * settings.weight
    return round(max(-settings.most, min(settings.most, scaled)), 2)


def failed(opinions: Sequence[Opinion]) -> tuple[Opinion, ...]:
    """Those that somebody must look after."""
    return tuple(one for one in opinions if one.outcome == "failed")


def _scorer(settings: SpamScorer) -> Scorer:
    if settings.kind == "rspamd":
        return Rspamd(settings.address, settings.required)
    return SpamAssassin(settings.address, settings.required, settings.user)


def _since(began: float) -> float:
    return (time.monotonic() - began) * 1_000
