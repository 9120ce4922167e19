"""What a stop touches: how much came lately, and what rules decided shortly before; nothing is changed."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from review.identity.rules import Principal
from review.intake import stop_touch_queries as queries
from review.intake.stop_touch_queries import LOOKS, MOST_DECIDED
from review.kernel.db import Hot

WINDOWS: Final = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
}


class Touched(msgspec.Struct, frozen=True):
    """How many items of a subject came in the last hour and day, and are open, among the newest `looked` items."""

    hour: int
    day: int
    open: int
    looked: int

    @property
    def is_capped(self) -> bool:
        """Tell whether there may be more than was looked at."""
        return self.looked >= LOOKS


class Passed(msgspec.Struct, frozen=True):
    """An item that a rule let through, or that a stop holds; `rule` is the one that took it, if there was one."""

    id: UUID
    type: str
    rule: str | None
    created_at: datetime


async def count_touched(hot: Hot, *, who: Principal, kind: str, subject: str) -> Touched:
    """Count what a stop of this subject would touch, as things came lately."""
    (row,) = await hot.fetch(queries.COUNT, who.project_id, kind, subject)
    return Touched(**dict(row))


async def list_let_through(
    hot: Hot, *, who: Principal, kind: str, subject: str, before: datetime | None, within: timedelta
) -> tuple[list[Passed], bool]:
    """List what rules let through of a subject in the time before a moment, and tell whether there is more."""
    rows = await hot.fetch(queries.DECIDED, who.project_id, kind, subject, before, within)
    return [Passed(**dict(row)) for row in rows[:MOST_DECIDED]], len(rows) > MOST_DECIDED


async def list_held(hot: Hot, *, who: Principal, stop_id: UUID) -> list[Passed]:
    """List what a stop holds, those first that have waited longest, up to 20."""
    return [Passed(**dict(row)) for row in await hot.fetch(queries.HELD, who.project_id, stop_id)]


async def list_to_bring_back(
    hot: Hot, *, who: Principal, kind: str, subject: str, before: datetime | None, within: timedelta, limit: int
) -> list[UUID]:
    """List what rules let through of a subject in the time before a moment, and nobody has looked at since.

    The newest first, among the newest 20,000 that are decided. Whoever is bound to pools sees none of it.
    """
    if who.is_pool_bound:
        return []
    rows = await hot.fetch(queries.LET_THROUGH, who.project_id, kind, subject, before, within, limit)
    return [row["id"] for row in rows]


async def list_models(hot: Hot, *, who: Principal) -> list[str]:
    """List the models that sent lately, each for all its versions and then by version, as a stop names them."""
    rows: list[Any] = await hot.fetch(queries.MODELS, who.project_id)
    names = {str(row["name"]): None for row in rows}
    return [*names, *(f"{row['name']}@{row['version']}" for row in rows if row["version"] is not None)]


async def subjects_of_item(hot: Hot, *, who: Principal, item_id: UUID) -> list[tuple[str, str]]:
    """List what of an item may be stopped, as kind and subject: its type, sender, model and rule; none of no item."""
    row = await hot.fetchrow(queries.OF_ITEM, who.project_id, item_id)
    if row is None:
        return []
    found = [("item_type", row["type"]), ("source", row["sender"]), ("rule", row["rule"]), ("model", row["name"])]
    if row["name"] and row["version"]:
        found.append(("model", f"{row['name']}@{row['version']}"))
    return [(kind, str(subject)) for kind, subject in found if subject]
