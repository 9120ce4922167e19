"""Which items a candidate version routes while it is rolled out, how that widens, and what ends it; no I/O."""

import hashlib
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Literal
from uuid import UUID

import msgspec

Mode = Literal["shadow", "live"]


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate on its way: it takes a share of the new items, or those that carry `tag` where one is named."""

    id: UUID
    version: int
    mode: Mode
    share: float = 0.0
    tag: str | None = None


class Step(msgspec.Struct, frozen=True):
    """A share to widen to, so long after the rollout began."""

    share: float
    after: timedelta


class Guard(msgspec.Struct, frozen=True):
    """What a figure may be at most, and on how many items it must rest to count."""

    name: str
    bound: float
    least: int = 1


class Figure(msgspec.Struct, frozen=True):
    """What a guard measured, and on how many items."""

    value: float
    of: int


def version_for(rollout: Rollout | None, item_id: UUID, tags: Collection[str], *, active: int) -> int:
    """Give the version that routes an item: the same rollout, item and tags always give the same."""
    if rollout is None or rollout.mode != "live" or not is_taken(rollout, item_id, tags):
        return active
    return rollout.version


def is_taken(rollout: Rollout, item_id: UUID, tags: Collection[str]) -> bool:
    """Tell whether the rollout takes an item; one that a share takes, every wider share takes too."""
    if rollout.tag is not None:
        return rollout.tag in tags
    if rollout.share >= 1.0:
        return True
    digest = hashlib.sha256(rollout.id.bytes + item_id.bytes).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < rollout.share


def share_at(share: float, steps: Sequence[Step], since_start: timedelta) -> float:
    """Give the share that the schedule asks for by now; a schedule only ever widens."""
    return max([share, *(step.share for step in steps if step.after <= since_start)])


def fires(guard: Guard, figure: Figure) -> bool:
    """Tell whether a guard ends the rollout: its figure rests on enough items and is above the bound."""
    return figure.of >= max(guard.least, 1) and figure.value > guard.bound
