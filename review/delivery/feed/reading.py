"""Reading the feed: a page behind a cursor, which is the id of an event."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from review.delivery.feed import queries
from review.delivery.feed.errors import EventCursorUnknown
from review.delivery.feed.schemas import EventPage
from review.identity.rules import Principal
from review.items.personal import hidden_body
from review.kernel.db import Hot
from review.kernel.errors import FieldError, Invalid
from review.kernel.events import EventKind

MAX_PAGE = 1_000
BEGINNING = "0"  # the cursor before the first event
KINDS = tuple(kind.value for kind in EventKind if kind is not EventKind.WEBHOOK_TEST)


def kinds_of(wanted: Sequence[str]) -> frozenset[str] | None:
    """Read which kinds of events somebody wants, each perhaps several with commas between; None for all.

    Raises:
        Invalid: there is no such kind (422).
    """
    names = [name.strip() for each in wanted for name in each.split(",") if name.strip()]
    unknown = [name for name in names if name not in KINDS]
    if unknown:
        message = f"There are no events of type {unknown[0]!r}; nothing was read. A type is one of {', '.join(KINDS)}."
        raise Invalid(message, errors=(FieldError("type", "is not a type of event"),))
    return frozenset(names) or None


async def find_position(hot: Hot, project_id: UUID, after: str | None) -> int | None:
    """Find the place a cursor stands for; None for no cursor.

    Raises:
        EventCursorUnknown: it is not one of this project's feed (422).
    """
    if not after:
        return None
    if after == BEGINNING:
        return 0
    try:
        event_id = UUID(after)
    except ValueError as fault:
        raise EventCursorUnknown from fault
    position = await queries.find_position(hot, project_id, event_id)
    if position is None:
        raise EventCursorUnknown
    return position


async def page(hot: Hot, who: Principal, *, after: str | None, kinds: frozenset[str] | None, limit: int) -> EventPage:
    """Read events behind the cursor; whoever continues from `next` misses none and sees none twice.

    Personal fields that are not for the caller to see are hidden in them.

    A page looks at a bounded stretch of the feed, so with a filter it may be empty although `next` leads on.

    Raises:
        EventCursorUnknown: the cursor is not one of this project's feed (422).
    """
    project_id = who.project_id
    start = await find_position(hot, project_id, after) or 0
    last = await queries.find_last(hot, project_id)
    if last is None or last[0] <= start:
        return EventPage((), after or None)
    upto = min(last[0], start + queries.MOST_POSITIONS)
    limit = max(1, min(limit, MAX_PAGE))
    wanted = None if kinds is None else sorted(kinds)
    rows = await queries.list_page(hot, project_id, after=start, upto=upto, kinds=wanted, limit=limit)
    if len(rows) == limit:
        reached = rows[-1]["id"]
    else:  # everything up to the end of the stretch was looked at, also what the filter left out
        reached = last[1] if upto == last[0] else await queries.get_at(hot, project_id, upto)
    return EventPage([msgspec.Raw(hidden_body(row["body"], who.hides).encode()) for row in rows], str(reached))
