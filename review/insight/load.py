"""Who has how much work now, and how their day goes, for whoever leads the pools."""

from datetime import datetime

import msgspec

from review.identity.rules import Permission, Principal
from review.insight import load_queries
from review.kernel.db import Hot

DONE_CAP = 1_000
MOST_PEOPLE = 200


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What one person has in hand and aside, and has done; `done` stops at `DONE_CAP`.

    `pace_seconds` is the median time that their reviews took in hand, `oldest` since when they have the oldest of what
    is in hand, `overdue` how much of all that they keep is past its due time.
    """

    email: str
    name: str
    in_hand: int
    aside: int
    oldest: datetime | None
    overdue: int
    done: int
    pace_seconds: float | None


def may_see(who: Principal) -> bool:
    """Tell whether somebody leads, so that who has what and how fast is theirs to know."""
    return who.may(Permission.OVERRIDE) and not who.is_blind


async def list_load(hot: Hot, *, who: Principal, pools: list[str], since: datetime) -> list[Load]:
    """Show the load of everybody in these pools, with what they did since then; nothing to who leads none."""
    if not may_see(who):
        return []
    rows = await load_queries.list_load(hot, who.project_id, pools, since, done=DONE_CAP, people=MOST_PEOPLE)
    return [Load(**dict(row)) for row in rows]
