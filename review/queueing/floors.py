"""Where claims may begin to look while the head of a queue is littered with rows that a long snapshot keeps alive.

Claimed rows leave dead entries at the head of the claim index. Normally they are cleaned away at once; while another
transaction holds an old snapshot they cannot be, and every claim walks over all of them (24 times slower after
15,700 claims: PROMISES, A2). A slow claim therefore leaves a floor for a moment: the place it found, from where the
next claims begin. It is a hint of one process: it ends by itself, and a claim that finds too little from its floor
looks again from the top, so nothing waits longer than the floor lives.
"""

from datetime import datetime
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

    def note(self, project_id: UUID, pool: str, last: Any, *, began: float, ended: float, floor: Place | None) -> None:
        """Take note of a claim: a slow one from the top leaves a floor, one from a floor moves it along.

        `last` is the row that was claimed last, in the order of claims.
        """
        key = (project_id, pool)
        place = Place(last["priority"], last["due_at"], last["id"])
        if floor is None:
            if ended - began >= SLOW_SECONDS:
                self._floors[key] = _Floor(place, ended + LIVES_SECONDS)
        elif key in self._floors:
            self._floors[key] = _Floor(place, self._floors[key].until)
