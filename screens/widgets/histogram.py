"""How many messages had how many points, as columns; below them the thresholds in force and tried."""

from __future__ import annotations

from rich.text import Text

from backend.management.snapshots.spam import SpamPicture
from screens.colours import ink
from screens.figures import count

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_LEFT = 6  # characters for the highest number
_LABEL = 5.0  # points between two numbers on the axis
IN_FORCE, TRIED = "▲", "△"


def histogram(picture: SpamPicture, tried: float, width: int, height: int) -> Text:
    """A heading, columns, an axis with the thresholds, and its points. What would be marked is drawn in its colour."""
    bins, step = _merged(picture, width - _LEFT - 1)
    wide = max(1, (width - _LEFT - 1) // len(bins))
    highest = max(bins)
    words = _heading(picture, tried, width)
    rows = max(1, height - 3)
    for row in range(rows, 0, -1):
        label = count(highest) if row == rows else ""
        words.append(f"\n{label:>{_LEFT}} ", style=ink.faint)
        for place, number in enumerate(bins):
            marked = picture.lowest + step * (place + 1) > tried
            words.append(_cell(number, highest, row, rows) * wide, style=ink.warn if marked else ink.good)
    words.append(f"\n{'':>{_LEFT}} ").append_text(_axis(picture, tried, step, wide, len(bins)))
    return words.append(f"\n{_numbers(picture.lowest, step, wide, len(bins))}", style=ink.muted)


def _merged(picture: SpamPicture, room: int) -> tuple[list[int], float]:
    """The bins, as many of them made one as there must be for that room; and how wide one is in points."""
    several = max(1, -(-len(picture.bins) // max(1, room)))
    starts = range(0, len(picture.bins), several)
    return [sum(picture.bins[start : start + several]) for start in starts], picture.width * several


def _heading(picture: SpamPicture, tried: float, width: int) -> Text:
    words = Text(f"Points of the last {picture.number:,} messages", style=ink.heading)
    words.append(f"   {IN_FORCE} {picture.threshold:g} in force", style=f"not bold {ink.text}")
    if tried != picture.threshold:
        words.append(f"   {TRIED} {tried:g} tried", style=f"not bold {ink.accent}")
    words.truncate(width, overflow="ellipsis")
    return words


def _cell(number: int, highest: int, row: int, rows: int) -> str:
    """One character of a column, of the row counted from below; the smallest number is seen too."""
    if not number:
        return " "
    eighths = max(1, round(8 * rows * number / highest))
    return _EIGHTHS[max(0, min(8, eighths - 8 * (row - 1)))]


def _axis(picture: SpamPicture, tried: float, step: float, wide: int, number: int) -> Text:
    line = ["─"] * (wide * number)

    def place(points: float) -> int:
        return max(0, min(len(line) - 1, int((points - picture.lowest) / step * wide)))

    there, trying = place(picture.threshold), place(tried)
    if tried != picture.threshold:
        line[trying] = TRIED
    line[there] = IN_FORCE
    words = Text("".join(line), style=ink.faint)
    words.stylize(f"bold {ink.accent}", trying, trying + 1)
    words.stylize(f"bold {ink.text}", there, there + 1)
    return words


def _numbers(lowest: float, step: float, wide: int, number: int) -> str:
    line = [" "] * (_LEFT + 1 + wide * number + 4)
    points = lowest
    while points < lowest + step * number:
        label = f"{'≤' if points == lowest else ''}{points:g}"
        at = _LEFT + 1 + int((points - lowest) / step * wide)
        line[at : at + len(label)] = label
        points += _LABEL
    return "".join(line).rstrip()
