"""What stands around an item in hand, in one statement out of those of its parts."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from review.identity.rules import Principal
from review.items.blindness import pause_words
from review.items.queries import HISTORY
from review.kernel.db import Hot
from review.queueing.aside_queries import LAST_NOTE, LIST_KEPT
from review.queueing.due_queries import CLOCKS
from review.reviewing.draft_queries import COUNT_DONE, OWN
from review.reviewing.pending_queries import LIST_MINE

_HELD_ITEMS = "ARRAY(SELECT item_id FROM assignments WHERE project_id = $1 AND holder_id = $2 AND state = 'held')"

_PARTS: Final = {
    "kept": LIST_KEPT,
    "waiting": LIST_MINE,
    "sitting": COUNT_DONE,
    "clocks": CLOCKS.format(items=_HELD_ITEMS, words=pause_words("$2", "$8")),
    "note": LAST_NOTE.format(seat="$9"),
    "draft": OWN.format(item="$10"),
    "history": HISTORY.format(item="$10"),
}

# Each part is a list of rows as JSON. They are read together because each takes less time than its way there and back.
LOOK = "SELECT " + ",\n".join(
    f"(SELECT coalesce(json_agg(x), '[]') FROM ({part}) x)::text AS {name}" for name, part in _PARTS.items()
)


async def look(
    hot: Hot,
    who: Principal,
    *,
    since: datetime | None,
    caps: tuple[int, int],
    rest: timedelta,
    pool: str | None,
    seat: tuple[UUID, UUID] | None,
) -> Any:
    """Read everything around a seat, given with its item, and how the day goes in a pool since then.

    `caps` bound how much is counted as done and as waiting. What is not named is not there.
    """
    done, waiting = caps
    assignment_id, item_id = seat or (None, None)
    given = who.project_id, who.id, since, done, rest, pool, waiting, who.is_blind, assignment_id, item_id
    return await hot.fetchrow(LOOK, *given)
