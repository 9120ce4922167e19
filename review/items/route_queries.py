"""Reading routes in full: the names of the rules that were tried come from the version that tried them."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from review.items.misses import Misses, is_compact
from review.kernel.db import Hot

MOST_KEPT = 64  # versions; a thousand rules take about 40 KB

NAME_RULES = """
SELECT json_agg(rule -> 'name')::text FROM rulesets s
CROSS JOIN json_array_elements(CASE json_typeof(s.rules) WHEN 'array' THEN s.rules ELSE s.rules -> 'rules' END) AS rule
WHERE s.project_id = $1 AND s.version = $2
"""

# A version's rules are never changed, so what is kept of them is never wrong.
_kept: OrderedDict[tuple[UUID, int], Misses] = OrderedDict()


class _ByVersion(msgspec.Struct, frozen=True):
    ruleset_version: int


async def in_full(hot: Hot, project_id: UUID, rows: Sequence[Any]) -> list[Any]:
    """Give rows with every rule in `route` that was tried, also where it was stored with no more than their number."""
    return [
        {**row, "route": await _told(hot, project_id, row["route"])} if is_compact(row["route"]) else row
        for row in rows
    ]


async def _told(hot: Hot, project_id: UUID, route: str) -> str:
    key = project_id, msgspec.json.decode(route, type=_ByVersion).ruleset_version
    misses = _kept.get(key)
    if misses is None:
        names: str | None = await hot.fetchval(NAME_RULES, *key)
        if names is None:
            return route
        misses = _kept[key] = Misses(msgspec.json.decode(names, type=list[str]))
        if len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return misses.told(route).decode()
