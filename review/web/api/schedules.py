"""When datasets take snapshots by themselves, over HTTP."""

from litestar import delete, get, put
from litestar.params import FromPath

from review.datasets.schedules import service as schedules
from review.datasets.schedules.rules import Schedule
from review.datasets.schedules.schemas import ScheduleView
from review.identity.rules import Permission
from review.web.api import bodies
from review.web.api.openapi import takes
from review.web.guards import requires
from review.web.services import AnyRequest, Svc, Tx, Who

READ, WRITE = requires(Permission.READ_FEEDBACK), requires(Permission.WRITE_DATASETS)


@get("/datasets/{name:str}/schedule", opt=READ)
async def get_schedule(services: Svc, who: Who, name: FromPath[str]) -> ScheduleView:
    """Tell when a dataset takes snapshots by itself, when the next one is due, and what came of the last time."""
    return await schedules.get(services.db.hot, project_id=who.project_id, dataset=name)


@put("/datasets/{name:str}/schedule", opt=WRITE | takes(Schedule))
async def put_schedule(request: AnyRequest, who: Who, tx: Tx, name: FromPath[str]) -> ScheduleView:
    """Have a dataset take snapshots by the clock, by what is new, or by whichever comes first; or pause that."""
    given = await bodies.read(request, Schedule)
    return await schedules.put(tx, who=who, dataset=name, schedule=given)


@delete("/datasets/{name:str}/schedule", opt=WRITE, status_code=204)
async def remove_schedule(who: Who, tx: Tx, name: FromPath[str]) -> None:
    """Have snapshots of a dataset made only when somebody asks."""
    await schedules.remove(tx, who=who, dataset=name)
