"""The one statement that counts what came lately, for arrivals and for what is tried again later.

It goes by the index of subjects: the newest of a value are looked at, and so many at most.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from review.kernel.db import Hot
from review.routing.measuring import MOST_COUNTED

_LOOKED_AT = 2 * MOST_COUNTED
_SKEW = "1 day"  # by how much the clock that made an id may differ from the database's; ids only narrow the search

# An item that came in the same moment comes before by its id, as its batch had it. Without a moment it is now.
COUNT = f"""
SELECT g.n::int AS n, now() AS at, (
  SELECT count(*)::int FROM (
    SELECT FROM (
      SELECT b.item_id FROM item_bodies b
      WHERE b.project_id = $1 AND b.details ->> 'subject' = g.value
        AND b.item_id > (
             lpad(to_hex((extract(epoch FROM g.moment - g.per - interval '{_SKEW}') * 1000)::bigint), 12, '0')
             || repeat('0', 20))::uuid
        AND (g.item_id IS NULL OR b.item_id < (
             lpad(to_hex((extract(epoch FROM g.moment + interval '{_SKEW}') * 1000)::bigint), 12, '0')
             || repeat('0', 20))::uuid)
      ORDER BY b.item_id DESC LIMIT {_LOOKED_AT}
    ) AS newest JOIN items i ON i.project_id = $1 AND i.id = newest.item_id
    WHERE i.created_at > g.moment - g.per
      AND (g.item_id IS NULL OR i.created_at < g.moment OR (i.created_at = g.moment AND i.id < g.item_id))
    LIMIT {MOST_COUNTED}
  ) AS counted) AS count
FROM (
  SELECT value, per, coalesce(at, now()) AS moment, item_id, n
  FROM unnest($2::text[], $3::interval[], $4::timestamptz[], $5::uuid[])
       WITH ORDINALITY AS u(value, per, at, item_id, n)
) AS g
"""


class Wanted(msgspec.Struct, frozen=True):
    """What is to be counted: a value and a time before now, or before an item came that is stored already."""

    value: str
    per: timedelta
    at: datetime | None = None
    item_id: UUID | None = None


async def count(hot: Hot, project_id: UUID, wanted: Sequence[Wanted]) -> Sequence[Any]:
    """Count each of these; gives a row with `count` and the database's time for each, in their order."""
    if not wanted:
        return ()
    rows = await hot.fetch(
        COUNT,
        project_id,
        [each.value for each in wanted],
        [each.per for each in wanted],
        [each.at for each in wanted],
        [each.item_id for each in wanted],
    )
    return sorted(rows, key=lambda row: row["n"])
