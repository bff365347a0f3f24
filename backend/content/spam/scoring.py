"""The score of a message: what the model says of its tokens, what the site has learnt about them, and the rules."""

from __future__ import annotations

from backend.content.scorer import Context, Reason, Score
from backend.content.spam import rules
from backend.content.spam.learnt import NOTHING, Learnt
from backend.content.spam.model import Model
from backend.content.spam.tokens import tokens
from backend.content.unpacked import Unpacked

LEAST, MOST = -6.0, 12.0  # points the model can give: rules and what the site has learnt can outweigh it


def score(message: Unpacked, context: Context, model: Model, learnt: Learnt = NOTHING) -> Score:
    """The score. The same message, context, model and lessons always give the same."""
    found = tokens(message, context.host)
    points = round(min(MOST, max(LEAST, model.weigh(found))), 2)
    side = "like spam" if points > 0 else "like good mail"
    reasons = [Reason("WORDS_AND_FORM", points, f"its words and its form are {side}"), *rules.reasons(message, context)]
    if lesson := round(learnt.weigh(found), 2):
        side = "spam" if lesson > 0 else "good mail"
        reasons.append(Reason("LEARNT_HERE", lesson, f"it is like what was learnt here as {side}"))
    reasons.sort(key=lambda reason: -abs(reason.points))
    return Score(round(sum(reason.points for reason in reasons), 2), tuple(reasons))
