"""Mail of today, written for this test and never learnt from: good mail is not marked, plain fraud mostly is.

Each file has the findings of a site's checks in its Authentication-Results; the rest of it is as a stranger sends it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from backend.content.scorer import Context, Score
from backend.content.spam import model, parts, scoring

FOLDER = Path(__file__).with_name("modern")
GOOD = sorted((FOLDER / "ham").glob("*.eml"))
BAD = sorted((FOLDER / "spam").glob("*.eml"))
THRESHOLD = 5.0  # [spam] threshold
MOST_MISSED = 4  # of those that are spam


def score(file: Path, *, checked: bool = True) -> Score:
    """The score of a file, with what the checks found or as if they were off."""
    data = file.read_bytes()
    [line] = re.findall(rb"(?m)^Authentication-Results: .*$", data)
    findings = dict(re.findall(r"(spf|dkim|dmarc)=(\w+)", line.decode())) if checked else {}
    data = data.replace(line + b"\n", b"")
    return scoring.score(parts.unpack(data, len(data)), Context(findings=findings), model.shipped())


@pytest.mark.parametrize("file", GOOD, ids=lambda file: file.stem)
@pytest.mark.parametrize("checked", [True, False], ids=["checked", "unchecked"])
def test_good_mail_is_not_marked(file: Path, checked: bool) -> None:
    found = score(file, checked=checked)
    assert found.points < THRESHOLD, found


def test_most_spam_is_marked() -> None:
    missed = {file.stem: found.points for file in BAD if (found := score(file)).points < THRESHOLD}
    assert len(BAD) == 24
    assert len(missed) <= MOST_MISSED, missed


def test_spam_scores_above_good_mail() -> None:
    """How often: the chance that a spam message has more points than a good one, both as if the checks were off."""
    good, bad = ([score(file, checked=False).points for file in files] for files in (GOOD, BAD))
    above = sum((one > other) + (one == other) / 2 for one in bad for other in good) / (len(good) * len(bad))
    assert len(good) == 36
    assert above > 0.98
