"""Where claims may begin to look while the head of a queue is littered with rows that a long snapshot keeps alive.

Claimed rows leave dead entries at the head of the claim index. Normally they are cleaned away at once; while another
transaction holds an old snapshot they cannot be, and every claim walks over all of them (24 times slower after
15,700 claims: PROMISES, A2). A slow claim therefore leaves a floor for a moment: the place it found, from where the
next claims begin. It is a hint of one process: it ends by itself, and a claim that finds too little from its floor
looks again from the top, so nothing waits longer than the floor lives.

Whoever passes over what they may not have, because they had part in the case or it concerns them, finds a place behind
it. What they passed is open to others, so then the floor is the head of the queue itself, and stays there.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

SLOW_SECONDS = 0.01  # a claim takes about a millisecond; ten say that the head is littered
LIVES_SECONDS = 0.25  # how long something more urgent may be overlooked (PROMISES, design rule 4)


class Place(msgspec.Struct, frozen=True):
    """A place in the order of claims: priority first, then due time, then age."""

    priority: int
    due_at: datetime
    id: UUID


class _Floor(msgspec.Struct, frozen=True):
    place: Place
    until: float
    moves: bool


class Floors:
    """The floors of one process, by project and pool; times are of the monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._floors: dict[tuple[UUID, str], _Floor] = {}

    def find(self, project_id: UUID, pool: str, now: float) -> Place | None:
        """Give the floor of a queue while it lives."""
        floor = self._floors.get((project_id, pool))
        if floor is None:
            return None
        if floor.until <= now:
            del self._floors[project_id, pool]
            return None
        return floor.place

    def leave(self, project_id: UUID, pool: str, last: Any, *, ended: float, head: Any = None) -> None:
        """Leave a floor after a slow claim from the top.

        `last` is the row that was claimed last, in the order of claims; `head` the most urgent that is open after it.
        """
        passed = head is not None and _order(head) < _order(last)
        self._floors[project_id, pool] = _Floor(_place(head if passed else last), ended + LIVES_SECONDS, not passed)

    def move(self, project_id: UUID, pool: str, last: Any) -> None:
        """Move a floor along after a claim from it, unless it lies before what somebody passed over."""
        floor = self._floors.get((project_id, pool))
        if floor is not None and floor.moves:
            self._floors[project_id, pool] = _Floor(_place(last), floor.until, moves=True)


def is_slow(began: float, ended: float) -> bool:
    """Tell whether a claim took so long that the head of its queue must be littered."""
    return ended - began >= SLOW_SECONDS


def _place(row: Any) -> Place:
    return Place(row["priority"], row["due_at"], row["id"])


def _order(row: Any) -> tuple[int, datetime, UUID]:
    return -row["priority"], row["due_at"].replace(tzinfo=UTC), row["id"]  # infinity comes without a zone
