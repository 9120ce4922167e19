"""Setting when a dataset takes snapshots by itself."""

from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action
from review.datasets.errors import ScheduleInvalid, ScheduleNotFound
from review.datasets.schedules import queries
from review.datasets.schedules.rules import Schedule, faults_of, next_after
from review.datasets.schedules.schemas import ScheduleView
from review.datasets.selections import queries as selections
from review.datasets.selections.service import not_found
from review.identity.preferences import zones
from review.identity.rules import Principal
from review.kernel.db import Hot, driver_of, get_now
from review.kernel.sentences import say

FIELDS = ("cron", "timezone", "new_records", "paused")


async def put(tx: AsyncSession, *, who: Principal, dataset: str, schedule: Schedule) -> ScheduleView:
    """Set the schedule of a dataset, which counts from now on. Idempotent.

    Raises:
        DatasetNotFound (404); ScheduleInvalid: with the places (422).
    """
    hot = await driver_of(tx)
    at = await get_now(hot)
    schedule = msgspec.structs.replace(schedule, cron=" ".join(schedule.cron.split()))
    if faults := faults_of(schedule, zones(), at):
        message = say("Snapshots cannot be scheduled so. Nothing was changed; mend what is named.")
        raise ScheduleInvalid(message, errors=tuple(faults))
    if "\0" in dataset or await selections.lock(tx, who.project_id, dataset) is None:
        raise not_found(dataset)
    was = await queries.find(hot, who.project_id, dataset)
    given = msgspec.to_builtins(schedule)
    if was is None or {name: was[name] for name in FIELDS} != given:
        await queries.put(hot, who.project_id, dataset, schedule, next_after(schedule, at), who.actor.name)
        audit.record(tx, who.project_id, who.actor, Action.SCHEDULE_SET, details={"dataset": dataset, **given})
        await tx.flush()
    return view_of(await queries.find(hot, who.project_id, dataset))


async def remove(tx: AsyncSession, *, who: Principal, dataset: str) -> None:
    """Have snapshots of a dataset made only when somebody asks.

    Raises:
        ScheduleNotFound (404).
    """
    if not await queries.remove(await driver_of(tx), who.project_id, _name(dataset)):
        raise _missing(dataset)
    audit.record(tx, who.project_id, who.actor, Action.SCHEDULE_REMOVED, details={"dataset": dataset})
    await tx.flush()


async def find(hot: Hot, *, project_id: UUID, dataset: str) -> ScheduleView | None:
    """Give the schedule of a dataset; None where it has none."""
    row = await queries.find(hot, project_id, _name(dataset))
    return None if row is None else view_of(row)


async def get(hot: Hot, *, project_id: UUID, dataset: str) -> ScheduleView:
    """Give the schedule of a dataset.

    Raises:
        ScheduleNotFound (404).
    """
    found = await find(hot, project_id=project_id, dataset=dataset)
    if found is None:
        raise _missing(dataset)
    return found


def view_of(row: Any) -> ScheduleView:
    """Show a stored schedule."""
    return ScheduleView(**{each.name: row[each.name] for each in msgspec.structs.fields(ScheduleView)})


def _name(dataset: str) -> str:
    """Give a name that PostgreSQL can be asked for."""
    return dataset.replace("\0", "")


def _missing(dataset: str) -> ScheduleNotFound:
    message = say("No snapshots of a dataset %(dataset)s are scheduled here.", dataset=repr(dataset))
    return ScheduleNotFound(message)
