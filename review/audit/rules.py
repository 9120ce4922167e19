"""Who can act, and what there is to be done: the vocabulary of the audit."""

from enum import StrEnum
from uuid import UUID

import msgspec


class Actor(msgspec.Struct, frozen=True):
    """Whoever acted: `kind` is user, key, rule, timer or operator (the command line)."""

    kind: str
    id: UUID | None
    name: str


RULE = Actor("rule", None, "rule")
TIMER = Actor("timer", None, "timer")
OPERATOR = Actor("operator", None, "operator")


class Action(StrEnum):
    """The acts that leave an entry."""

    ITEM_SUBMITTED = "item.submitted"
    ITEM_DECIDED = "item.decided"
    ITEM_WITHDRAWN = "item.withdrawn"
    DECISION_OVERRIDDEN = "decision.overridden"
    ASSIGNMENT_CLAIMED = "assignment.claimed"
    ASSIGNMENT_RELEASED = "assignment.released"
    ASSIGNMENT_SKIPPED = "assignment.skipped"
    ASSIGNMENT_LAPSED = "assignment.lapsed"
    CASE_ESCALATED = "case.escalated"
    CASE_BREACHED = "case.breached"
    REVIEW_SUBMITTED = "review.submitted"
    ADJUDICATION_OPENED = "adjudication.opened"
    CONFIG_APPLIED = "config.applied"
    KEY_CREATED = "key.created"
    USER_CREATED = "user.created"
