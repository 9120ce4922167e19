"""What somebody is not told of an item as long as their own judgement of it is asked for.

Earlier answers anchor whoever hears of them: reviews, and the words in which people skip, escalate or stop a clock.
What is hidden is the words and the verdicts; that something happened, when and by whom stays.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from review.audit.rules import Action
from review.kernel.shapes import is_object

ANSWERS = frozenset(
    {
        Action.JUDGEMENT_GIVEN.value,
        Action.JUDGEMENT_TAKEN_BACK.value,
        Action.JUDGEMENT_DROPPED.value,
        Action.REVIEW_SUBMITTED.value,
        Action.ASSIGNMENT_REFUSED.value,
        Action.OVERRIDE_PROPOSED.value,
        Action.OVERRIDE_WITHDRAWN.value,
    }
)
# What may quote an answer, by kind of entry. A pause's words become sentences that later entries of the clock carry.
WORDS: Mapping[str, tuple[str, ...]] = {
    Action.ASSIGNMENT_SKIPPED.value: ("reason",),
    Action.CASE_ESCALATED.value: ("reason",),
    Action.CASE_MOVED.value: ("reason",),
    Action.CASE_PRIORITISED.value: ("reason",),
    Action.ASSIGNMENT_REASSIGNED.value: ("reason",),
    Action.ASSIGNMENT_SNOOZED.value: ("reason",),
    Action.ASSIGNMENT_SENT_BACK.value: ("reason",),
    Action.CLOCK_PAUSED.value: ("reason", "because"),
    Action.CLOCK_RESUMED.value: ("because",),
    Action.CLOCK_MOVED.value: ("because",),
    Action.QUESTION_ASKED.value: ("text",),
    Action.QUESTION_ANSWERED.value: ("text",),
}
# What was commented is read in the thread, where it may have been taken back or hidden since; the audit keeps it.
COMMENTS = frozenset({Action.ITEM_COMMENTED.value, Action.COMMENT_EDITED.value, Action.COMMENT_REMOVED.value})

# Words that are meant for whoever has the item next, and stay where that person judges alone.
MESSAGES = frozenset(
    {Action.CASE_ESCALATED, Action.ASSIGNMENT_SENT_BACK, Action.QUESTION_ASKED, Action.QUESTION_ANSWERED}
)

# Whether somebody's judgement of a case `c` is still to come: they have it in hand without sight of the answers, or
# could be handed it. {me} is null for who tells everybody, as events do; then everybody counts.
_STILL_TO_JUDGE = """
 (c.state = 'open' AND ({me}::uuid IS NULL OR coalesce(
   (SELECT NOT a.sees_answers FROM assignments a WHERE a.project_id = c.project_id AND a.item_id = c.item_id
    AND a.holder_id = {me} AND a.state = 'held' LIMIT 1), {reviewer}::boolean)))
"""
# Whether the words of a pause `k` may quote a judgement: a person's, where several judge or that person had part.
_MAY_QUOTE = """
 (EXISTS (SELECT FROM users u WHERE u.email = k.paused_by AND u.id IS DISTINCT FROM {me}) AND (c.reviews_required > 1
   OR EXISTS (SELECT FROM reviews r WHERE r.project_id = c.project_id AND r.case_id = c.id)
   OR EXISTS (SELECT FROM case_reviewers r JOIN users u ON u.id = r.user_id
              WHERE r.project_id = c.project_id AND r.case_id = c.id AND u.email = k.paused_by)))
"""


def pause_words(me: str, reviewer: str) -> str:
    """Give the SQL for why a pause `k` of a case `c` was made, in words, or '' to whoever should not hear them.

    `me` and `reviewer` are the parameters for the caller's id, and for whether they only see their own pools.
    """
    hidden = f"{_MAY_QUOTE} AND {_STILL_TO_JUDGE}".format(me=me, reviewer=reviewer)
    return f"CASE WHEN k.reason IS NOT NULL AND {hidden} THEN '' ELSE k.reason END"


# Whether a question `q` on a case `c` is another person's, where several judge or somebody has judged already.
_MAY_SWAY = """
 (q.asked_by IS DISTINCT FROM {me} AND (c.reviews_required > 1
   OR EXISTS (SELECT FROM reviews r WHERE r.project_id = c.project_id AND r.case_id = c.id)))
"""


def question_words(me: str, reviewer: str) -> dict[str, str]:
    """Give the SQL for what a question `q` of a case `c` asked and was answered; the parameters as in `pause_words`.

    Empty to whoever should not hear it. What upstream answers is evidence, and for everybody.
    """
    hidden = f"{_MAY_SWAY} AND {_STILL_TO_JUDGE}".format(me=me, reviewer=reviewer)
    by_a_person = "EXISTS (SELECT FROM users a WHERE a.email = q.answered_by)"
    return {
        "asked": f"CASE WHEN {hidden} THEN '' ELSE q.text END",
        "answered": f"CASE WHEN q.answer IS NOT NULL AND {by_a_person} AND {hidden} THEN '' ELSE q.answer END",
    }


_AUDITED = '"audit":'
FROM_UPSTREAM = frozenset({Action.CLOCK_PAUSED, Action.QUESTION_ANSWERED})


def is_still_to_judge(*, is_open: bool, sees_answers: bool | None, is_reviewer: bool) -> bool:
    """Tell whether somebody's judgement is still to come; `sees_answers` is None where they have no seat in hand."""
    return is_open and (is_reviewer if sees_answers is None else not sees_answers)


def without_answers(rows: Sequence[Mapping[str, Any]], me: UUID, *, is_panel: bool) -> list[dict[str, Any]]:
    """Leave out of an item's history what others have judged, and the words in which they may have said so.

    Where one person judges alone, a reason to escalate or to send back is a message to them, and stays; so is a
    question.
    """
    several = is_panel or any(row["action"] == Action.REVIEW_SUBMITTED for row in rows)
    kept: list[dict[str, Any]] = []
    for row in rows:
        told = dict(row)
        is_anothers = row["actor_id"] != me
        if is_anothers and row["action"] in ANSWERS:
            continue
        if is_anothers and row["action"] in WORDS and (several or row["action"] not in MESSAGES):
            told["details"] = _without(row, WORDS[row["action"]])
        kept.append(told)
    return kept


def without_comments(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Leave out of an item's history what was commented; that somebody did stays."""
    return [{**row, "details": "{}"} if row["action"] in COMMENTS else row for row in rows]


def route_shown(route: str | None, *, is_open: bool) -> str | None:
    """Leave out of a route that the item is there by an audit sample, as long as its judgement is asked for.

    Whoever knew would judge it as one that was let through. Nobody is told, so that nobody has to keep it to
    themselves; where the project tells it, it stays.
    """
    if route is None or not is_open or _AUDITED not in route:
        return route
    told = msgspec.json.decode(route, type=dict[str, Any])
    audit: object = told.get("audit")
    if not is_object(audit) or audit.get("told"):
        return route
    shown = {name: value for name, value in told.items() if name != "audit"}
    return msgspec.json.encode({**shown, "inclusion_probability": None}).decode()


def _without(row: Mapping[str, Any], words: tuple[str, ...]) -> str:
    if row["action"] in FROM_UPSTREAM and row["actor_kind"] != "user":
        return str(row["details"])  # upstream has judged nothing
    details = msgspec.json.decode(row["details"], type=dict[str, Any])
    return msgspec.json.encode({name: value for name, value in details.items() if name not in words}).decode()
