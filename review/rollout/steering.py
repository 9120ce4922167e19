"""Steering live rollouts: guards are asked first, and only where none fires does the share widen.

All of it is one transaction with the project's and the rollout's rows locked, so a rollout is rolled back or widened
once, whoever looks at it and whatever is cut off.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import TIMER, Action, Actor
from review.configuration import candidates, endings, rollouts
from review.configuration import queries as configuration
from review.configuration import rollout_queries as rows
from review.configuration.endings import Fired
from review.configuration.errors import RolloutInvalid
from review.configuration.models import Rollout
from review.configuration.rollouts import RolloutView
from review.identity.roles import ALL
from review.identity.rules import Principal
from review.kernel.db import Database, driver_of
from review.kernel.errors import FieldError, ReviewError
from review.kernel.sentences import number, say
from review.rollout import queries, rules
from review.rollout.rules import Measured
from review.routing.rollouts import OLDEST_WAITING, share_at

log = logging.getLogger(__name__)

EVERY = timedelta(seconds=5)


async def steer(db: Database, is_stopping: Callable[[], bool] = lambda: False, *, every: timedelta = EVERY) -> int:
    """Look at every live rollout that nobody has looked at for a while; tells how many there were."""
    looked = 0
    for project_id, rollout_id in await queries.list_due(db.hot, every):
        if is_stopping():
            break
        try:
            async with db.transaction() as tx:
                looked += await _look(tx, project_id, rollout_id)
        except ReviewError as refusal:
            async with db.transaction() as tx:
                await _give_up(tx, project_id, rollout_id, refusal)
        except Exception:
            log.exception("rollout %s could not be looked at; the next turn tries again", rollout_id)
    return looked


async def widen(tx: AsyncSession, *, who: Principal, rollout_id: UUID, share: float) -> RolloutView:
    """Widen a live rollout by hand, once the guards were asked; where one fires it is rolled back instead.

    A share of 1 makes the candidate active.

    Raises:
        RolloutNotFound (404); RolloutInvalid: the share is not wider (422); RolloutOver, RolloutRefused (409).
    """
    await configuration.lock_project(tx, who.project)
    row = await rollouts.lock_running(tx, who.project_id, rollout_id)
    if row.state != "live":
        raise rollouts.not_live(row)
    if not row.share < share <= 1.0:
        message = say(
            "A rollout only widens, and takes %(share)s now. Nothing was changed; name a larger share.",
            share=number(row.share, ".4g"),
        )
        raise RolloutInvalid(message, errors=(FieldError("share", say("is not above the share of now and up to 1")),))
    if not await _guarded(tx, row):
        await _widen(tx, row, share, who.actor)
    return await rollouts.view_of(tx, row)


async def measure(tx: AsyncSession, row: Rollout) -> list[Measured]:
    """Give the guards of a rollout with their figures of now."""
    guards = rollouts.course_of(row).guards
    if row.live_at is None or not guards:
        return rules.measure(guards, {})
    with_oldest = any(guard.name == OLDEST_WAITING for guard in guards)
    figures = await queries.measure(await driver_of(tx), row.project_id, row.id, with_oldest=with_oldest)
    return rules.measure(guards, figures)


async def _look(tx: AsyncSession, project_id: UUID, rollout_id: UUID) -> int:
    if await queries.lock_project(await driver_of(tx), project_id) is None:
        return 0
    row = await rows.lock(tx, project_id, rollout_id)
    if row is None or row.state != "live":
        return 0
    row.checked_at = await tx.scalar(func.now().select())
    if not await _guarded(tx, row):
        share = share_at(row.share, rollouts.course_of(row).steps, await rows.since_live(tx, row))
        if share > row.share:
            await _widen(tx, row, share, TIMER)
    await tx.flush()
    return 1


async def _guarded(tx: AsyncSession, row: Rollout) -> bool:
    """Ask the guards, and roll back where one fires; tells whether one did."""
    fired = next((each for each in await measure(tx, row) if each.fires), None)
    if fired is None:
        return False
    guard, figure = fired.guard, fired.figure
    said = Fired(guard=guard.name, value=figure.value, of=figure.of, bound=guard.bound)
    because = f"Guard {guard.name}: {figure.value:.4g} on {figure.of} items is above {guard.bound:.4g}."
    await endings.end(tx, row, "rolled_back", actor=TIMER, because=because, fired=said)
    return True


async def _widen(tx: AsyncSession, row: Rollout, share: float, actor: Actor) -> None:
    """Widen, or make the candidate active where nothing is left to the other version."""
    was = row.share
    if share >= 1.0:
        await _finish(tx, row, actor)
        return
    row.share = share
    details = {"rollout_id": str(row.id), "version": row.version, "what": "widened", "was": was, "share": share}
    audit.record(tx, row.project_id, actor, Action.ROLLOUT_CHANGED, details=details)
    await tx.flush()


async def _finish(tx: AsyncSession, row: Rollout, actor: Actor) -> None:
    slug = await queries.lock_project(await driver_of(tx), row.project_id)
    project = None if slug is None else await configuration.lock_project(tx, slug)
    if project is None:
        raise AssertionError
    candidate = await candidates.lock_candidate(tx, project.slug, row.version)
    row.share = 1.0
    await candidates.put_in_force(tx, project, candidate, actor=actor, reason=row.reason, held=ALL)


async def _give_up(tx: AsyncSession, project_id: UUID, rollout_id: UUID, refusal: ReviewError) -> None:
    """End a rollout that cannot go on, such as one whose version may not become active any more."""
    if await queries.lock_project(await driver_of(tx), project_id) is None:
        return
    row = await rows.lock(tx, project_id, rollout_id)
    if row is not None and row.state == "live":
        await endings.end(tx, row, "rolled_back", actor=TIMER, because=refusal.message)
