"""What sensitive items somebody was shown, counted where limits say so, and what they are handed no more of for now."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from review.configuration.rules import ProjectConfig
from review.identity.rules import Principal
from review.kernel.db import Hot
from review.queueing import exposure_queries as queries
from review.queueing import exposure_rules as rules
from review.queueing.exposure_rules import DAY, HOUR, Rest, Shown


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """How many items of one type somebody was shown; `until` says when they are handed more, None for at once."""

    email: str
    type: str
    last_hour: int
    last_day: int
    until: datetime | None


def is_counting(config: ProjectConfig) -> bool:
    """Tell whether it is noted of any item type who was shown its items."""
    return bool(rules.counted_types(config))


async def note_shown(hot: Hot, *, who: Principal, config: ProjectConfig, item_id: UUID, item_type: str) -> None:
    """Note that an item stands before a person's eyes; costs nothing for types that are neither sensitive nor limited.

    Whoever sees one again within a day has seen one item, and saw it now.
    """
    if who.kind == "user" and item_type in rules.counted_types(config):
        await hot.execute(queries.NOTE_SHOWN, who.project_id, who.id, item_id, item_type)


async def list_resting_types(hot: Hot, who: Principal, config: ProjectConfig) -> tuple[str, ...]:
    """Name the item types that somebody is handed no more of for now; asks nothing where there are no limits."""
    return rules.resting_types(await list_rests(hot, who=who, config=config))


async def list_rests(hot: Hot, *, who: Principal, config: ProjectConfig) -> list[Rest]:
    """List the limits that somebody has reached; asks nothing where there are none."""
    quotas = rules.quotas_of(config)
    if not quotas:
        return []
    rows = await hot.fetch(queries.LIST_SHOWN, who.project_id, who.id, DAY)
    return rules.list_rests(quotas, _shown(rows), rows[0]["now"]) if rows else []


async def list_exposures(hot: Hot, *, who: Principal, config: ProjectConfig) -> list[Exposure]:
    """Show how much everybody in the project saw of what is counted, by e-mail and type; those who saw none are not."""
    if not rules.counted_types(config):
        return []
    rows = await hot.fetch(queries.LIST_ALL_SHOWN, who.project_id, DAY)
    quotas, found = rules.quotas_of(config), list[Exposure]()
    for email in dict.fromkeys(row["email"] for row in rows):
        mine = [row for row in rows if row["email"] == email]
        now = mine[0]["now"]
        ends = rules.ends_of(rules.list_rests(quotas, _shown(mine), now))
        for name in sorted({row["type"] for row in mine}):
            times = [row["shown_at"] for row in mine if row["type"] == name]
            found.append(
                Exposure(
                    email=email,
                    type=name,
                    last_hour=sum(at > now - HOUR for at in times),
                    last_day=len(times),
                    until=ends[name].until if name in ends else None,
                )
            )
    return found


async def forget_old(hot: Hot) -> int:
    """Forget what was shown more than a day ago, which no limit counts; gives how many those were."""
    return int((await hot.execute(queries.FORGET_OLD, DAY)).split()[-1])


def _shown(rows: Sequence[Any]) -> list[Shown]:
    return [Shown(row["type"], row["shown_at"]) for row in rows]
