"""Spam over time: how much was marked, what messages scored, what another threshold would do, who says otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from backend import clock, ids
from backend.config import Settings
from backend.errors import BadInput
from backend.management.registry import Call, action
from backend.management.roles import AUDITOR, POSTMASTER
from backend.management.snapshots.spam import (
    SpamFigures,
    SpamPicture,
    SpamReportRow,
    SpamReports,
    SpamRow,
    SpamRows,
    SpamThreshold,
    SpamTrial,
    SpamWeight,
)
from backend.store import findings, overrides, spam_reports, spam_scores
from backend.store.database import Reader
from backend.store.spam_lessons import HAM, SPAM
from backend.store.spam_scores import Scored, Wanted

_HOURS = 7 * 24
_PARTS = 240
_TRIED = 1_000  # messages that a threshold is tried on
_SIDES = 50  # of those that change sides, in the answer
_PICTURED = 10_000  # messages in one picture, at the most
_LOWEST, _WIDTH, _BINS = -10.0, 0.5, 60  # of the histogram: -10 to 20 points
_REASONS = 50  # in the answer
LEAST, MOST = 0.1, 100.0  # of a threshold; below, good mail is marked, and above nothing but tests
_KINDS = {"marked": True, "clean": False}


@action("spam.figures", roles=(POSTMASTER, AUDITOR))
def figures(
    call: Call,
    hours: Annotated[int, "how far back, up to a week"] = 24,
    parts: Annotated[int, "into how many equal parts the time is cut"] = 60,
) -> SpamFigures:
    """Show how much mail was marked as spam over time, its share, and the threshold in force."""
    if not 1 <= hours <= _HOURS or not 1 <= parts <= _PARTS:
        raise BadInput(f"hours is 1 to {_HOURS}, and parts 1 to {_PARTS}.")
    now = clock.now()

    def read(reader: Reader) -> SpamFigures:
        series = findings.series(reader, now - hours * 3_600 + 60, now, parts)
        nothing = [0] * parts
        names = (spam_scores.MARKED, spam_scores.CLEAN, spam_scores.UNSCORED)
        marked, clean, unscored = (tuple(series.get(name, nothing)) for name in names)
        wrong = [spam_reports.number(reader, what, since=now - hours * 3_600) for what in spam_reports.WRONG]
        return SpamFigures(
            time=clock.rfc3339(now),
            hours=hours,
            enabled=call.settings.spam.enabled,
            threshold=in_force(reader, call.settings),
            marked=marked,
            clean=clean,
            unscored=unscored,
            kept=spam_scores.number(reader, Wanted()),
            false_positives=wrong[0],
            false_negatives=wrong[1],
        )

    return call.store.read(read)


@action("spam.scores", roles=(POSTMASTER, AUDITOR))
def scores(call: Call, last: Annotated[int, "of how many messages, the newest"] = _TRIED) -> SpamPicture:
    """Show what the last messages scored, and which reasons brought the points."""
    if not 1 <= last <= _PICTURED:
        raise BadInput(f"last is 1 to {_PICTURED}.")

    def read(reader: Reader) -> SpamPicture:
        found = spam_scores.picture(reader, last, _LOWEST, _WIDTH, _BINS)
        reasons = [
            SpamWeight(name, one.marked, round(one.marked_points, 2), one.clean, round(one.clean_points, 2))
            for name, one in found.weights.items()
        ]
        reasons.sort(key=lambda one: (-abs(one.marked_points) - abs(one.clean_points), one.name))
        return SpamPicture(
            number=found.number,
            marked=found.marked,
            oldest=None if found.oldest is None else clock.rfc3339(found.oldest),
            threshold=overrides.threshold(reader, call.settings.spam.threshold),
            lowest=_LOWEST,
            width=_WIDTH,
            bins=found.bins,
            reasons=tuple(reasons[:_REASONS]),
        )

    return call.store.read(read)


@action("spam.list", roles=(POSTMASTER, AUDITOR))
def messages(
    call: Call,
    part: Annotated[str, "only messages with this in the sender's domain or in the name of a reason", "place"] = "",
    only: Annotated[str | None, "marked, or clean"] = None,
    sort: Annotated[str, "time or points; -time for the newest first"] = "-time",
    limit: Annotated[int, "how many at the most"] = 100,
    offset: Annotated[int, "how many to pass over"] = 0,
) -> SpamRows:
    """List messages that were scored, with their points and reasons."""
    if only is not None and only not in _KINDS:
        raise BadInput(f"only is one of {', '.join(_KINDS)}.")
    if sort not in spam_scores.ORDERS:
        raise BadInput(f"sort is one of {', '.join(spam_scores.ORDERS)}.")
    _page(limit, offset)
    wanted = Wanted(part, None if only is None else _KINDS[only])

    def read(reader: Reader) -> SpamRows:
        found = spam_scores.find(reader, wanted, sort, limit, offset)
        return SpamRows(_rows(reader, found), spam_scores.number(reader, wanted), offset)

    return call.store.read(read)


@action("spam.try", roles=(POSTMASTER, AUDITOR))
def try_threshold(call: Call, threshold: Annotated[str, "points, as in 4.5"]) -> SpamTrial:
    """Say what another threshold would have done with the last 1,000 messages; nothing is changed."""
    value = points(threshold)
    return call.store.read(lambda reader: trial(reader, call.settings, value))


@action("spam.reports", roles=(POSTMASTER, AUDITOR))
def reports(
    call: Call,
    part: Annotated[str, "only those with this in the domain, the reporter or a reason", "place"] = "",
    only: Annotated[str | None, "false-positive: good mail that was marked; false-negative: spam that was not"] = None,
    limit: Annotated[int, "how many at the most"] = 100,
    offset: Annotated[int, "how many to pass over"] = 0,
) -> SpamReports:
    """List what people reported with `spam learn`, against what the mark was."""
    if only is not None and only not in spam_reports.WRONG:
        raise BadInput(f"only is one of {', '.join(spam_reports.WRONG)}.")
    _page(limit, offset)

    def read(reader: Reader) -> SpamReports:
        rows = tuple(
            SpamReportRow(
                id=None if one.message is None else ids.text(one.message),
                digest=one.digest[:16],
                time=clock.rfc3339(one.time),
                kind=one.kind,
                marked=one.marked,
                wrong=(one.kind == SPAM) is not one.marked,
                points=one.points,
                reasons=_reasons(one.reasons),
                domain=one.domain,
                reporter=one.reporter,
            )
            for one in spam_reports.find(reader, only, part, limit, offset)
        )
        positives, negatives = (spam_reports.number(reader, what) for what in spam_reports.WRONG)
        right = spam_reports.number(reader) - positives - negatives
        return SpamReports(rows, spam_reports.number(reader, only, part), offset, positives, negatives, right)

    return call.store.read(read)


def points(written: str) -> float:
    """A threshold as somebody writes it; BadInput when it is none."""
    try:
        value = float(written.strip().replace(",", "."))
    except ValueError:
        raise BadInput(f"{written[:40]!r} is no number of points, as 4.5 is.") from None
    if not LEAST <= value <= MOST:
        raise BadInput(f"A threshold is {LEAST} to {MOST:g} points.")
    return round(value, 2)


def in_force(reader: Reader, settings: Settings) -> SpamThreshold:
    """The threshold, and who set it."""
    of_file, here = settings.spam.threshold, overrides.get(reader, overrides.SPAM_THRESHOLD)
    if here is None:
        return SpamThreshold(of_file, of_file, None, None)
    return SpamThreshold(float(here.value), of_file, here.author, clock.rfc3339(here.time))


def trial(reader: Reader, settings: Settings, value: float) -> SpamTrial:
    """What a threshold would have done with the last messages, and whether people would agree."""
    present = overrides.threshold(reader, settings.spam.threshold)
    last = spam_scores.points(reader, _TRIED)
    said = spam_reports.kinds(reader, [message for message, _, _ in last])
    sides = [(abs(score - value), message) for message, score, _ in last if (score >= present) is not (score >= value)]
    shown = [spam_scores.get(reader, message) for _, message in sorted(sides)[:_SIDES]]
    found = [one for one in shown if one is not None]
    ham = [score for message, score, _ in last if said.get(message) == HAM]
    spam = [score for message, score, _ in last if said.get(message) == SPAM]
    return SpamTrial(
        threshold=value,
        in_force=present,
        number=len(last),
        came_marked=sum(marked for _, _, marked in last),
        marked=sum(score >= present for _, score, _ in last),
        would=sum(score >= value for _, score, _ in last),
        gained=sum(value <= score < present for _, score, _ in last),
        lost=sum(present <= score < value for _, score, _ in last),
        ham=len(ham),
        ham_right=sum(score < present for score in ham),
        ham_would=sum(score < value for score in ham),
        spam=len(spam),
        spam_right=sum(score >= present for score in spam),
        spam_would=sum(score >= value for score in spam),
        rows=_rows(reader, found),
    )


def _rows(reader: Reader, found: Sequence[Scored]) -> tuple[SpamRow, ...]:
    said = spam_reports.kinds(reader, [one.message for one in found])
    return tuple(_row(one, said) for one in found)


def _row(one: Scored, said: Mapping[int, str]) -> SpamRow:
    return SpamRow(
        id=ids.text(one.message),
        time=clock.rfc3339(one.time),
        points=one.points,
        marked=one.marked,
        reasons=_reasons(one.reasons),
        domain=one.domain,
        reported=said.get(one.message),
    )


def _reasons(reasons: Sequence[tuple[str, float]]) -> tuple[str, ...]:
    return tuple(f"{name} {brought:.1f}" for name, brought in reasons)


def _page(limit: int, offset: int) -> None:
    if not 1 <= limit <= 1_000 or offset < 0:
        raise BadInput("limit is 1 to 1000, and offset not below 0.")
