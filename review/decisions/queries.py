"""Locking an item for its decision."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from review.decisions.models import Decision
from review.decisions.rules import LockedItem
from review.items.schemas import Details

COLUMNS = """
 i.id, i.state, i.gold, i.erased_at IS NOT NULL AS is_erased, i.type, i.type_version, i.external_id,
 clock_timestamp() AS at, b.input::text AS input, b.output::text AS output, b.details::text AS details,
 b.route::text AS route
"""
LOCK = f"""
SELECT {COLUMNS}
FROM items i JOIN item_bodies b ON b.project_id = i.project_id AND b.item_id = i.id
WHERE i.project_id = :project AND i.id = :item FOR UPDATE OF i
"""


async def lock_item(tx: AsyncSession, project_id: UUID, item_id: UUID) -> LockedItem | None:
    """Lock an item, after its seats, and read what a decision needs; one decision of an item at a time."""
    key = {"project": project_id, "item": item_id}
    row = (await tx.execute(text(LOCK), key)).mappings().one_or_none()
    if row is None:
        return None
    # Read after the lock is ours: a revision committed while we waited must count.
    revision = await tx.scalar(
        text("SELECT coalesce(max(revision), 0) FROM decisions WHERE project_id = :project AND item_id = :item"), key
    )
    return item_of(row, int(revision or 0))


def item_of(row: Mapping[Any, Any], revision: int) -> LockedItem:
    """Show a row of `LOCK`, with the last revision of its decision, 0 where there is none."""
    return LockedItem(
        id=row["id"],
        state=row["state"],
        is_erased=row["is_erased"],
        gold=row["gold"],
        type=row["type"],
        type_version=row["type_version"],
        external_id=row["external_id"],
        input=msgspec.json.decode(row["input"]),
        output=msgspec.json.decode(row["output"]),
        details=msgspec.json.decode(row["details"], type=Details),
        route=msgspec.json.decode(row["route"]),
        revision=revision,
        at=row["at"],
    )


async def find_effective(tx: AsyncSession, project_id: UUID, item_id: UUID) -> Decision | None:
    """Find the decision of an item that counts: its last revision."""
    mine = Decision.project_id == project_id, Decision.item_id == item_id
    return (await tx.scalars(select(Decision).where(*mine).order_by(Decision.revision.desc()).limit(1))).one_or_none()


async def close_item(tx: AsyncSession, project_id: UUID, item_id: UUID, state: str) -> None:
    """Move a locked item to `decided` or `withdrawn`; the time of its first closing stays."""
    await tx.execute(
        text(
            "UPDATE items SET state = :state, closed_at = coalesce(closed_at, now())"
            " WHERE project_id = :project AND id = :item"
        ),
        {"state": state, "project": project_id, "item": item_id},
    )
