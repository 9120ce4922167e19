"""How somebody's work goes today: done, pace, what waits, and since when without a rest."""

from datetime import datetime, timedelta

import msgspec

from review.identity.rules import Principal
from review.kernel.db import Hot
from review.reviewing import draft_queries

DONE_CAP = 1_000
WAITING_CAP = 100  # of the line on the review page; the pools page counts on
REST = timedelta(minutes=10)  # a gap between reviews that is a rest


class Sitting(msgspec.Struct, frozen=True, kw_only=True):
    """What the line above an item says; counts stop at their caps, and `steady_since` is null after a rest."""

    done: int
    is_done_capped: bool
    pace_seconds: float | None
    waiting: int
    is_waiting_capped: bool
    steady_since: datetime | None


async def find_sitting(hot: Hot, *, who: Principal, pool: str, since: datetime) -> Sitting:
    """Look at the caller's reviews since then, and at what waits in their pool."""
    row = await draft_queries.count_done(
        hot, who, since, REST, cap=DONE_CAP + 1, pool=pool, waiting_cap=WAITING_CAP + 1
    )
    pace, waiting = row["pace_seconds"], row["waiting"]
    return Sitting(
        done=min(row["done"], DONE_CAP),
        is_done_capped=row["done"] > DONE_CAP,
        pace_seconds=None if pace is None else float(pace),
        waiting=min(waiting, WAITING_CAP),
        is_waiting_capped=waiting > WAITING_CAP,
        steady_since=row["steady_since"] if row["is_steady"] else None,
    )
