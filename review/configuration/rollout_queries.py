"""Reading and locking rollouts."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from review.configuration.models import Rollout

RUNNING = ("shadow", "live")
LAST_POSITION = text("SELECT last_position FROM event_feeds WHERE project_id = :project")


async def lock_running(tx: AsyncSession, project_id: UUID) -> Rollout | None:
    """Lock the rollout of a project that runs."""
    mine = select(Rollout).where(Rollout.project_id == project_id, Rollout.state.in_(RUNNING))
    return (await tx.scalars(mine.with_for_update().execution_options(populate_existing=True))).one_or_none()


async def lock(tx: AsyncSession, project_id: UUID, rollout_id: UUID) -> Rollout | None:
    """Lock a rollout."""
    mine = select(Rollout).where(Rollout.project_id == project_id, Rollout.id == rollout_id)
    return (await tx.scalars(mine.with_for_update().execution_options(populate_existing=True))).one_or_none()


async def find(tx: AsyncSession, project_id: UUID, rollout_id: UUID) -> Rollout | None:
    """Find a rollout."""
    return await tx.get(Rollout, (project_id, rollout_id), populate_existing=True)


async def list_rollouts(tx: AsyncSession, project_id: UUID, *, before: UUID | None, limit: int) -> list[Rollout]:
    """List rollouts, the last first."""
    mine = select(Rollout).where(Rollout.project_id == project_id)
    if before is not None:
        mine = mine.where(Rollout.id < before)
    return list((await tx.scalars(mine.order_by(Rollout.id.desc()).limit(limit))).all())


async def since_live(tx: AsyncSession, row: Rollout) -> timedelta:
    """Give how long a rollout has been live, the time in which it was paused left out."""
    if row.live_at is None:
        return timedelta(0)
    now = row.paused_at or await tx.scalar(func.now().select()) or row.live_at
    return max(timedelta(0), now - row.live_at - row.paused_for)


async def last_position(tx: AsyncSession, project_id: UUID) -> int:
    """Give the last place in the project's feed of events, 0 where it has none."""
    return int(await tx.scalar(LAST_POSITION, {"project": project_id}) or 0)
