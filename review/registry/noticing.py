"""Noticing model versions: the audit is walked as it grows, item by item that was submitted.

Nothing is written for it where items are taken in. Places in the audit come after the commit and without gaps, so every
item is counted once, those from before the register was there too.
"""

import logging
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import TIMER, Action
from review.kernel import outbox
from review.kernel.db import Database, driver_of
from review.kernel.events import EventKind
from review.registry import queries
from review.registry.rules import Called, first_state

log = logging.getLogger(__name__)

STEPS = 20  # of one project in a turn, so that others have theirs
MOST_TOLD = 20  # events of one step; an upstream that names each item's model anew shall not ring everybody for ever
FULL = "project %s has %s model versions; no more are kept, so the names that its items give change too often"


class _InUseError(Exception):
    """Somebody changes the project just now and may wait for its register, so the step is for the next turn."""


async def follow(db: Database) -> int:
    """Count the items that came since the last turn, and tell of versions that came for the first time.

    Any number may run at once: a project is one's alone for the length of a step. Tells how many entries were seen.
    """
    total = 0
    for project_id in await queries.list_behind(db.hot):
        for _ in range(STEPS):
            try:
                async with db.transaction() as tx:
                    seen = await _step(tx, project_id)
            except _InUseError:
                break
            total += seen
            if seen < queries.STEP:
                break
    return total


async def _step(tx: AsyncSession, project_id: UUID) -> int:
    hot = await driver_of(tx)
    place = await queries.lock_free(hot, project_id)
    if place is None or place["size"] <= place["position"]:
        return 0
    start, size = int(place["position"]), int(place["size"])
    end = min(size, start + queries.STEP)
    seen = await queries.look(hot, project_id, start, end)
    known = await queries.count(hot, project_id, seen)
    fresh = [row for row in known if row["is_first"]] + await _register(tx, project_id, place, seen, known)
    _tell(tx, project_id, place, fresh)
    await queries.move(hot, project_id, end)
    return end - start


async def _register(tx: AsyncSession, project_id: UUID, place: Any, seen: list[Any], known: list[Any]) -> list[Any]:
    hot, names = await driver_of(tx), {Called.of(row) for row in known}
    unknown = [row for row in seen if Called.of(row) not in names]
    if not unknown:
        return []
    room = queries.MOST - await queries.how_many(hot, project_id)
    if room < len(unknown):
        log.warning(FULL, project_id, queries.MOST)
    since, added = place["clearing_since"], list[Any]()
    for row in unknown[: max(0, room)]:
        state = first_state(is_asked=since is not None, is_from_before=since is not None and row["first"] < since)
        version_id = await queries.add(
            hot, project_id, Called.of(row), row["items"], (row["first"], row["last"]), state
        )
        added.append({**dict(row), "id": version_id, "state": state, "first_seen_at": row["first"]})
    if any(row["state"] == "cleared" for row in added):
        if not await queries.lock_project_free(hot, project_id):
            raise _InUseError
        await queries.stamp(hot, project_id)
    return added


def _tell(tx: AsyncSession, project_id: UUID, place: Any, fresh: list[Any]) -> None:
    """Have the audit and the leads hear of what is new; that no model is named is news only where that waits."""
    told = [
        row
        for row in fresh
        if (place["told_from"] is None or row["first_seen_at"] >= place["told_from"])
        and (row["name"] or row["state"] == "waiting")
    ]
    for at, row in enumerate(told):
        details = {
            "model_version_id": str(row["id"]),
            **{key: value for key, value in Called.of(row)._asdict().items() if value},
            "first_seen_at": row["first_seen_at"].isoformat(),
            "waiting": row["state"] in {"waiting", "revoked"},
        }
        audit.record(tx, project_id, TIMER, Action.MODEL_SEEN, details=details)
        if at < MOST_TOLD:
            outbox.emit(tx, project_id, EventKind.MODEL_SEEN, item_id=None, payload=details)
