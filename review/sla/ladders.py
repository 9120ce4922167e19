"""Escalation policies: the steps that fire as time passes."""

from datetime import timedelta
from enum import StrEnum

import msgspec


class Fallback(StrEnum):
    """What a last step decides where nobody has."""

    APPROVE = "approve"
    REJECT = "reject"
    MODEL_OUTPUT = "model_output"  # lets the model's own output through, with the reason `unreviewed` as its flag


class PriorityChange(msgspec.Struct, frozen=True):
    """A new priority: absolute, or so much more than before; never above 100, never below 0."""

    amount: int
    is_relative: bool


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What happens when a share of the target (1.0 is all of it) or a duration since the start has passed.

    A duration counts as the target does: in working time, or elapsed. `notify` and `page` name whom to tell:
    `pool-leads`, `holder`, `pool:NAME`, `channel:NAME` or an e-mail address; a page ignores quiet hours. `reviewers` is
    how many reviews more the case needs from here on.
    """

    after: float | timedelta
    notify: tuple[str, ...] = ()
    page: tuple[str, ...] = ()
    move_to: str | None = None
    priority: PriorityChange | None = None
    reviewers: int = 0
    reassign: bool = False
    decide: Fallback | None = None


class Ladder(msgspec.Struct, frozen=True):
    """An escalation policy: its steps, in the order in which they fire."""

    name: str
    steps: tuple[Step, ...]
