"""Which items a candidate version routes while it is rolled out, how that widens, and what ends it; no I/O."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Literal
from uuid import UUID

import msgspec

from review.identity.rules import LiveRollout
from review.routing.sampling import chance

GuardName = Literal["override_rate", "correction_rate", "breach_rate", "oldest_waiting"]
_COMPARED = b"compared"


class Step(msgspec.Struct, frozen=True):
    """A share to widen to, so long after the rollout went live."""

    share: float
    after: timedelta


class Guard(msgspec.Struct, frozen=True):
    """What a figure may be at most, and on how many items it must rest to count.

    Rates are shares from 0 to 1; `oldest_waiting` is in seconds.
    """

    name: GuardName
    bound: float
    least: int = 1


class Figure(msgspec.Struct, frozen=True):
    """What a guard measured, and on how many items."""

    value: float
    of: int


def is_taken(rollout: LiveRollout, item_id: UUID, tags: Collection[str]) -> bool:
    """Tell whether the candidate routes an item; one that a share takes, every wider share takes too.

    Whoever carries the tag of the pilot group is in, whatever the share.
    """
    if rollout.tag is not None and rollout.tag in tags:
        return True
    return rollout.share > 0.0 and chance(rollout.id.bytes, item_id) < rollout.share


def is_compared(rollout_id: UUID, share: float, item_id: UUID) -> bool:
    """Tell whether an item is also evaluated by the candidate, without acting."""
    return chance(rollout_id.bytes + _COMPARED, item_id) < share


def share_at(share: float, steps: Sequence[Step], since_live: timedelta) -> float:
    """Give the share that the schedule asks for by now; a schedule only ever widens."""
    return max([share, *(step.share for step in steps if step.after <= since_live)])


def next_step(share: float, steps: Sequence[Step], since_live: timedelta) -> Step | None:
    """Give the step that widens next, if one is left."""
    later = [step for step in steps if step.after > since_live and step.share > share]
    return min(later, key=lambda step: step.after, default=None)


def fires(guard: Guard, figure: Figure) -> bool:
    """Tell whether a guard ends the rollout: its figure rests on enough items and is above the bound."""
    return figure.of >= max(guard.least, 1) and figure.value > guard.bound
