"""The people of a project over HTTP: who is there, what they may do, and taking them out."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import delete, get, put
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import UNSET, Meta, UnsetType

from review.identity import people
from review.identity.people import PeoplePage, PersonView
from review.identity.rules import Permission
from review.queueing import departures
from review.web.api import bodies
from review.web.api.openapi import takes
from review.web.guards import requires
from review.web.services import AnyRequest, Tx, Who

READ, WRITE = requires(Permission.READ_PEOPLE), requires(Permission.WRITE_PEOPLE)
Limit = Annotated[int, QueryParameter(name="limit", ge=1, le=people.MOST_ON_A_PAGE)]
PoolNames = Annotated[list[Annotated[str, Meta(max_length=63)]], Meta(max_length=200)]


class PersonIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person is to be: a role, the pools they are in besides the configuration's, or both."""

    role: Annotated[str, Meta(max_length=63)] | UnsetType = UNSET
    pools: PoolNames | UnsetType = UNSET


@get("/people", opt=READ)
async def list_people(who: Who, tx: Tx, cursor: FromQuery[str | None] = None, limit: Limit = 50) -> PeoplePage:
    """List the people of the project with their role, their pools, and when they were last seen."""
    return await people.list_people(tx, who.project_id, cursor=cursor, limit=limit)


@get("/people/{person_id:uuid}", opt=READ)
async def get_person(who: Who, tx: Tx, person_id: FromPath[UUID]) -> PersonView:
    """Read one person."""
    return await people.get_person(tx, who.project_id, person_id)


@put("/people/{person_id:uuid}", opt=WRITE | takes(PersonIn), status_code=200)
async def change_person(request: AnyRequest, who: Who, tx: Tx, person_id: FromPath[UUID]) -> PersonView:
    """Give a person another role, or other pools; what is left out stays. It counts from their next request on.

    Pools that the configuration puts them in are the configuration's to change. Nobody hands out, or takes away, a role
    that carries more than they do themselves, and the last admin stays.
    """
    given = await bodies.read(request, PersonIn)
    return await departures.change(
        tx,
        who.project_id,
        person_id,
        actor=who.actor,
        role=None if given.role is UNSET else given.role,
        pools=None if given.pools is UNSET else given.pools,
        held=who.permissions,
    )


@delete("/people/{person_id:uuid}", opt=WRITE, status_code=204)
async def remove_person(who: Who, tx: Tx, person_id: FromPath[UUID]) -> None:
    """Take a person out of the project: their tokens there end, what they hold goes back. What they did stays."""
    await departures.remove(tx, who.project_id, person_id, actor=who.actor, held=who.permissions)
